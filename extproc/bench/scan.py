"""What reading a body for sensitive data takes: by kind of text and by length, beside `json.loads` of the same body.

What lives here: the texts, the clock, the arithmetic. Absolute times are the machine's; the ratio to the parse, and how time grows
with length, are the scan's. Beside the median stands the lower quartile, which other processes on the machine disturb less. The last
texts are written against the scan: they nearly match, everywhere.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from extproc.bench.engine import Progress
from extproc.clock import SystemClock
from extproc.config.section import Api
from extproc.dialects import Refusal, Request, parse
from extproc.errors import StartError
from extproc.residency import Inspection, Scanner, ScanPolicy

_TOKENS = (100, 1_000, 4_000, 16_000, 64_000)
_ASCII_CHARS_PER_TOKEN = 4
_MAX_BODY_BYTES = 64 * 1024 * 1024
_BARS_US = {1_000: 250.0, 16_000: 2_000.0}
_ORDINARY = frozenset(("prose", "code", "JSON", "CSV", "log", "hashes", "Japanese", "Russian"))
_DEADLINE_S = 10.0  # so that the curve is seen to its end

Scan = Callable[[Request], Inspection]


@dataclass(frozen=True, slots=True)
class Options:
    """The command line. `samples` are each body's; longer bodies have fewer."""

    samples: int = 200
    seed: int = 7
    tokens: tuple[int, ...] = _TOKENS


@dataclass(frozen=True, slots=True)
class Row:
    """The times of one body."""

    text: str
    tokens: int
    body_bytes: int
    p50_us: float
    p99_us: float
    parse_us: float  # json.loads of it, the median
    low_us: float = 0.0  # the lower quartile

    @property
    def ratio(self) -> float:
        """How many parses the scan takes."""
        return self.p50_us / self.parse_us

    @property
    def bar_us(self) -> float | None:
        """What the median may be, on two quiet cores; None where nothing is promised."""
        return _BARS_US.get(self.tokens) if self.text in _ORDINARY else None


@dataclass(frozen=True, slots=True)
class Report:
    """All rows, and what compiling the detectors took."""

    build_s: float
    rows: tuple[Row, ...]

    def as_json(self) -> dict[str, Any]:
        """The object that `bench scan --json` prints."""
        return {"build_s": self.build_s, "rows": [asdict(row) | {"ratio": row.ratio} for row in self.rows]}


def run(options: Options, progress: Progress = lambda *_: None, scan: Scan | None = None) -> Report:
    """Times `scan`, or the built-in detectors, on every text at every length."""
    start_s = time.perf_counter()
    if scan is None:
        scan = Scanner(ScanPolicy(deadline_s=_DEADLINE_S), SystemClock()).scan
    build_s = time.perf_counter() - start_s
    texts = _texts(random.Random(options.seed))  # noqa: S311 - text, not keys
    rows: list[Row] = []
    for name, (unit, chars_per_token) in texts.items():
        for tokens in options.tokens:
            progress(len(rows), len(texts) * len(options.tokens), f"{name}, {tokens:,} tokens")
            chars = tokens * chars_per_token
            rows.append(_row(name, tokens, (unit * (chars // len(unit) + 1))[:chars], scan, options.samples))
    return Report(build_s, tuple(rows))


def show(report: Report, console: Console) -> None:
    """Prints the curve of each text."""
    table = Table(title="reading a body", title_justify="left")
    for name in ("text", "tokens", "p25 ms", "p50 ms", "p99 ms", "bar ms", "us/1,000 tokens", "times json.loads"):
        table.add_column(name, justify="left" if name == "text" else "right")
    for row in report.rows:
        each = row.p50_us / row.tokens * 1_000
        times = (f"{us / 1e3:.3f}" for us in (row.low_us, row.p50_us, row.p99_us))
        bar = "" if row.bar_us is None else f"{row.bar_us / 1e3:.2f}"
        table.add_row(row.text, f"{row.tokens:,}", *times, bar, f"{each:.0f}", f"{row.ratio:.1f}")
    console.print(table)
    console.print(f"The detectors were compiled in {report.build_s:.1f} s.", highlight=False)


def _row(name: str, tokens: int, text: str, scan: Scan, samples: int) -> Row:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}, ensure_ascii=False).encode()
    request = parse(Api.CHAT, body, max_body_bytes=_MAX_BODY_BYTES)
    if isinstance(request, Refusal):
        raise StartError(f"the body of {name} cannot be read: {request.code}")
    rounds = max(9, min(samples, samples * 4_000 // tokens))
    times = sorted(_times(lambda: scan(request), rounds))
    parses = _times(lambda: json.loads(body), rounds)
    p99_us = times[min(len(times) - 1, round(len(times) * 0.99))]
    return Row(name, tokens, len(body), statistics.median(times), p99_us, statistics.median(parses), times[len(times) // 4])


def _times(call: Callable[[], object], rounds: int) -> list[float]:
    """Microseconds of each round, after one that is not counted."""
    call()
    times = []
    for _ in range(rounds):
        start_s = time.perf_counter()
        call()
        times.append((time.perf_counter() - start_s) * 1e6)
    return times


_WORDS = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "a",
    "is",
    "that",
    "for",
    "it",
    "as",
    "was",
    "with",
    "on",
    "be",
    "by",
    "at",
    "this",
    "from",
    "or",
    "an",
    "are",
    "not",
    "have",
    "which",
    "one",
    "all",
    "their",
    "has",
    "been",
    "more",
    "when",
    "will",
    "would",
    "what",
    "there",
    "can",
    "if",
    "other",
    "about",
    "after",
    "first",
    "only",
    "time",
    "new",
    "some",
    "could",
    "these",
    "two",
    "may",
    "then",
    "do",
    "any",
    "people",
    "over",
    "such",
    "our",
    "also",
    "most",
    "made",
    "between",
    "must",
    "through",
    "years",
    "where",
    "much",
    "before",
    "right",
    "without",
    "again",
    "against",
    "during",
    "water",
    "order",
    "place",
    "house",
    "number",
    "small",
    "large",
    "system",
    "result",
    "method",
    "change",
    "group",
    "table",
    "letter",
    "window",
    "market",
    "paper",
    "river",
    "garden",
    "summer",
    "winter",
    "engine",
    "station",
]
_JAPANESE = (
    "会議は来週の火曜日に開催されます。"
    "資料は前日までに共有してください\uff08第\uff13回\uff09。結果は良好で、費用は\uff11\uff12\uff05減りました\uff01"
)
_RUSSIAN = "Совещание пройдёт в следующий вторник — просьба прислать материалы заранее. Результаты хорошие, расходы снизились на 12%. "
_CODE = """def merge(left: list[int], right: list[int]) -> list[int]:
    # Both are sorted, and so is what is returned.
    merged, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:
            merged.append(left[i]); i += 1
        else:
            merged.append(right[j]); j += 1
    return [*merged, *left[i:], *right[j:]]

class Parser:
    def __init__(self, source: str, limit: int = 0x7FFF) -> None:
        self.source, self.limit = source.replace("\\r\\n", "\\n"), limit

"""


def _texts(chance: random.Random) -> dict[str, tuple[str, int]]:
    """What is repeated to the length wanted, and its characters for a token."""
    prose = " ".join(chance.choice(_WORDS) + (chance.choice((".", ",")) if chance.random() < 0.1 else "") for _ in range(12_000)) + "\n"
    rows = [{"id": f"SO-{at:05d}", "qty": chance.randrange(90), "price": chance.randrange(10**5) / 100, "ok": True} for at in range(4_000)]
    numbers = "\n".join(",".join(str(chance.randrange(10**6)) for _ in range(8)) for _ in range(4_000)) + "\n"
    log = "".join(
        f"2024-03-{chance.randrange(1, 29):02}T12:{chance.randrange(60):02}:{chance.randrange(60):02}.{chance.randrange(1000):03}Z INFO "
        f"request_id={chance.getrandbits(64):016x} method=GET path=/v1/items/{chance.randrange(10**5)} status={chance.choice((200, 404))} "
        f"duration_ms={chance.randrange(3_000)} bytes={chance.randrange(10**5)}\n"
        for _ in range(2_000)
    )
    hashes = " ".join(f"{chance.getrandbits(160):040x}" for _ in range(2_000)) + " "
    near = {
        "almost e-mail": "a@b @c d@ ",
        "almost cards": "4111 1111 1111 1112 ",
        "almost keys": "AKIA1234 ghp_abc sk-12 ",
        "almost passwords": "password: the token = none, ",
        "almost URIs": "a://b:c ",
        "almost base64": "cGFzc3dvcmQ/",
        "escapes": "\\n%41&lt;",
        "spelled": "a b c d e f g h ",
    }
    return {
        "prose": (prose, _ASCII_CHARS_PER_TOKEN),
        "code": (_CODE, _ASCII_CHARS_PER_TOKEN),
        "JSON": (json.dumps(rows), _ASCII_CHARS_PER_TOKEN),
        "CSV": (numbers, _ASCII_CHARS_PER_TOKEN),
        "log": (log, _ASCII_CHARS_PER_TOKEN),
        "hashes": (hashes, _ASCII_CHARS_PER_TOKEN),
        "Japanese": (_JAPANESE, 1),
        "Russian": (_RUSSIAN, 2),
        **{name: (unit, _ASCII_CHARS_PER_TOKEN) for name, unit in near.items()},
    }

"""Records added up by the hour: what reports are made of, and all that is kept of a request for long.

An hour's rollup is a Redis hash for each organisation. A field names a line, which is everything a report can be cut by, as a
compact JSON array; its value is the line's sums, big-endian 64-bit integers one after the other. Both grow at their end only:
a reader fills what an older writer left out with nothing and skips what a newer one added.

A request belongs to the hour it was decided in, or began in when nobody decided. Sums are whole numbers, so those of an hour,
a day or a month are exactly those of the records in it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import add, attrgetter
from typing import Final, NamedTuple

from extproc.scope import parse
from extproc.usage import shape
from extproc.usage.record import Record

SECONDS_AN_HOUR: Final = 3600
OTHER = "(other)"  # no name has parentheses (`extproc.scope`)
ORGANISATIONS_KEY = "tiermesh:organisations"

NOBODY = "-"  # an organisation that was not named, as keys have it
_FAILURES = frozenset(("failed", "cut_off", "aborted"))


class Line(NamedTuple):
    """What the requests of one line have in common, below their organisation. Order and meaning are those of the store.

    `backend` is the one that answered, else the last one tried; `model` is what that backend is configured with.
    """

    department: str = ""
    team: str = ""
    app: str = ""
    user: str = ""
    asked_model: str = ""
    model: str = ""
    tier: str = ""
    backend: str = ""
    location: str = ""
    task: str = ""
    api: str = ""


@dataclass(frozen=True, slots=True)
class Sums:
    """Totals of some requests, in the order of the store. Money is micro-USD.

    `failures` began and did not end well (failed, cut off, aborted), `refusals` were answered by the gateway with an error,
    `estimated` have counts or a price that is an estimate; all three are among `requests`.
    """

    requests: int = 0
    failures: int = 0
    refusals: int = 0
    estimated: int = 0
    prompt_tokens: int = 0  # cached and cache_write included
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0  # reasoning included
    reasoning_tokens: int = 0
    cost_micro_usd: int = 0  # failed_cost_micro_usd included
    asked_cost_micro_usd: int = 0
    failed_cost_micro_usd: int = 0  # of attempts that gave no answer
    estimated_cost_micro_usd: int = 0  # the part of the cost that is an estimate

    def __add__(self, other: Sums) -> Sums:
        return Sums(*map(add, _numbers(self), _numbers(other)))


SUMS: Final = tuple(field.name for field in fields(Sums))
VALUE_BYTES: Final = 8 * len(SUMS)

_numbers = attrgetter(*SUMS)
_pack = struct.Struct(f">{len(SUMS)}q").pack
_LINE_NAMES = len(Line._fields)


def hour_of(wall_s: float) -> int:
    """The hour since the epoch (UTC) that holds this second since the epoch."""
    return int(wall_s // SECONDS_AN_HOUR)


def hour_key(organisation: str, hour: int) -> str:
    """The store's key of one hour. All keys of an organisation share a hash slot."""
    return f"tiermesh:{{{organisation or NOBODY}}}:hour:{hour}"


@lru_cache(maxsize=4096)  # the same few lines come again and again
def field_of(line: Line) -> str:
    """The name of a line in its hour's hash: compact ASCII JSON."""
    return shape.COMPACT.encode(line)


def line_of(field: str | bytes) -> Line:
    """The line that `field_of` named. What cannot be read is OTHER at every level: its sums still count."""
    try:
        names = json.loads(field)
    except (ValueError, RecursionError):
        names = None
    if type(names) is not list or not all(type(name) is str for name in names[:_LINE_NAMES]):
        return _UNREADABLE
    return Line(*names[:_LINE_NAMES])


def folded(field: str | bytes) -> str:
    """The field that takes a line's sums when its hour has no room for another field.

    Who asked, for which model and for what kind of task is given up; what a configuration bounds is kept: model, tier,
    backend, location, API.
    """
    return folded_of(line_of(field))


@lru_cache(maxsize=4096)
def folded_of(line: Line) -> str:
    """The same, of a line."""
    return field_of(line._replace(department=OTHER, team=OTHER, app=OTHER, user=OTHER, asked_model=OTHER, task=OTHER))


def value_of(sums: Sums) -> bytes:
    """The sums as the store has them."""
    return _pack(*_numbers(sums))


def sums_of(value: bytes) -> Sums:
    """The sums that `value_of` wrote, or an older or newer writer's."""
    held = value[:VALUE_BYTES]
    return Sums(*struct.unpack(f">{len(held) // 8}q", held[: len(held) // 8 * 8]))


def entry_of(record: Record) -> tuple[int, str, str, tuple[int, ...]]:
    """What one record adds: its hour, its field, the field it goes to when there is no room, its sums.

    It counts for the organisation of its scope. Requests on paths that are no LLM API, whose `api` is empty, do not belong in
    a rollup. Of a refused request the model asked for is OTHER: anyone may ask for any, and each would be a line.
    """
    path = parse(record.scope)[1:]
    line = Line(*path, OTHER if record.outcome == "refused" else record.asked_model, *_rest_of_line(record))
    return hour_of(record.decided_at or record.started_at), field_of(line), folded_of(line), _numbers(_sums(record))


def total(parts: Iterable[Sums]) -> Sums:
    """All of them added up."""
    whole = Sums()
    for part in parts:
        whole += part
    return whole


_UNREADABLE = Line(*(OTHER,) * _LINE_NAMES)
_rest_of_line = attrgetter("model", "tier", "last_backend", "location", "task", "api")


def _sums(record: Record) -> Sums:
    return Sums(
        1,
        int(record.outcome in _FAILURES),
        int(record.outcome == "refused"),
        int(record.is_estimated),
        record.prompt_tokens,
        record.cached_tokens,
        record.cache_write_tokens,
        record.completion_tokens,
        record.reasoning_tokens,
        record.cost_micro_usd,
        record.asked_cost_micro_usd,
        record.failed_cost_micro_usd,
        record.cost_micro_usd if record.is_estimated else record.failed_cost_micro_usd,
    )

"""`tiermesh raise`: in force at once, over by itself, kept for good."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import redis

from extproc.cli.raising import until_of
from extproc.errors import StartError
from extproc.local import ValkeyProcess
from tests.cli.conftest import Tiermesh

NOW = datetime(2026, 11, 19, 13, 30, tzinfo=UTC).timestamp()
CONFIG = """\
backends: {local: {url: "http://127.0.0.1:8001", model: m, tier: simple, location: on_prem}}
limits:
  purse: {scope: "acme/*/*", of: usd, limit: 50, per: month}
  pace: {scope: acme, of: requests, limit: 5, per: second}
"""


@pytest.fixture
def file() -> Iterator[Path]:
    with TemporaryDirectory(prefix="tm-", dir="/tmp") as directory:
        path = Path(directory) / "tiermesh.yaml"
        path.write_text(f"processor: {{run_dir: {directory}/run}}\n{CONFIG}")
        with ValkeyProcess(Path(directory) / "run") as valkey, redis.Redis.from_url(valkey.url) as client:
            client.sadd("tiermesh:organisations", "acme")
            yield path


def test_a_raise_is_stored_told_and_listed_and_can_be_ended(file: Path, tiermesh: Tiermesh) -> None:
    arguments = ("--by", "12.5", "--until", "3d", "--reason", "launch week", "--who", "ops")
    done = tiermesh("raise", file, "purse", "acme/retail/search", *arguments)
    assert done.status == 0
    assert done.out.startswith("purse of acme/retail/search: 62.50 USD from now until 20")
    assert tiermesh("raise", file, "purse", "acme/retail/search", "--end", "--who", "ops").out.startswith(
        "purse of acme/retail/search: 50.00 USD again"
    )
    first, second = tiermesh("raise", file, "--json").json()["raises"]
    assert (first["limit"], first["scope"], first["by"], first["who"], first["reason"]) == (
        "purse", "acme/retail/search", 12_500_000, "ops", "launch week",
    )  # fmt: skip
    assert not first["is_over"]
    assert 3 * 86_400 - 1 < first["until"] - first["at"] < 3 * 86_400 + 1
    assert (second["by"], second["is_over"]) == (0, True)
    assert "launch week" in tiermesh("raise", file).out
    with redis.Redis(unix_socket_path=str(file.parent / "run" / "valkey.sock")) as client:
        events = [json.loads(fields[b"e"]) for _, fields in client.xrange("tiermesh:{acme}:events")]
        held = json.loads(client.hget("tiermesh:{acme}:raises", "purse|acme/retail/search") or "{}")
    assert [(event["kind"], event["cap"]) for event in events] == [("raise", "62500000"), ("raise", "50000000")]
    assert held["by"] == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("nosuch", "acme", "--by", "1", "--until", "1d", "--reason", "r"), "no limit is called `nosuch`; there is purse, pace"),
        (("purse", "other/a/b", "--by", "1", "--until", "1d", "--reason", "r"), "not a scope that `purse` counts: acme/*/*"),
        (("purse", "acme/a/b", "--by", "1", "--until", "1d"), "a raise needs a --reason"),
        (("purse", "acme/a/b", "--until", "1d", "--reason", "r"), "say --by how much"),
        (("purse", "acme/a/b", "--by=-1", "--until", "1d", "--reason", "r"), "say --by how much"),
        (("pace", "acme", "--by", "1.5", "--until", "1d", "--reason", "r"), "counts whole requests: 1.5 is none"),
        (("pace", "acme", "--by", "1", "--reason", "r"), "say --until when"),
        (("pace", "acme", "--by", "1", "--until", "soon", "--reason", "r"), "`soon` is no time"),
        (("pace", "acme", "--by", "1", "--until", "2020-01-01", "--reason", "r"), "is over already"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[:2]),
)
def test_what_cannot_be_raised_is_said(file: Path, tiermesh: Tiermesh, arguments: tuple[str, ...], complaint: str) -> None:
    done = tiermesh("raise", file, *arguments)
    assert done.status == 2
    assert complaint in done.err
    assert tiermesh("raise", file).out.strip() == "Nothing has been raised."


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", NOW + 5400),
        ("12h", NOW + 12 * 3600),
        ("2w", NOW + 14 * 86_400),
        ("2026-12-01", datetime(2026, 12, 1, tzinfo=UTC).timestamp()),
        ("2026-12-01T08:00+01:00", datetime(2026, 12, 1, 7, tzinfo=UTC).timestamp()),
    ],
)
def test_times_are_spans_or_moments(text: str, moment: float) -> None:
    assert until_of(text, NOW) == moment


def test_a_moment_that_is_over_is_refused() -> None:
    with pytest.raises(StartError, match="is over already"):
        until_of("2026-11-19", NOW)

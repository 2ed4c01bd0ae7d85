"""`tiermesh budget`, and what a forecast says of a month's budget."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import redis

from extproc.cli import budget, forecast
from extproc.cli.budget import bar
from extproc.cli.main import _parser
from extproc.config import compile_config, load
from extproc.limits import Raise, count_of
from extproc.limits.script import key_of
from extproc.local import ValkeyProcess
from extproc.scope import parse
from extproc.testing import ManualClock
from extproc.usage.rollup import ORGANISATIONS_KEY
from tests.cli.conftest import Done, Tiermesh
from tests.report.shop import NOVEMBER, fill, rollups

NOW = datetime(2026, 11, 19, 13, 30, tzinfo=UTC).timestamp()
LIMITS = """\
backends: {local: {url: "http://127.0.0.1:8001", model: m, tier: simple, location: on_prem}}
limits:
  all: {scope: acme, of: usd, limit: 1000, per: month}
  team: {scope: "acme/*/*", of: usd, limit: 50, per: month, timezone: Europe/Berlin, downgrade: {at: 80, tier: simple}}
  tokens: {scope: "acme/*/*/*", of: tokens, limit: 2000000, per: day, mode: shadow}
  flight: {scope: "acme/*", of: in_flight, limit: 8}
  idle: {scope: "acme/lab", of: requests, limit: 10, per: week}
"""
# Limit, scope, spent, reserved.
USED = (
    ("all", "acme", 94_000_010, 2_250_000),
    ("team", "acme/retail/search", 45_000_000, 250_000),
    ("team", "acme/ops/sre", 49_000_000, 2_000_000),
    ("team", "acme/ops", 10, 0),
    ("tokens", "acme/retail/search/indexer", 1_999_000, 500),
    ("flight", "acme/retail", 2, 0),
)


@pytest.fixture(scope="module")
def file() -> Iterator[Path]:
    with TemporaryDirectory(prefix="tm-", dir="/tmp") as directory:
        path = Path(directory) / "tiermesh.yaml"
        path.write_text(f"processor: {{run_dir: {directory}/run}}\n{LIMITS}")
        limits = {limit.name: limit for limit in compile_config(load(path)).limits}
        with ValkeyProcess(Path(directory) / "run") as valkey, redis.Redis.from_url(valkey.url) as client:
            fill(client, rollups(range(NOVEMBER - 30 * 24, int(NOW) // 3600)))
            client.sadd(ORGANISATIONS_KEY, "acme", "other")
            for name, scope, spent, reserved in USED:
                count = count_of(limits[name], parse(scope), NOW)
                client.hset(key_of("acme", "counts"), count.field, struct.pack(">3d", spent, reserved, 0))
            raised = Raise(25_000_000, NOW + 86_400, "shop [launch]", NOW - 60, "dana")
            client.hset(
                key_of("acme", "raises"), "team|acme/ops/sre", json.dumps({name: getattr(raised, name) for name in Raise.__slots__})
            )
            yield path


def _run(file: Path, capsys: pytest.CaptureFixture[str], command: str, *words: str) -> Done:
    module = {"budget": budget, "forecast": forecast}[command]
    status = module.run(_parser().parse_args([command, str(file), *words]), ManualClock(NOW))
    said = capsys.readouterr()
    return Done(status, said.out, said.err)


def test_every_count_with_the_fullest_first(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = _run(file, capsys, "budget", "--json").json()["rows"]
    assert [(row["limit"], row["scope"]) for row in rows] == [
        ("tokens", "acme/retail/search/indexer"), ("team", "acme/retail/search"), ("team", "acme/ops/sre"),
        ("flight", "acme/retail"), ("all", "acme"), ("team", "acme/ops/-"),
    ]  # fmt: skip
    tokens, search, sre = rows[:3]
    assert (tokens["unit"], tokens["spent"], tokens["reserved"], tokens["cap"], tokens["enforced"]) == (
        "tokens",
        1_999_000,
        500,
        2_000_000,
        False,
    )
    assert (search["unit"], search["cap"], search["share"], search["raised"]) == ("micro_usd", 50_000_000, 0.905, None)
    assert search["ends_at"] == "2026-12-01T00:00:00+01:00"
    assert (sre["cap"], sre["raised"]["by"], sre["raised"]["until"]) == (75_000_000, 25_000_000, "2026-11-20T13:30:00Z")
    assert rows[3]["ends_at"] is None


def test_as_a_table(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = _run(file, capsys, "budget").out
    (search,) = [line for line in out.splitlines() if "acme/retail/search " in line]
    assert "█" * 18 + "··" in search
    assert all(word in search for word in ("90%", "$45.25", "$50.00", "2026-12-01 00:00", "downgraded", "team (usd a month)"))
    (tokens,) = [line for line in out.splitlines() if "indexer" in line]
    assert all(word in tokens for word in ("1,999,500", "2,000,000", "99%", "shadow"))
    words = " ".join(out.replace("│", " ").split())
    assert "Nothing counted now by: idle." in words
    assert "[launch]" in words


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        ("acme/retail", {"acme", "acme/retail", "acme/retail/search", "acme/retail/search/indexer"}),
        ("acme/retail/search/indexer/alice", {"acme", "acme/retail", "acme/retail/search", "acme/retail/search/indexer"}),
        ("acme/ops/-", {"acme", "acme/ops/-"}),
        ("other", set()),
    ],
)
def test_of_a_scope_all_that_concerns_it(file: Path, capsys: pytest.CaptureFixture[str], scope: str, scopes: set[str]) -> None:
    rows = _run(file, capsys, "budget", "--scope", scope, "--json").json()["rows"]
    assert {row["scope"] for row in rows} == scopes


def test_one_limit_alone(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert {row["limit"] for row in _run(file, capsys, "budget", "--limit", "team", "--json").json()["rows"]} == {"team"}


def test_limits_that_are_none(tiermesh: Tiermesh, file: Path, good: Path) -> None:
    assert "there is no limit 'colour'" in tiermesh("budget", file, "--limit", "colour").err
    done = tiermesh("budget", good)
    assert (done.status, done.err) == (2, "tiermesh: no limits are configured, or all are off\n")


@pytest.mark.parametrize(
    ("spent", "reserved", "cap", "drawn"),
    [
        (0, 0, 100, "·" * 20),
        (1, 0, 10_000, "█" + "·" * 19),
        (50, 0, 100, "█" * 10 + "·" * 10),
        (50, 25, 100, "█" * 10 + "▒" * 5 + "·" * 5),
        (9_999, 0, 10_000, "█" * 19 + "·"),
        (100, 0, 100, "█" * 20),
        (60, 60, 100, "█" * 12 + "▒" * 8),
        (10**9, 0, 1, "█" * 20),
        (0, 0, 0, "█" * 20),
    ],
)
def test_a_bar_is_full_only_when_nothing_is_left(spent: int, reserved: int, cap: int, drawn: str) -> None:
    assert bar(spent, reserved, cap) == drawn


def test_a_forecast_knows_the_months_budget_of_its_rows(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["team"]: row["budget_micro_usd"] for row in _run(file, capsys, "forecast", "--json").json()["rows"]}
    assert rows == {"acme/retail/search": 50_000_000, "acme/ops/sre": 75_000_000, "acme/retail/checkout": None, "acme/ops/-": 50_000_000}
    out = _run(file, capsys, "forecast").out
    (search,) = [line for line in out.splitlines() if "acme/retail/search" in line]
    assert search.rstrip(" │").endswith("$50.00")
    assert "budget" not in _run(file, capsys, "forecast", "--by", "tier").out
    assert _run(file, capsys, "forecast", "--by", "organisation", "--json").json()["rows"][0]["budget_micro_usd"] == 1_000_000_000


def test_the_documentation_shows_what_is_printed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reports = (Path(__file__).parents[2] / "docs" / "reports.md").read_text()
    shown = reports.split("tiermesh budget tiermesh.yaml", 1)[1].split("```text\n", 1)[1].split("```", 1)[0]
    assert shown == _run(file, capsys, "budget").out

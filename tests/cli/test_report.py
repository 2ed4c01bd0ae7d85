"""`tiermesh report` and `tiermesh forecast` on the embedded store of a gateway that has ended, and of one that runs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import redis

from extproc.cli import forecast, report
from extproc.cli.main import _KINDS, _SORTS, _TIMES, _parser
from extproc.local import ValkeyProcess
from extproc.report import BY, SORTS, TIME
from extproc.report.column import COLUMNS
from extproc.testing import ManualClock
from extproc.usage.rollup import Line, Sums, field_of, hour_key, total, value_of
from tests.cli.conftest import Done, Tiermesh
from tests.report.shop import HOUR_S, NOVEMBER, fill, rollups

NOW = NOVEMBER + 18 * 24 + 13  # 2026-11-19, 13 o'clock UTC
HOURS = range(NOVEMBER - 30 * 24, NOW + 1)
NOVEMBERS = ("--from", "2026-11-01", "--to", "2026-11-30")


@pytest.fixture(scope="module")
def shop() -> Iterator[Path]:
    """A configuration whose embedded store has ended and holds seven weeks."""
    with TemporaryDirectory(prefix="tm-", dir="/tmp") as directory:
        path = Path(directory) / "tiermesh.yaml"
        path.write_text(
            f"processor: {{run_dir: {directory}/run}}\n"
            "backends: {local: {url: 'http://127.0.0.1:8001', model: qwen3-4b, tier: simple, location: on_prem}}\n"
        )
        with ValkeyProcess(Path(directory) / "run") as valkey, redis.Redis.from_url(valkey.url) as client:
            fill(client, rollups(HOURS))
        yield path


def _whole() -> Sums:
    return total(sums for (_, hour), lines in rollups(HOURS).items() if hour >= NOVEMBER for sums in lines.values())


def test_the_choices_are_those_of_the_report() -> None:
    assert (*_KINDS, *_TIMES) == BY
    assert _TIMES == TIME
    assert set(_SORTS) == set(SORTS)


def test_as_json(tiermesh: Tiermesh, shop: Path) -> None:
    found = tiermesh("report", shop, "--by", "tier", "--by", "backend", *NOVEMBERS, "--json").json()
    assert {name: found[name] for name in ("from", "to", "timezone", "scope", "by")} == {
        "from": "2026-11-01", "to": "2026-11-30", "timezone": "UTC", "scope": "", "by": ["tier", "backend"],
    }  # fmt: skip
    assert [(row["tier"], row["backend"]) for row in found["rows"]] == [("complex", "frontier"), ("standard", "mid"), ("simple", "local")]
    whole = _whole()
    assert found["total"]["cost_micro_usd"] == whole.cost_micro_usd == sum(row["cost_micro_usd"] for row in found["rows"])
    assert found["total"]["requests"] == whole.requests
    assert found["rest"]["rows"] == 0


def test_as_a_table_with_exact_totals(tiermesh: Tiermesh, shop: Path) -> None:
    done = tiermesh("report", shop, *NOVEMBERS)
    lines = done.out.splitlines()
    assert lines[0].strip() == "2026-11-01 to 2026-11-30 (UTC)"
    (whole,) = [line for line in lines if "total" in line]
    sums = _whole()
    cells = [cell.strip() for cell in whole.strip("│").split("│")]
    assert cells[:3] == ["total", f"{sums.requests:,}", f"{sums.prompt_tokens:,}"]
    assert f"${sums.cost_micro_usd / 1e6:,.2f}" in cells
    assert "no gateway runs in" in done.err


def test_as_csv(tiermesh: Tiermesh, shop: Path) -> None:
    done = tiermesh("report", shop, "--by", "team", "--top", "2", *NOVEMBERS, "--csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert [row["team"] for row in rows] == ["acme/retail/search", "acme/ops/sre", "(2 more)", "total"]
    assert sum(int(row["requests"]) for row in rows[:-1]) == int(rows[-1]["requests"]) == _whole().requests


def test_as_a_page(tiermesh: Tiermesh, shop: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    done = tiermesh("report", shop, "--by", "app", *NOVEMBERS, "--html", path)
    assert (done.status, done.out) == (0, "")
    text = path.read_text()
    assert text.startswith("<!doctype html>")
    assert "fraud-notes" in text
    assert tiermesh("report", shop, "--html", tmp_path / "none" / "report.html").status == 2


def test_a_scope_and_days_of_another_place(tiermesh: Tiermesh, shop: Path) -> None:
    def cost(*words: str) -> int:
        return int(tiermesh("report", shop, *words, "--json").json()["total"]["cost_micro_usd"])

    day = ("--from", "2026-11-03", "--to", "2026-11-03")
    parts = [cost("--scope", scope, *day) for scope in ("acme/retail", "acme/ops")]
    assert sum(parts) == cost(*day)
    assert cost("--scope", "acme/*/search", *day) == cost("--scope", "acme/retail/search", *day) > 0
    assert cost("--scope", "acme/ops/-", *day) > 0
    assert cost("--scope", "nobody", *day) == 0
    assert cost(*day, "--timezone", "Asia/Tokyo") != cost(*day)


def test_nothing_found_is_said(tiermesh: Tiermesh, shop: Path) -> None:
    done = tiermesh("report", shop, "--from", "2020-01-01", "--to", "2020-01-01")
    assert (done.status, done.out) == (0, "No requests from 2020-01-01 (UTC).\n")


def test_by_default_it_is_the_month_so_far_by_tier(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = _parser().parse_args(["report", str(shop), "--json"])
    assert report.run(args, ManualClock(NOW * HOUR_S + 60.0)) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["from"], found["to"], found["by"]) == ("2026-11-01", "2026-11-19", ["tier"])


def test_a_terminal_too_narrow_loses_columns_and_not_digits(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extproc.cli.table._PAGE_COLUMNS", 90)
    args = _parser().parse_args(["report", str(shop), "--by", "team", *NOVEMBERS])
    report.run(args)
    out = capsys.readouterr().out
    assert "…" not in out
    assert "Too narrow for: " in out
    assert f"{_whole().requests:,}" in out


def test_many_narrow_and_hostile_names(tiermesh: Tiermesh, shop: Path) -> None:
    evil = Line("retail", "=1+1", asked_model="[red]@SUM(1)[/]\x1b[2J")
    hour = NOVEMBER - 24 * 300
    with ValkeyProcess(shop.parent / "run") as valkey, redis.Redis.from_url(valkey.url) as client:
        client.hset(hour_key("acme", hour), field_of(evil), value_of(Sums(1, cost_micro_usd=1)))
        words = ("report", shop, "--by", "asked_model", "--from", "2026-01-01", "--to", "2026-01-31")
        done = tiermesh(*words)
        assert done.err == ""  # the store of a running gateway is read where it is
        assert "[red]@SUM(1)[/]\ufffd[2J" in done.out
        assert "'@" not in tiermesh(*words, "--csv").out.splitlines()[1]
        client.delete(hour_key("acme", hour))


def _forecast(shop: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Done:
    status = forecast.run(_parser().parse_args(["forecast", str(shop), *words]), ManualClock(NOW * HOUR_S + 1800.0))
    said = capsys.readouterr()
    return Done(status, said.out, said.err)


def test_a_forecast_by_team(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = _forecast(shop, capsys, "--json").json()
    assert [row["team"] for row in found["rows"]] == ["acme/retail/search", "acme/ops/sre", "acme/retail/checkout", "acme/ops/-"]
    assert found["total"]["spent_micro_usd"] == _whole().cost_micro_usd == sum(row["spent_micro_usd"] for row in found["rows"])
    for row in [*found["rows"], found["total"]]:
        assert row["days_of_history"] == 47
        assert row["spent_micro_usd"] < row["low_micro_usd"] <= row["expected_micro_usd"] <= row["high_micro_usd"]
        assert row["high_micro_usd"] < 2 * row["spent_micro_usd"]
    assert (found["from"], found["to"], found["at"], found["interval_percent"]) == ("2026-11-01", "2026-11-30", "2026-11-19 13:30", 80)


def test_a_forecast_as_a_table(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = _forecast(shop, capsys, "--by", "app", "--scope", "acme/retail", "--interval", "90").out
    assert "2026-11-01 to 2026-11-30, as of 2026-11-19 13:30 (UTC), acme/retail" in out
    assert "90 % interval" in out
    assert "acme/retail/checkout/fraud-notes" in out
    assert "acme/ops" not in out


def test_a_short_history_is_said_to_be_too_short(tiermesh: Tiermesh, shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ValkeyProcess(shop.parent / "run") as valkey, redis.Redis.from_url(valkey.url) as client:
        keys = [hour_key("young", hour) for hour in range(NOW - 24 * 6, NOW)]
        for key in keys:
            client.hset(key, field_of(Line("lab", "new")), value_of(Sums(1, cost_micro_usd=10_000)))
        out = _forecast(shop, capsys, "--scope", "young").out
        assert out.count("too little history (5 of 14 days)") == 2
        assert _forecast(shop, capsys, "--scope", "nobody").out == "Nothing has been spent yet.\n"
        client.delete(*keys)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--timezone", "Mars/Olympus"), "'Mars/Olympus' is no timezone"),
        (("--scope", "a b"), "letters, digits"),
        (("--from", "2026-11-03", "--to", "2026-11-01"), "the first day, 2026-11-03, comes after the last, 2026-11-01"),
        (("--from", "yesterday"), "must be a day such as 2026-11-01"),
        (("--top", "-1"), "must be a whole number, 0 or more"),
        (("--by", "colour"), "invalid choice"),
        (("--json", "--csv"), "not allowed with"),
    ],
)
def test_what_cannot_be_asked(tiermesh: Tiermesh, shop: Path, words: tuple[str, ...], said: str) -> None:
    done = tiermesh("report", shop, *words)
    assert done.status == 2
    assert said in done.err


@pytest.mark.parametrize("interval", ["0", "100", "x", "-5"])
def test_an_interval_that_is_none(tiermesh: Tiermesh, shop: Path, interval: str) -> None:
    done = tiermesh("forecast", shop, "--interval", interval)
    assert done.status == 2
    assert "--interval" in done.err


@pytest.mark.parametrize("command", ["report", "forecast"])
@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("none", "store.url is `none`: nothing is kept"),
        ("embedded", "nothing is kept in"),
        ("redis://:secret@127.0.0.1:9", "the store at redis://127.0.0.1:9 cannot be read"),
    ],
)
def test_without_a_store_it_says_why(tiermesh: Tiermesh, tmp_path: Path, command: str, store: str, said: str) -> None:
    path = tmp_path / "tiermesh.yaml"
    path.write_text(
        f"processor: {{run_dir: {tmp_path}/run}}\nstore: {{url: '{store}'}}\n"
        "backends: {local: {url: 'http://127.0.0.1:8001', model: m, tier: simple, location: on_prem}}\n"
    )
    done = tiermesh(command, path)
    assert done.status == 2
    assert said in done.err
    assert "secret" not in done.err


def _example(page: str, command: str) -> str:
    """The output shown below a command."""
    after = page.split(command, 1)[1]
    return after.split("```text\n", 1)[1].split("```", 1)[0]


def _trimmed(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def test_the_documentation_shows_what_is_printed(tiermesh: Tiermesh, shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reports = (Path(__file__).parents[2] / "docs" / "reports.md").read_text()
    printed = tiermesh("report", shop, "--by", "team", *NOVEMBERS).out
    assert _trimmed(_example(reports, "tiermesh report tiermesh.yaml --by team")) == _trimmed(printed)
    shown, foretold = _trimmed(_example(reports, "tiermesh forecast")), _trimmed(_forecast(shop, capsys).out)
    # The draws are the same everywhere, sums of floats in another order are not quite.
    assert [line.split("│")[:3] for line in shown] == [line.split("│")[:3] for line in foretold]
    assert len(shown) == len(foretold)


def test_the_documentation_names_every_column_and_dimension() -> None:
    reports = (Path(__file__).parents[2] / "docs" / "reports.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in reports.splitlines() if line.startswith("| `")]
    documented = [(row[0].strip("`"), row[1]) for row in rows if len(row) == 3 and not row[0].startswith("`-")]
    assert documented == [(column.name, column.title) for column in COLUMNS]
    assert all(f"`{name}`" in reports for name in BY)

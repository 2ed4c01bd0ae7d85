"""`tiermesh prices`: what the book says, what a configuration makes of it, and what nobody knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from extproc.config import compile_config, parse
from extproc.pricebook import book
from tests.cli.conftest import Tiermesh

CONFIG = """\
backends:
  local: {url: "http://127.0.0.1:8001", model: qwen, tier: simple, location: on_prem}
  hours:
    url: "http://127.0.0.1:8002"
    model: qwen-large
    tier: simple
    location: on_prem
    price: {gpu: {usd_per_hour: 3.6, input_tokens_per_s: 1000, output_tokens_per_s: 100}}
  own: {url: "https://api.example.com", model: gpt-4o, tier: complex, price: {input: 5, output: 25}}
  cut: {url: "https://api.example.com", model: gpt-4.1-2025-04-14, tier: complex}
  shelf: {url: "https://api.example.com", model: openai/gpt-5.1, tier: complex}
  unknown: {url: "https://api.example.com", model: mystery, tier: complex}
prices:
  gpt-4.1: {input: 1.5, output: 6, then: [{since: "2027-01-01", input: 1, output: 4}]}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tiermesh.yaml"
    path.write_text(CONFIG)
    return path


def test_without_a_model_the_whole_book_is_shown(tiermesh: Tiermesh) -> None:
    done = tiermesh("prices")
    assert (done.status, done.err) == (0, "")
    assert all(listing.model in done.out for listing in book().listings)
    assert f"The price book is of {book().edition}." in done.out


def test_a_model_is_shown_with_all_its_prices_and_where_they_are_from(tiermesh: Tiermesh) -> None:
    done = tiermesh("prices", "o3", "gpt-4o-2024-08-06", "--json").json()
    o3, gpt = done["models"]
    assert [(step["since"], step["input"], step["output"]) for step in o3["prices"]] == [
        ("2025-04-16", 10_000_000, 40_000_000),
        ("2025-06-10", 2_000_000, 8_000_000),
    ]
    assert all(step["source"].startswith("https://") and step["checked"] for step in o3["prices"])
    assert (gpt["model"], gpt["price"]["input"]) == ("gpt-4o", 2_500_000)
    shown = tiermesh("prices", "o3").out
    assert "2025-04-16" in shown
    assert "developers.openai.com" in shown


@pytest.mark.parametrize(("day", "usd"), [("2025-06-09", 10), ("2025-06-10", 2), ("2001-01-01", 10)])
def test_a_day_has_its_prices(tiermesh: Tiermesh, day: str, usd: int) -> None:
    done = tiermesh("prices", "o3", "--at", day, "--json").json()
    assert (done["at"], done["models"][0]["price"]["input"]) == (day, usd * 1_000_000)


def test_a_note_is_told_with_the_model(tiermesh: Tiermesh) -> None:
    assert "introductory" in tiermesh("prices", "gemini-3.8-flash").out


def test_a_model_that_nobody_knows_is_said(tiermesh: Tiermesh) -> None:
    done = tiermesh("prices", "gpt-4o", "claude-sonet-4-5")
    assert done.status == 1
    assert done.err == "tiermesh: no price is known for `claude-sonet-4-5`; did you mean `claude-sonnet-4-5`?\n"
    assert "2024-10-02" in done.out


@pytest.mark.parametrize("day", ["soon", "2026-02-30"])
def test_a_day_that_is_none_is_refused(tiermesh: Tiermesh, day: str) -> None:
    done = tiermesh("prices", "--at", day)
    assert (done.status, done.err.startswith(f"tiermesh: --at {day}: must be a day")) == (2, True)


def test_a_configuration_says_where_each_backend_s_price_is_from(tiermesh: Tiermesh, config: Path) -> None:
    done = tiermesh("prices", "--config", config, "--at", "2026-11-21", "--json").json()
    found = {entry["name"]: (entry["from"], entry["price"]["input"], entry["price"]["output"]) for entry in done["backends"]}
    assert found == {
        "local": ("", 0, 0),
        "hours": ("backends.hours.price (hours of GPUs)", 1_000_000, 10_000_000),
        "own": ("backends.own.price", 5_000_000, 25_000_000),
        "cut": ("prices.gpt-4.1", 1_500_000, 6_000_000),
        "shelf": ("book", 1_250_000, 10_000_000),
        "unknown": ("", 0, 0),
    }
    backends = compile_config(parse(CONFIG)).backends
    assert {name: backend.tariff.at(1.79e9).input for name, backend in backends.items()} == {name: row[1] for name, row in found.items()}
    shown = tiermesh("prices", "--config", config).out
    assert "nowhere: it costs nothing" in shown
    assert "price book: gpt-5.1" in shown


def test_a_configured_price_stands_in_for_the_book_s(tiermesh: Tiermesh, config: Path) -> None:
    done = tiermesh("prices", "gpt-4.1-2025-04-14", "--config", config, "--json").json()
    (entry,) = done["models"]
    assert (entry["from"], [step["since"] for step in entry["prices"]]) == ("prices.gpt-4.1", ["", "2027-01-01"])
    everything = json.loads(tiermesh("prices", "--config", config, "--json").out)["models"]
    assert [entry["from"] for entry in everything if entry["name"] == "gpt-4.1"] == ["prices.gpt-4.1"]


def test_a_broken_configuration_is_reported(tiermesh: Tiermesh, bad: Path) -> None:
    done = tiermesh("prices", "--config", bad)
    assert (done.status, done.out) == (1, "")
    assert "backends.local.url" in done.err


def test_the_book_is_yaml_that_any_reader_reads() -> None:
    text = (Path(book.__wrapped__.__code__.co_filename).parent / "book.yaml").read_text()
    assert len(yaml.safe_load(text)["providers"]) == len({listing.provider for listing in book().listings})

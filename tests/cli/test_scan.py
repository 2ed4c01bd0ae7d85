"""`tiermesh scan`, with the detectors that ship."""

from __future__ import annotations

import functools
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from extproc.cli import inspecting
from extproc.clock import SystemClock
from extproc.residency import Scanner, ScanPolicy
from tests.cli.conftest import Tiermesh

CARD = "4111 1111 1111 1111"
CLEAN = "How do tides work?"


@functools.cache
def compiled(policy: ScanPolicy) -> Scanner:
    return Scanner(policy, SystemClock())


@pytest.fixture(autouse=True)
def compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # The detectors take longer to compile than all the rows of a test take to scan.
    monkeypatch.setattr(inspecting, "Scanner", lambda policy, _, **__: compiled(policy))


def row(row_id: object, text: str, **members: Any) -> dict[str, Any]:
    body = {"model": "gpt-5", "messages": [{"role": "user", "content": text}]}
    return {"id": row_id, "api": "chat", "body": body} | members


def lines(*rows: Any) -> bytes:
    return b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in rows) + b"\n"


def test_each_row_is_one_line_with_kinds_and_counts(tiermesh: Tiermesh) -> None:
    done = tiermesh("scan", "-", stdin=lines(row("a", f"charge {CARD}"), row(2, CLEAN)))
    first, second = (json.loads(line) for line in done.out.splitlines())
    assert done.status == 0
    assert set(first) == {"id", "verdict", "kinds", "unread", "ms"}
    assert (first["id"], first["verdict"], first["kinds"], first["unread"]) == ("a", "sensitive", {"payment_card": 1}, [])
    assert (second["id"], second["verdict"], second["kinds"], second["unread"]) == (2, "clean", {}, [])
    assert first["ms"] >= 0


def test_rows_come_from_a_file_packed_or_not(tiermesh: Tiermesh, tmp_path: Path) -> None:
    raw = lines(row("a", f"charge {CARD}"), row("b", CLEAN))
    for name, written in (("rows.jsonl", raw), ("rows.jsonl.gz", gzip.compress(raw))):
        (tmp_path / name).write_bytes(written)
        done = tiermesh("scan", tmp_path / name)
        assert [json.loads(line)["verdict"] for line in done.out.splitlines()] == ["sensitive", "clean"]


def test_what_was_found_is_never_printed(tiermesh: Tiermesh) -> None:
    for arguments in (("scan", "-"), ("scan", "-", "--table")):
        done = tiermesh(*arguments, stdin=lines(row("a", f"charge {CARD}, marta.lindqvist@example.org")))
        assert "4111" not in done.out + done.err
        assert "marta" not in done.out + done.err


def test_a_body_that_cannot_be_read_is_sensitive(tiermesh: Tiermesh) -> None:
    bodies = ["{", {}, {"model": ""}, [], "[1]", None, 5]
    done = tiermesh("scan", "-", stdin=lines(*(row(index, "", body=body) for index, body in enumerate(bodies))))
    said = [json.loads(line) for line in done.out.splitlines()]
    assert done.status == 0
    assert [(one["id"], one["verdict"], one["kinds"], one["unread"]) for one in said] == [
        (index, "sensitive", {}, ["unparsable"]) for index in range(len(bodies))
    ]


def test_a_body_may_be_given_as_text(tiermesh: Tiermesh) -> None:
    done = tiermesh("scan", "-", stdin=lines(row("a", "", body=json.dumps(row("", f"charge {CARD}")["body"]))))
    assert done.json()["kinds"] == {"payment_card": 1}


def test_what_cannot_be_read_is_said(tiermesh: Tiermesh) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    body = {"model": "gpt-5", "messages": [{"role": "user", "content": [image]}]}
    done = tiermesh("scan", "-", stdin=lines(row("a", "", body=body)))
    assert (done.json()["verdict"], done.json()["unread"]) == ("sensitive", ["image"])


def test_bad_rows_are_named_and_do_not_stop_the_others(tiermesh: Tiermesh) -> None:
    bad = [b"{not JSON", b"[1]", {"id": "c", "api": "chat"}, row("d", CLEAN, api="smoke"), row("e", CLEAN, api=[])]
    done = tiermesh("scan", "-", stdin=lines(*bad, b"", row("f", CLEAN)))
    assert done.status == 1
    assert [json.loads(line)["id"] for line in done.out.splitlines()] == ["f"]
    assert [line.split(": ")[0] for line in done.err.splitlines()] == [f"-:{number}" for number in range(1, 6)]


def test_a_table_for_people(tiermesh: Tiermesh) -> None:
    done = tiermesh("scan", "-", "--table", stdin=lines(row("a[b]", f"charge {CARD}"), row("c", CLEAN)))
    assert done.status == 0
    for word in ("a[b]", "payment_card 1", "sensitive", "clean", "1 of 2 sensitive"):
        assert word in done.out


def test_a_configuration_adds_words_of_its_own(tiermesh: Tiermesh, good: Path) -> None:
    good.write_text(good.read_text() + "residency:\n  patterns:\n    falcon: {pattern: 'Project Falcon'}\n")
    asked = lines(row("a", "When does Project Falcon ship?"))
    assert tiermesh("scan", "-", stdin=asked).json()["kinds"] == {}
    assert tiermesh("scan", "-", "--config", good, stdin=asked).json()["kinds"] == {"custom:falcon": 1}


def test_a_file_that_is_not_there(tiermesh: Tiermesh, tmp_path: Path) -> None:
    done = tiermesh("scan", tmp_path / "nothing")
    assert done.status == 2
    assert "cannot be read" in done.err


def test_a_bad_configuration_is_status_1(tiermesh: Tiermesh, bad: Path) -> None:
    done = tiermesh("scan", "-", "--config", bad, stdin=b"")
    assert done.status == 1
    assert "cannot be used" in done.err

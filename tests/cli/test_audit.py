"""`tiermesh audit`: what it says, and its exit status."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from tests.audit.logs import KEYS, SECRET, append, chain, newest, write
from tests.cli.conftest import Tiermesh


@pytest.fixture
def log(tmp_path: Path) -> Path:
    write(tmp_path / "log", [(1,), (2, 3), (4, 5, 6)])
    return tmp_path / "log"


def test_a_whole_log(tiermesh: Tiermesh, log: Path) -> None:
    done = tiermesh("audit", "verify", log)
    assert done.status == 0
    assert "This log is whole: 6 records" in done.out
    assert "--against" in done.out
    assert KEYS.public.fingerprint in done.out
    found = tiermesh("audit", "verify", log, "--json").json()
    assert (found["verdict"], found["records"], found["problems"]) == ("intact", 6, [])


def test_a_log_that_was_touched(tiermesh: Tiermesh, log: Path) -> None:
    newest(log).write_bytes(newest(log).read_bytes().replace(b"req-2", b"req-9"))
    done = tiermesh("audit", "verify", log)
    assert done.status == 1
    assert "audit-000001.jsonl, line 2, sequence 2: the hash is not that of the record" in done.out
    assert "touched or damaged: 1 problem" in done.out
    assert tiermesh("audit", "verify", log, "--json").status == 1
    assert tiermesh("audit", "report", log).status == 1


def test_an_unfinished_write(tiermesh: Tiermesh, log: Path) -> None:
    append(chain(log), 7, 8)
    newest(log).write_bytes(newest(log).read_bytes()[:-20])
    done = tiermesh("audit", "verify", log)
    assert done.status == 1
    assert "Whole up to record 6." in done.out
    assert "bytes without a signature" in done.out


def test_a_checkpoint_and_a_key_that_were_kept_elsewhere(tiermesh: Tiermesh, log: Path, tmp_path: Path) -> None:
    checkpoint, key = tmp_path / "kept.json", tmp_path / "kept.pub"
    shutil.copy(log / "checkpoint.json", checkpoint)
    shutil.copy(log / "audit.pub", key)
    done = tiermesh("audit", "verify", log, "--against", checkpoint, "--public-key", key)
    assert done.status == 0
    assert "--against" not in done.out
    (log / "audit.pub").write_text("ed25519 " + "00" * 32 + "\n")
    assert "is not the key in" in tiermesh("audit", "verify", log, "--public-key", key).out
    assert tiermesh("audit", "verify", log).status == 1


@pytest.mark.parametrize("what", ["verify", "report", "show"])
def test_where_there_is_no_log(tiermesh: Tiermesh, tmp_path: Path, what: str) -> None:
    done = tiermesh("audit", what, tmp_path / "nowhere")
    assert (done.status, done.out) == (2, "")
    assert "cannot be read" in done.err


def test_a_report(tiermesh: Tiermesh, log: Path) -> None:
    done = tiermesh("audit", "report", log)
    assert done.status == 0
    assert "of 6 requests to cloud backends, 2 had findings" in done.out
    assert "2 requests by rule support-may-mail: email." in " ".join(done.out.split())
    assert "policies in force" in done.out
    found = tiermesh("audit", "report", log, "--json").json()
    assert (found["cloud_bound"], found["sensitive"], found["without_rule"], found["is_clean"]) == (6, 2, 0, False)
    assert found["verification"]["verdict"] == "intact"
    assert found["first"] == "2023-11-14T22:13:20.000000Z"
    heading, *rows = csv.reader(io.StringIO(tiermesh("audit", "report", log, "--csv").out))
    assert heading[:4] == ["requests", "event", "scope", "kinds"]
    assert [row[0] for row in rows] == ["4", "2"]


def test_a_report_of_other_days_or_others_scopes(tiermesh: Tiermesh, log: Path) -> None:
    for arguments in (["--from", "2023-11-15"], ["--to", "2023-11-13"], ["--scope", "other"]):
        assert tiermesh("audit", "report", log, "--json", *arguments).json()["cloud_bound"] == 0
    for arguments in (["--from", "2023-11-14", "--to", "2023-11-14"], ["--scope", "acme/*/search"]):
        assert tiermesh("audit", "report", log, "--json", *arguments).json()["cloud_bound"] == 6
    assert tiermesh("audit", "report", log, "--from", "2023-11-15", "--to", "2023-11-14").status == 2
    assert tiermesh("audit", "report", log, "--scope", "a b").status == 2


def test_the_log_of_a_gateway_is_found_by_its_configuration(tiermesh: Tiermesh, log: Path, good: Path) -> None:
    good.write_text(good.read_text() + f"audit: {{directory: {log}}}\n")
    assert tiermesh("audit", "verify", good, "--json").json()["records"] == 6


def test_the_latest_records(tiermesh: Tiermesh, log: Path) -> None:
    shown = tiermesh("audit", "show", log, "--last", "2", "--json").out.splitlines()
    assert [json.loads(line)["request_id"] for line in shown] == ["req-5", "req-6"]
    assert "req-4" in tiermesh("audit", "show", log, "--request", "req-4").out
    assert tiermesh("audit", "show", log, "--event", "blocked", "--json").out == ""


def test_the_digest_of_a_body_finds_its_record(tiermesh: Tiermesh, log: Path, tmp_path: Path) -> None:
    key = tmp_path / "audit.key"
    key.write_text(SECRET.hex())
    key.chmod(0o600)
    done = tiermesh("audit", "digest", "-", "--key-file", key, stdin=b"body 5")
    assert done.status == 0
    assert done.out.strip() in newest(log).read_text()
    assert tiermesh("audit", "digest", tmp_path / "nothing", "--key-file", key).status == 2
    assert tiermesh("audit", "digest", "-", "--key-file", tmp_path / "no.key", stdin=b"").status == 2
    assert not (tmp_path / "no.key").exists()

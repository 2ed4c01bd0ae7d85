"""What a worker keeps, across reloads."""

from __future__ import annotations

from pathlib import Path

import pytest

from extproc.audit import Entry, Unwritten, Written
from extproc.config import compile_config, parse
from extproc.server.keeping import Keeping

BACKENDS = 'backends: {local: {url: "http://127.0.0.1:1", model: m, tier: simple, location: on_prem}}\n'
ON = parse(BACKENDS)
OFF = parse(BACKENDS + 'residency: {mode: "off"}')
FALCON = parse(BACKENDS + 'residency: {patterns: {falcon: {pattern: "project falcon"}}}')


def entry() -> Entry:
    return Entry(event="released", request_id="r-1", scope="-", backend="big", location="cloud", api="chat")


async def test_a_log_is_begun_when_a_reload_asks_for_it(tmp_path: Path) -> None:
    keeping = Keeping(OFF, tmp_path, "")
    assert keeping.custody(compile_config(OFF), None).auditor is None
    auditor = keeping.custody(compile_config(ON), None).auditor
    assert auditor is not None
    assert isinstance(await auditor.append(entry()), Written)
    await keeping.close()


async def test_a_log_that_cannot_be_begun_then_takes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "audit.key").write_text("no key")
    keeping = Keeping(OFF, tmp_path, "")
    auditor = keeping.custody(compile_config(ON), None).auditor
    assert auditor is not None
    assert isinstance(await auditor.append(entry()), Unwritten)
    assert "audit.key" in caplog.text


def test_a_scanner_may_be_prepared_beside_the_loop(tmp_path: Path) -> None:
    keeping = Keeping(OFF, tmp_path, "")
    on, off, falcon = (compile_config(config) for config in (ON, OFF, FALCON))
    assert keeping.is_prepared(off)
    assert not keeping.is_prepared(on)
    keeping.prepare(on)
    assert keeping.is_prepared(on)
    assert not keeping.is_prepared(falcon)
    inspector = keeping.custody(on, None).inspector
    assert inspector is not None
    assert keeping.custody(on, None).inspector is inspector

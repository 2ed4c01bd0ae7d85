from __future__ import annotations

import contextlib
import io
import json
import os
import threading
from collections.abc import Callable

from extproc.telemetry import LineLog
from extproc.usage import Record

Records = Callable[..., Record]


def test_each_record_is_one_line_of_json(record: Records) -> None:
    stream = io.StringIO()
    log = LineLog(stream)
    records = [record(request_id=f"r{number}", asked_model="line\nbreak é") for number in range(3)]
    log.write(record.line() for record in records)
    log.close()
    lines = stream.getvalue().splitlines()
    assert [json.loads(line) for line in lines] == [{"event": "request", **json.loads(entry.line())} for entry in records]


def test_a_reader_that_stalls_stops_nobody_and_the_loss_is_counted(record: Records) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        log = LineLog(stream, bound=50)
        for _ in range(40):
            log.write([record().line()] * 25)
        assert log.dropped > 500  # the pipe, a write under way and the queue hold far fewer than were written
        drained = threading.Thread(target=_drain, args=(reading,))
        drained.start()
        log.close()
    drained.join()


def _drain(reading: int) -> None:
    with os.fdopen(reading, "rb") as stream:
        while stream.read(65_536):
            pass


def test_a_reader_that_is_gone_stops_nobody(record: Records) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w", buffering=1)
    log = LineLog(stream, bound=10)
    log.write([record().line()] * 5)
    log.close()
    log.write([record().line()] * 30)
    assert log.dropped >= 20
    with contextlib.suppress(BrokenPipeError):
        stream.close()

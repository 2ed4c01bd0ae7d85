"""What the processes say of themselves, on standard error: one JSON object a line, never anything of a request."""

from __future__ import annotations

import json
import logging
import sys


class _JsonFormatter(logging.Formatter):
    def __init__(self, **always: object) -> None:
        super().__init__()
        self._always = always

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {"level": record.levelname.lower(), "logger": record.name, **self._always, "message": record.getMessage()}
        if record.exc_info:
            # Where it happened, not what was in the variables: an exception's text may quote a request.
            kind, _, trace = record.exc_info
            line["error"] = kind.__name__ if kind else ""
            line["at"] = _places(trace)
        return json.dumps(line)


def _places(trace: object) -> list[str]:
    import traceback
    from types import TracebackType

    if not isinstance(trace, TracebackType):
        return []
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]


def say_in_json(**always: object) -> None:
    """Send the root logger to standard error as JSON; `always` is on every line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter(**always))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)

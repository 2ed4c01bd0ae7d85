"""The latest records, for reading."""

from __future__ import annotations

import contextlib
import json
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from extproc.audit.folder import listed
from extproc.audit.line import entry_of


def latest(directory: Path, most: int, is_wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """The last `most` records that are wanted, oldest first; what is no record is passed over. Raises OSError."""
    files, _ = listed(directory)
    found: deque[dict[str, Any]] = deque()
    for file in reversed(files):
        here: deque[dict[str, Any]] = deque(maxlen=max(0, most - len(found)))
        with file.open() as lines:
            for line in lines:
                with contextlib.suppress(ValueError, RecursionError):
                    entry = json.loads(entry_of(line))
                    if isinstance(entry, dict) and is_wanted(entry):
                        here.append(entry)
        found.extendleft(reversed(here))
        if len(found) >= most:
            break
    return list(found)

"""Requests in a file of JSON lines: rows of `id`, `api` and `body`."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from extproc.config import Api
from extproc.errors import StartError


@dataclass(frozen=True, slots=True)
class Row:
    """One request. `members` is the whole row as it was written."""

    api: Api
    body: bytes
    members: dict[str, Any]


def rows(name: str) -> Iterator[tuple[int, Row | str]]:
    """Line numbers with their rows, or with what is wrong with them; `-` is standard input, `.gz` is unpacked.

    Empty lines are skipped. StartError where the file cannot be read.
    """
    yield from ((number, found if isinstance(found, str) else _row(found)) for number, found in objects(name))


def objects(name: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """The same for rows of any members: JSON objects, or what is wrong with them."""
    try:
        with _source(name) as source:
            for number, line in enumerate(source, 1):
                if line.strip():
                    yield number, _object(line)
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"{name} cannot be read: {error}") from error


def complain(name: str, number: int, problem: str) -> None:
    """Says on standard error which row is bad, and why."""
    print(f"{name}:{number}: {problem}", file=sys.stderr)


def _source(name: str) -> TextIO:
    if name == "-":
        return sys.stdin
    return gzip.open(name, "rt", encoding="utf-8") if name.endswith(".gz") else Path(name).open(encoding="utf-8")


def _object(line: str) -> dict[str, Any] | str:
    try:
        members = json.loads(line)
    except (ValueError, RecursionError):
        return "not JSON"
    return members if isinstance(members, dict) else "no object with a body"


def _row(members: dict[str, Any]) -> Row | str:
    if "body" not in members:
        return "no object with a body"
    if members.get("api") not in tuple(Api):
        return f"api must be one of {', '.join(Api)}"
    body = members["body"]
    return Row(Api(members["api"]), body.encode(errors="replace") if isinstance(body, str) else json.dumps(body).encode(), members)

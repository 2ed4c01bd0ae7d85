"""The `tiermesh` command in this process: arguments in; status, output and complaints out."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from extproc.cli import main

GOOD = """\
backends:
  local: {url: "http://127.0.0.1:8001", model: some-model, tier: simple, location: on_prem}
  cloud: {url: "https://api.example.com", model: big-model, tier: complex, price: {input: 5, output: 25}, credential: {file: /etc/key}}
"""
BAD = """\
backends:
  local: {url: "ftp://127.0.0.1", model: some-model, teir: simple}
listener: {port: 99999}
"""


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Tiermesh = Callable[..., Done]


@pytest.fixture
def tiermesh(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Tiermesh:
    """Runs the command, on `stdin` if given."""

    def run(*arguments: str | Path, stdin: bytes | None = None) -> Done:
        if stdin is not None:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as left:
            status = int(left.code or 0)
        said = capsys.readouterr()
        return Done(status, said.out, said.err)

    return run


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "tiermesh.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    return path

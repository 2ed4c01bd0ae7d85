"""Layouts, providers, encodings and languages in which sensitive values are written; and what is none of them, line by line.

A line of `variants.txt` is a kind, or `-` for a clean text, a bar, and the text with `\\n` for the end of a line.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from extproc.clock import SystemClock
from extproc.residency import Scanner, ScanPolicy
from extproc.residency.catalogue import detectors_of

POLICY = ScanPolicy(deadline_s=60)
SCANNER = Scanner(POLICY, SystemClock(), detectors_of(POLICY))  # the patterns alone, without the model of contexts
LINES = [line.partition("|") for line in Path(__file__).with_name("variants.txt").read_text(encoding="utf-8").splitlines()]
SENSITIVE = [text.replace("\\n", "\n") for kind, _, text in LINES if kind != "-"]
CLEAN = [text.replace("\\n", "\n") for kind, _, text in LINES if kind == "-"]


@pytest.mark.parametrize("text", SENSITIVE, ids=range(len(SENSITIVE)))
def test_a_value_is_found_however_it_is_written(text: str) -> None:
    assert not SCANNER.scan_text(text).is_clean


@pytest.mark.parametrize("text", SENSITIVE, ids=range(len(SENSITIVE)))
def test_a_value_is_found_between_other_lines(text: str) -> None:
    assert not SCANNER.scan_text(f"Please look at this.\n\n{text}\n\nand tell me more.").is_clean


@pytest.mark.parametrize("text", CLEAN, ids=range(len(CLEAN)))
def test_a_look_alike_is_let_be(text: str) -> None:
    assert SCANNER.scan_text(text).is_clean

"""Credentials are found wherever they stand, and what only looks like them is let be."""

from __future__ import annotations

import json

import pytest

from extproc.clock import SystemClock
from extproc.residency import Scanner, ScanPolicy
from extproc.residency.detectors import credentials
from tests.residency.credential_cases import CLEAN, SENSITIVE

SCANNER = Scanner(ScanPolicy(deadline_s=60), SystemClock(), credentials.DETECTORS)


@pytest.mark.parametrize(("kind", "text"), SENSITIVE, ids=range(len(SENSITIVE)))
def test_a_credential_is_found_as_what_it_is(kind: str, text: str) -> None:
    assert SCANNER.scan_text(text).has(kind)


@pytest.mark.parametrize(("kind", "text"), SENSITIVE, ids=range(len(SENSITIVE)))
def test_a_credential_is_found_in_the_middle_of_a_text(kind: str, text: str) -> None:
    assert SCANNER.scan_text(f"Please look at this.\n{text}\nand tell me more.").has(kind)


@pytest.mark.parametrize("text", CLEAN, ids=range(len(CLEAN)))
def test_a_look_alike_is_clean(text: str) -> None:
    assert SCANNER.scan_text(text).is_clean


@pytest.mark.parametrize("text", CLEAN, ids=range(len(CLEAN)))
def test_a_look_alike_is_clean_in_json_of_json(text: str) -> None:
    assert SCANNER.scan_text(json.dumps({"note": json.dumps({"text": text})})).is_clean

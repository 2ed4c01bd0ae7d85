"""A scan finds what is planted, in every place and encoding, says kinds and counts alone, and never raises."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.config.section import Api
from extproc.residency import Allowed, Inspection, Scanner, ScanPolicy
from extproc.residency.catalogue import detectors_of
from extproc.residency.detector import Detector
from extproc.residency.detectors import configured, credentials
from extproc.residency.hit import Hit
from extproc.testing import ManualClock
from tests.residency.bodies import ENCODINGS, PLACES, request_of

KEY = "AKIAI44QH8DHBEXAMPLE"
SCANNER = Scanner(ScanPolicy(), ManualClock(), credentials.DETECTORS)
WORD = Detector("email", r"\bfalcon\b")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


def scanner(*detectors: Detector, policy: ScanPolicy = ScanPolicy()) -> Scanner:  # noqa: B008 - frozen
    return Scanner(policy, ManualClock(), detectors)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_key_is_found_in_every_place_and_encoding(place: str, encoding: str) -> None:
    api, body_of = PLACES[place]
    assert SCANNER.scan(request_of(api, body_of(ENCODINGS[encoding](KEY)))).has("api_key")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["json", "json in json", "base64", "percent", "unicode escapes", "hex"]), max_size=3),
    st.sampled_from(sorted(PLACES)),
)
def test_encodings_in_encodings_are_undone_or_said(layers: list[str], place: str) -> None:
    text = KEY
    for layer in layers:
        text = ENCODINGS[layer](text)
    api, body_of = PLACES[place]
    found = SCANNER.scan(request_of(api, body_of(text)))
    assert found.has("api_key") or "depth" in found.unread


def test_too_many_layers_are_said() -> None:
    text = "nothing to see here"
    for _ in range(8):
        text = base64.b64encode(text.encode()).decode()
    assert "depth" in SCANNER.scan_text(text).unread


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(max_size=10).filter(lambda key: key.lower() != "model"), JSON, max_size=4), st.sampled_from(list(Api)))
def test_a_scan_of_any_body_gives_an_answer(members: dict[str, Any], api: Api) -> None:
    unique = {key.lower(): value for key, value in members.items() if key.lower() != "model"}
    request = request_of(api, {"model": "m", **unique})
    found = SCANNER.scan(request)
    assert not found.is_error
    assert found == SCANNER.scan(request)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_a_scan_of_any_text_gives_an_answer(text: str) -> None:
    assert not SCANNER.scan_text(text).is_error


def test_a_check_that_fails_is_an_error_and_not_a_clean_answer() -> None:
    def check(_: Hit) -> bool:
        raise KeyError

    assert scanner(Detector("email", "a", check)).scan_text("a") == Inspection(is_error=True)


def test_kinds_are_counted_by_value_and_sorted() -> None:
    found = scanner(Detector("phone", r"\b[0-9]{3}\b"), WORD).scan_text("falcon 123 falcon 123 456")
    assert found == Inspection((("email", 1), ("phone", 2)))


def test_an_inspection_holds_no_text() -> None:
    assert KEY not in repr(SCANNER.scan_text(f"key {KEY}"))


def test_a_scan_that_is_late_says_so() -> None:
    clock = ManualClock()

    def check(_: Hit) -> bool:
        clock.advance(0.01)
        return False

    found = Scanner(ScanPolicy(deadline_s=0.1), clock, (Detector("email", r"\ba\b", check),)).scan_text("a " * 500)
    assert found.unread == ("deadline",)


def test_checks_are_bounded_on_any_text() -> None:
    checks = 0

    def check(_: Hit) -> bool:
        nonlocal checks
        checks += 1
        return False

    for size in (10_000, 100_000):
        checks = 0
        found = scanner(Detector("email", "a", check)).scan_text("a" * size)
        assert found.unread == ("too_many",)
        assert checks <= 250 + size / 64 + 1


def test_values_beyond_a_hundred_are_not_looked_for() -> None:
    assert scanner(Detector("phone", r"\b[0-9]{4}\b")).scan_text(" ".join(map(str, range(1000, 2000)))).kinds == (("phone", 100),)


@pytest.mark.parametrize(
    ("text", "is_clean"),
    [("AKIAI44QH8DHBEXAMPLE", True), ("key=AKIAI44QH8DHBEXAMPLE;", True), ("AKIAI44QH8DHBEXAMPLF", False)],
)
def test_what_is_allowed_passes(text: str, is_clean: bool) -> None:
    policy = ScanPolicy(allowed=(Allowed(KEY, frozenset({"api_key"})),))
    assert scanner(*credentials.DETECTORS, policy=policy).scan_text(text).is_clean is is_clean


def test_another_kind_is_not_allowed_with_it() -> None:
    policy = ScanPolicy(allowed=(Allowed("falcon", frozenset({"phone"})),))
    assert scanner(WORD, policy=policy).scan_text("falcon").has("email")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ask db1.corp.acme.com about it", "internal_host"),
        ("corp.acme.com", "internal_host"),
        ("at 10.20.3.4", "internal_ip"),
        ("PROJECT  FALCON is late", "custom:falcon"),
        ("m\u00fcller & s\u00f6hne", "custom:customers"),
    ],
)
def test_what_an_operator_names_is_found(text: str, kind: str) -> None:
    policy = ScanPolicy(
        internal_hosts=("*.corp.acme.com",),
        internal_networks=("10.20.0.0/16",),
        patterns=(("falcon", r"project\s+falcon"),),
        dictionaries=(("customers", ("M\u00fcller & S\u00f6hne",)),),
    )
    assert scanner(*configured.detectors(policy)).scan_text(text).has(kind)


@pytest.mark.parametrize(
    "text", ["xcorp.acme.com", "corp.acme.com.example.org", "10.21.0.1", "projects falconry", "m\u00fcller & s\u00f6hnen"]
)
def test_what_an_operator_does_not_name_is_not(text: str) -> None:
    policy = ScanPolicy(
        internal_hosts=("*.corp.acme.com",),
        internal_networks=("10.20.0.0/16",),
        patterns=(("falcon", r"project\s+falcon"),),
        dictionaries=(("customers", ("M\u00fcller & S\u00f6hne",)),),
    )
    assert scanner(*configured.detectors(policy)).scan_text(text).is_clean


def test_a_policy_has_every_family_and_what_the_operator_names() -> None:
    kinds = {detector.kind for detector in detectors_of(ScanPolicy(patterns=(("falcon", "falcon"),)))}
    assert {
        "api_key",
        "payment_card",
        "iban",
        "us_ssn",
        "email",
        "medical_record",
        "internal_host",
        "confidential",
        "custom:falcon",
    } <= kinds
    assert "email" not in {detector.kind for detector in detectors_of(ScanPolicy(ignored_kinds=frozenset({"email"})))}


def test_json_text_reads_like_json() -> None:
    text = json.dumps({"password": "hunter2"})
    assert SCANNER.scan_text(text).has("password")
    assert SCANNER.scan(request_of(Api.CHAT, {"model": "m", "messages": [{"role": "user", "content": "a", "password": "hunter2"}]})).has(
        "password"
    )

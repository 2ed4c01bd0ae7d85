"""JSON read strictly, with the place of every top-level value."""

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc.dialects import scan

on_a_busy_machine = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4), max_leaves=12
)
objects = st.dictionaries(st.text(max_size=6), values, max_size=6)
layouts = st.sampled_from(
    [{}, {"indent": 1}, {"ensure_ascii": False}, {"separators": (" ,\t", "\r\n: ")}, {"indent": "\t", "ensure_ascii": False}]
)


def code_of(text: str) -> str:
    with pytest.raises(scan.UnreadableError) as caught:
        read(text)
    return caught.value.code


def read(text: str) -> dict[str, Any]:
    scan.check_shape(text.encode())
    return scan.read_object(text)[0]


@on_a_busy_machine
@given(objects, layouts)
def test_every_object_is_read_as_the_standard_library_reads_it(value: dict[str, Any], layout: dict[str, Any]) -> None:
    text = json.dumps(value, **layout)
    members, spans = scan.read_object(text)
    assert members == value
    assert {name: json.loads(text[start:end]) for name, (start, end) in spans.items()} == value
    assert list(spans) == list(value)


@on_a_busy_machine
@given(st.text(max_size=60) | st.text('{}[]",:\\ 01eEn-.tru', max_size=60).map(lambda rest: "{" + rest))
def test_what_is_accepted_is_what_the_standard_library_accepts_and_nothing_else_is_raised(text: str) -> None:
    try:
        members, _ = scan.read_object(text)
    except scan.UnreadableError:
        return
    assert members == json.loads(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_body"),
        (" \r\n\t", "empty_body"),
        ("\ufeff{}", "invalid_json"),
        ("[]", "invalid_json"),
        ('"model"', "invalid_json"),
        ("null", "invalid_json"),
        ("{", "invalid_json"),
        ('{"a"', "invalid_json"),
        ('{"a":', "invalid_json"),
        ('{"a":1', "invalid_json"),
        ('{"a":1,', "invalid_json"),
        ('{"a":1,}', "invalid_json"),
        ('{,"a":1}', "invalid_json"),
        ('{"a" 1}', "invalid_json"),
        ("{'a':1}", "invalid_json"),
        ("{a:1}", "invalid_json"),
        ('{"a":01}', "invalid_json"),
        ('{"a":+1}', "invalid_json"),
        ('{"a":.5}', "invalid_json"),
        ('{"a":tru}', "invalid_json"),
        ('{"a":"\n"}', "invalid_json"),
        ('{"a\n":1}', "invalid_json"),
        ('{"a":"\\x"}', "invalid_json"),
        ('{"a":"\\u12"}', "invalid_json"),
        ('{"a":1}x', "invalid_json"),
        ('{"a":1}{"a":1}', "invalid_json"),
        ('{"a":1}\x00', "invalid_json"),
        ('{"a":1}\u00a0', "invalid_json"),
        ('{\u00a0"a":1}', "invalid_json"),
        ('{"a":NaN}', "invalid_json"),
        ('{"a":Infinity}', "invalid_json"),
        ('{"a":[-Infinity]}', "invalid_json"),
        ('{"a":' + "9" * 5000 + "}", "invalid_json"),
        ('{"a":1,"a":1}', "duplicate_key"),
        ('{"a":1,"\\u0061":1}', "duplicate_key"),
        ('{"a":{"b":1,"b":2}}', "duplicate_key"),
        ('{"a":[[{"b":1,"c":{"d":[{"e":1,"\\u0065":1}]}}]]}', "duplicate_key"),
    ],
)
def test_everything_else_is_refused_by_name(text: str, code: str) -> None:
    assert code_of(text) == code


@pytest.mark.parametrize("text", ["{}", " { } \n", '{"a":1}\r\n', '\t{ "a" : -0.0 , "b" : 1e400 }', '{"\\ud800":"\\udfff"}', '{"":""}'])
def test_unusual_but_valid_objects_are_read(text: str) -> None:
    assert scan.read_object(text)[0] == json.loads(text)


def test_messages_never_quote_the_body() -> None:
    for text in ('{"secret":1,"secret":1}', '{"secret" "secret"}', '{"a":"secret\x01"}', '{"a":secret}'):
        with pytest.raises(scan.UnreadableError) as caught:
            scan.read_object(text)
        assert "secret" not in caught.value.message


def nested(levels: int, opening: str, inner: str, closing: str) -> str:
    return '{"a":' + opening * (levels - 1) + inner + closing * (levels - 1) + "}"


@pytest.mark.parametrize(
    ("opening", "inner", "closing"), [("[", "", "]"), ('{"k":', "1", "}"), ('[{"k":', "1", "}]"), ('[ "]" ,{}, [ ', '"\\"["', " ] ]")]
)
def test_nesting_is_bounded_at_the_same_level_whatever_it_is_made_of(opening: str, inner: str, closing: str) -> None:
    per_unit = opening.replace("{}", "").replace('"]"', "").count("[") + opening.replace("{}", "").count("{")
    units = (scan.MAX_DEPTH - 1) // per_unit
    deepest = nested(units + 1, opening, inner, closing)
    scan.check_shape(deepest.encode())
    assert scan.read_object(deepest)[0]
    assert code_of(nested(units + 2, opening, inner, closing)) == "too_deep"
    assert code_of(nested(20_000, opening, inner, closing)) == "too_deep"


def test_unclosed_nesting_is_refused_too() -> None:
    assert code_of('{"a":' + "[" * 100_000) in ("too_deep", "invalid_json")
    assert code_of('{"a":' * 100_000) in ("too_deep", "invalid_json")


def test_brackets_in_strings_are_no_nesting() -> None:
    text = json.dumps({"a": "[" * 1000 + '"{\\' * 1000, "b": ['"', "\\", "\\\\", '\\"', "[{" * 200, "\n["]})
    scan.check_shape(text.encode())
    assert scan.read_object(text)[0] == json.loads(text)


@on_a_busy_machine
@given(values, layouts)
def test_depth_is_counted_exactly(value: Any, layout: dict[str, Any]) -> None:
    def depth(node: Any) -> int:
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else None
        return 0 if inner is None else 1 + max(map(depth, inner), default=0)

    # Enough siblings to get past the quick bound, and enough levels around to stand at the limit or one beyond.
    padded = json.dumps([value, [[]] * scan.MAX_DEPTH], **layout).encode()
    room = scan.MAX_DEPTH - max(1 + depth(value), 3)
    scan.check_shape(b"[" * room + padded + b"]" * room)
    with pytest.raises(scan.UnreadableError):
        scan.check_shape(b"[" * (room + 1) + padded + b"]" * (room + 1))


@pytest.mark.parametrize("unit", ["1", "[]", "{}", '""', '"a,b"', '{"k":1}', "[[]]"])
def test_a_body_of_too_many_values_is_refused_before_it_is_parsed(unit: str) -> None:
    assert code_of('{"a":[' + ",".join([unit] * (scan.MAX_VALUES + 10)) + "]}") == "too_complex"


def test_long_strings_full_of_commas_and_quotes_are_few_values() -> None:
    text = json.dumps({"a": ',"' * scan.MAX_VALUES, "b": "[,{" * 1000})
    scan.check_shape(text.encode())


def test_floats_beyond_range_are_left_to_the_backend() -> None:
    assert math.isinf(scan.read_object('{"a":1e999}')[0]["a"])

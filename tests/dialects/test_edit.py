"""Edits change what was meant, and not a byte more."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc import dialects
from extproc.config.section import Api
from extproc.dialects import scan

on_a_busy_machine = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

LIMIT = 1 << 25

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=8
)
names = st.sampled_from(["temperature", "stream", "user", "é", "x y", '"', "\\", "日本", "😀"])
objects = st.fixed_dictionaries({"model": st.just("m")}, optional={"messages": values, "n": values}).flatmap(
    lambda fixed: st.dictionaries(names, values, max_size=5).flatmap(
        lambda more: st.permutations(list({**fixed, **more}.items())).map(dict)
    )
)
layouts = st.sampled_from([{}, {"indent": 2}, {"ensure_ascii": False}, {"separators": (" ,\t", " :\n"), "ensure_ascii": False}])
edits = st.dictionaries(names | st.sampled_from(["model", "messages", "new"]), st.none() | values.map(json.dumps), max_size=5)


def request_of(body: str | bytes, api: Api = Api.CHAT, content_encoding: str = "") -> dialects.Request:
    raw = body.encode() if isinstance(body, str) else body
    request = dialects.parse(api, raw, content_encoding=content_encoding, max_body_bytes=LIMIT)
    assert isinstance(request, dialects.Request), request
    return request


@on_a_busy_machine
@given(objects, layouts)
def test_an_untouched_body_leaves_as_it_came(value: dict[str, Any], layout: dict[str, Any]) -> None:
    raw = json.dumps(value, **layout).encode()
    assert dialects.edit(request_of(raw), {}) == raw


@on_a_busy_machine
@given(objects, layouts, edits)
def test_an_edit_changes_what_was_meant_and_no_other_byte(
    value: dict[str, Any], layout: dict[str, Any], changes: dict[str, str | None]
) -> None:
    request = request_of(json.dumps(value, **layout))
    edited = dialects.edit(request, changes).decode()
    members, spans = scan.read_object(edited)
    kept = {name: given for name, given in value.items() if name not in changes}
    assert members == kept | {name: json.loads(text) for name, text in changes.items() if text is not None}
    for name in kept:
        assert edited[slice(*spans[name])] == request.source[slice(*request.spans[name])]
    for name, text in changes.items():
        if text is not None:
            assert edited[slice(*spans[name])] == text
    assert [name for name in spans if name in request.spans] == [name for name in request.spans if name in members]


@on_a_busy_machine
@given(objects, layouts)
def test_setting_members_to_what_they_are_changes_nothing(value: dict[str, Any], layout: dict[str, Any]) -> None:
    request = request_of(json.dumps(value, **layout))
    same = {name: request.source[slice(*span)] for name, span in request.spans.items()}
    assert dialects.edit(request, same) == request.body


@pytest.mark.parametrize(
    ("body", "changes", "expected"),
    [
        ('{"model":"a"}', {"model": '"b"'}, '{"model":"b"}'),
        (' {\n  "model" : "a" ,\n  "n":1\n}\n', {"model": '"b"'}, ' {\n  "model" : "b" ,\n  "n":1\n}\n'),
        ('{"model":"a"}', {"seed": "7"}, '{"model":"a","seed":7}'),
        ('{\n  "model": "a"\n}', {"seed": "7"}, '{\n  "model": "a","seed":7\n}'),
        ('{"n":1.50,"model":"a","x":1e2}', {"model": '"b"', "x": None}, '{"n":1.50,"model":"b"}'),
        ('{"x":1, "y":2, "model":"a"}', {"x": None, "y": None}, '{ "model":"a"}'),
        ('{"x":1, "model":"a", "y":2}', {"model": None}, '{"x":1, "y":2}'),
        ('{ "model":"a" }', {"model": None}, "{ }"),
        ('{ "model":"a" }', {"model": None, "n": "1"}, '{"n":1 }'),
        ('{"model":"a"}', {"gone": None}, '{"model":"a"}'),
        ('{"mod\\u0065l":"a"}', {"model": '"b"'}, '{"mod\\u0065l":"b"}'),
        ('{"model":"a","user":"\\ud83d"}', {"model": '"b"'}, '{"model":"b","user":"\\ud83d"}'),
        (
            '{"user":"日本😀é","model":"a","metadata":{"k":"日本😀é"}}',
            {"model": '"日"'},
            '{"user":"日本😀é","model":"日","metadata":{"k":"日本😀é"}}',
        ),
    ],
)
def test_edits(body: str, changes: dict[str, str | None], expected: str) -> None:
    assert dialects.edit(request_of(body), changes) == expected.encode()


def test_a_lone_surrogate_in_an_edit_is_written_as_its_escape() -> None:
    edited = dialects.edit(request_of('{"model":"a","user":"\\ud800"}'), {"user": '"\ud800"'})
    assert edited == b'{"model":"a","user":"\\ud800"}'


def test_a_compressed_body_is_edited_as_plain_json_and_says_that_it_came_compressed() -> None:
    request = request_of(gzip.compress(b'{"model":"a"}'), content_encoding="gzip")
    assert request.was_encoded
    assert dialects.edit(request, {}) == b'{"model":"a"}'
    assert not request_of('{"model":"a"}', content_encoding="identity").was_encoded


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("", '{"include_usage":true}'),
        (',"stream_options":null', '{"include_usage":true}'),
        (',"stream_options": { }', '{"include_usage":true }'),
        (',"stream_options":{ "include_usage" : false }', '{ "include_usage" : true }'),
        (',"stream_options":{"include_usage":true}', '{"include_usage":true}'),
        (',"stream_options":{"x": 1.0,\n"é":[ ]}', '{"x": 1.0,\n"é":[ ],"include_usage":true}'),
        (',"stream_options":"yes"', '"yes"'),
        (',"stream_options":[1]', "[1]"),
    ],
)
def test_asking_for_usage_keeps_the_other_stream_options(member: str, expected: str) -> None:
    request = request_of('{"model":"a","stream":true' + member + "}")
    assert dialects.usage_asked(request) == expected
    if expected.startswith("{"):
        asked = request_of(dialects.edit(request, {"stream_options": dialects.usage_asked(request)}))
        assert asked.asks_usage

"""Plain data to the pydantic types, with pydantic's errors put into our words.

When something is wrong, the rest is still read: bad values are taken out or stood in for, so that the checks between
fields can report in the same run. What was mended is known by place, and conclusions drawn from it are dropped.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from extproc.config.place import Finding, Place, alternatives, closest, did_you_mean, shortened
from extproc.config.types import Config

_STAND_INS = MappingProxyType({"url": "https://stand-in.invalid", "model": "stand-in", "tier": "stand-in", "file": "stand-in"})
_SECRETIVE = re.compile(r"key|secret|token|password|auth|credential|prefix", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Draft:
    """What could be read; no config at all when too much was wrong. What stands at the `broken` places is made up."""

    config: Config | None
    findings: tuple[Finding, ...] = ()
    broken: frozenset[Place] = frozenset()


def read(data: Any) -> Draft:
    """The draft of JSON-like `data`."""
    try:
        return Draft(_validated(data))
    except ValidationError as error:
        details = error.errors(include_url=False)
    places = [_place(detail) for detail in details]
    findings = tuple(Finding(place, _message(detail, place)) for detail, place in zip(details, places, strict=True))
    try:
        return Draft(_validated(_mended(data, places)), findings, frozenset(places) | _meant(details, places))
    except ValidationError:
        return Draft(None, findings)


def _meant(details: list[ErrorDetails], places: list[Place]) -> frozenset[Place]:
    # Where a key was misspelt, the default that now stands for the one that was meant says nothing.
    unknown = [place for detail, place in zip(details, places, strict=True) if detail["type"] == "extra_forbidden"]
    return frozenset((*place[:-1], meant) for place in unknown if (meant := closest(str(place[-1]), _known_keys(place))))


def _validated(data: Any) -> Config:
    # Through JSON, because pydantic is strict about JSON in the way we want: no true for 1 and no "3" for 3, but lists for
    # tuples and text for enums.
    return Config.model_validate_json(json.dumps(data), strict=True)


def _place(detail: ErrorDetails) -> Place:
    # "[key]" at the end marks a mapping's key that is wrong, not a place below it.
    return detail["loc"][:-1] if detail["loc"][-1:] == ("[key]",) else detail["loc"]


def _mended(data: Any, places: list[Place]) -> Any:
    mended = copy.deepcopy(data)
    for place in places:
        _mend(mended, _whole_value(place))
    return mended


def _whole_value(place: Place) -> Place:
    # A list with one bad item is taken out whole.
    first_index = next((index for index, part in enumerate(place) if isinstance(part, int)), len(place))
    return place[:first_index]


def _mend(data: Any, place: Place) -> None:
    if not place:
        return
    around = data
    for part in place[:-1]:
        around = around.get(part) if isinstance(around, dict) else None
    if not isinstance(around, dict):
        return
    key = place[-1]
    if place[0] == "backends" and len(place) > 2 and key in _STAND_INS:
        around[key] = _STAND_INS[str(key)]
    else:
        around.pop(key, None)


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The section type inside a field's annotation: of `Price`, `Price | None` and `dict[str, Price]` it is Price."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((section for inner in get_args(annotation) if (section := section_of(inner))), None)


def is_mapping(annotation: Any) -> bool:
    """Whether a field holds entries under names of the operator's choice."""
    return get_origin(annotation) is dict


def _field(place: Place) -> FieldInfo | None:
    section: type[BaseModel] | None = Config
    found: FieldInfo | None = None
    parts = iter(place)
    for part in parts:
        found = _fields_of(section).get(str(part)) if section else None
        if found is None:
            return None
        section = section_of(found.annotation)
        if is_mapping(found.annotation) or get_origin(found.annotation) is tuple:
            next(parts, None)
    return found


def _known_keys(place: Place) -> list[str]:
    around = _field(place[:-1]) if len(place) > 1 else None
    section = section_of(around.annotation) if around else Config
    return list(_fields_of(section)) if section else []


def _fields_of(section: type[BaseModel]) -> dict[str, FieldInfo]:
    # By the keys of the file: `from` cannot be the name of a field in Python.
    return {field.alias or name: field for name, field in section.model_fields.items()}


def _message(detail: ErrorDetails, place: Place) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        field = _field(place)
        return f"is required. {field.description}" if field and field.description else "is required"
    if kind == "extra_forbidden":
        known = _known_keys(place)
        return "unknown key" + (did_you_mean(str(place[-1]), known) or f"; known here: {', '.join(known)}")
    if kind in ("enum", "literal_error"):
        return _not_among(context, detail["input"], place)
    if kind == "value_error":
        return f"{context.get('error', 'is wrong')}, found {_found(detail['input'], place)}"
    hint = "; text that looks like a number or true and false needs quotes" if _needs_quotes(kind, detail["input"]) else ""
    return f"expected {_expected(kind, context) or detail['msg'].lower()}, found {_found(detail['input'], place)}{hint}"


def _needs_quotes(kind: str, given: Any) -> bool:
    return kind == "string_type" and isinstance(given, bool | int | float)


def _not_among(context: Mapping[str, Any], given: Any, place: Place) -> str:
    allowed = re.findall(r"'([^']*)'", str(context.get("expected", ""))) or [str(context.get("expected", ""))]
    hint = did_you_mean(given, allowed) if isinstance(given, str) else ""
    return f"expected {alternatives(allowed)}, found {_found(given, place)}{hint}"


_KINDS = MappingProxyType(
    {
        "string_type": "text",
        "int_type": "a whole number",
        "int_from_float": "a whole number",
        "int_parsing_size": "a smaller number",
        "float_type": "a number",
        "finite_number": "a finite number",
        "decimal_type": "a number",
        "decimal_parsing": "a number",
        "tuple_type": "a list",
        "dict_type": "a mapping",
        "model_type": "a mapping",
        "string_too_short": "some text",
        "greater_than": "more than {gt}",
        "greater_than_equal": "at least {ge}",
        "less_than": "less than {lt}",
        "less_than_equal": "at most {le}",
        "too_short": "at least {min_length} of these",
        "too_long": "at most {max_length} of these",
        "string_too_long": "at most {max_length} characters",
        "decimal_max_places": "at most {decimal_places} digits after the point",
    }
)


def _expected(kind: str, context: Mapping[str, Any]) -> str:
    limits = {key: f"{value:g}" if isinstance(value, float) else value for key, value in context.items()}
    return _KINDS.get(kind, "").format_map(limits)


def _found(value: Any, place: Place) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return f"`{str(value).lower()}`"
        case int() | float():
            return f"the number {shortened(str(value))}"
        case str():
            return _found_text(value, place)
        case list():
            return f"a list of {len(value)}" if value else "an empty list"
    return f"a mapping of {len(value)}" if value else "an empty mapping"


def _found_text(text: str, place: Place) -> str:
    # A key pasted where it does not belong must not reach a terminal or a log.
    is_secretive = (
        any(_SECRETIVE.search(part) for part in place if isinstance(part, str)) or "@" in text or "?" in text or text.startswith("sk-")
    )
    if not text:
        return "empty text"
    return "text" if is_secretive else f'"{shortened(text)}"'

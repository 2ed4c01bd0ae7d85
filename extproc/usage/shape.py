"""Reading our own JSON back into frozen types: each field is checked against the type it declares.

Tickets and records cross processes and versions, so a key nobody knows is skipped, an absent one takes its default, and a
value of the wrong type spoils the whole object rather than a bill.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from json import JSONEncoder
from math import isfinite
from typing import Any

# ASCII only: a lone surrogate in a model's name stays an escape and can be neither bad UTF-8 in metadata nor in a stream.
COMPACT = JSONEncoder(separators=(",", ":"), check_circular=False)

_MAX_INT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Member:
    """How one field is named in JSON, read from it, and what it is when absent (`required` says there is no such value)."""

    name: str
    key: str
    read: Callable[[Any], Any]
    default: object
    required: bool


def members_of(cls: Any, keys: Mapping[str, str] | None = None) -> tuple[Member, ...]:
    """The JSON members of a dataclass, in field order; `keys` gives fields shorter names."""
    names = keys or {}
    return tuple(
        Member(field.name, names.get(field.name, field.name), _READERS[str(field.type)], _default(field), _is_required(field))
        for field in fields(cls)
    )


def read(members: tuple[Member, ...], source: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments for the dataclass. Raises ValueError when a member is missing or of the wrong type."""
    values: dict[str, Any] = {}
    for member in members:
        if member.key in source:
            values[member.name] = member.read(source[member.key])
        elif member.required:
            raise ValueError(f"{member.key}: missing")
    return values


def _is_required(field: Any) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _default(field: Any) -> object:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError("expected text")
    return value


def _int(value: Any) -> int:
    if type(value) is not int or not -_MAX_INT <= value <= _MAX_INT:
        raise ValueError("expected a whole number")
    return value


def _float(value: Any) -> float:
    if type(value) is float and isfinite(value):
        return value
    return float(_int(value))


def _bool(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError("expected true or false")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if type(value) is not list and type(value) is not tuple:
        raise ValueError("expected a list")
    return tuple(map(_text, value))


def _members(value: Any) -> dict[str, str | None]:
    if type(value) is not dict:
        raise ValueError("expected an object")
    return {name: None if text is None else _text(text) for name, text in value.items()}


def _or_none(inner: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else inner(value)


# By the declared type's own text: annotations are not evaluated in the modules that declare them.
_READERS: dict[str, Callable[[Any], Any]] = {
    "str": _text,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "str | None": _or_none(_text),
    "int | None": _or_none(_int),
    "float | None": _or_none(_float),
    "tuple[str, ...]": _texts,
    "Mapping[str, str | None]": _members,
}

"""YAML text to plain data, with the line of everything and every surprise of YAML 1.1 reported instead of guessed.

YAML 1.1 reads `no` as false, `017` as fifteen, `12:30` as 750 and `2024-05-13` as a date; YAML 1.2 reads most of these as
text or as other numbers. Whoever writes one without quotes seldom means either, so each is a finding. The file is walked
as a node tree, not loaded, because duplicate keys and line numbers are gone once it is data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from extproc.config.place import Finding, Place, shortened

MAX_CHARS = 1_000_000
MAX_DEPTH = 32
MAX_NODES = 50_000  # aliases count each time they are used, so a bomb of them ends here

_TAG = "tag:yaml.org,2002:"
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]{0,39})")
_REAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]{1,3})?")
_REAL_IN_YAML_1_2_ONLY = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+")
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@dataclass(frozen=True, slots=True)
class Tree:
    """A file as JSON-like `data`, the 1-based `lines` of its places, and what was wrong with the YAML itself."""

    data: Any
    lines: dict[Place, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def line(self, place: Place) -> int | None:
        """The line of `place`, or of the nearest thing around it that the file has."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place)


def read(text: str) -> Tree:
    """The tree of one YAML document. Never raises: text that is no YAML gives a tree without data and the finding."""
    walk = _Walk()
    try:
        root = _compose(text)
        data = None if root is None else walk.value(root, ())
    except yaml.YAMLError as error:
        return _unreadable(_explained(error))
    except UnicodeEncodeError:
        return _unreadable("is not Unicode text")
    except _TooMuchError as error:
        return _unreadable(str(error))
    if data is None:
        return _unreadable("is empty; `backends` is needed at least")
    return Tree(data, walk.lines, tuple(walk.findings))


def _unreadable(why: str) -> Tree:
    return Tree(None, findings=(Finding((), why),))


class _TooMuchError(Exception):
    """The text is larger than any configuration."""


def _compose(text: str) -> yaml.Node | None:
    if len(text) > MAX_CHARS:
        raise _TooMuchError(f"is longer than {MAX_CHARS} characters")
    depth = 0
    # Events come one at a time; composing recurses. So the depth is known before the stack is used.
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _TooMuchError(f"is nested deeper than {MAX_DEPTH} levels")
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.CSafeLoader)
    return node


def _explained(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError):
        reason = getattr(error, "reason", "")
        return f"is not YAML: {reason}" if reason else "is not YAML"
    mark = error.problem_mark or error.context_mark
    where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    what = error.problem or error.context or "unreadable"
    if what.startswith("but "):
        what = f"{error.context}, {what}"
    hint = (
        "; YAML is indented with spaces, never tabs, and text that begins with @, % or ` needs quotes" if "start any token" in what else ""
    )
    return f"is not YAML: {shortened(what, 120)}{hint}{where}"


class _Walk:
    """One pass over the nodes; collects lines and findings beside the data."""

    def __init__(self) -> None:
        self.lines: dict[Place, int] = {}
        self.findings: list[Finding] = []
        self._nodes = 0

    def value(self, node: yaml.Node, place: Place) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES or len(place) > MAX_DEPTH:
            raise _TooMuchError("has more in it than any configuration needs, perhaps through `&anchors` and `*aliases`")
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.CollectionNode) and node.tag not in (f"{_TAG}map", f"{_TAG}seq"):
            self.findings.append(Finding(place, _surprise(node.tag.removeprefix(_TAG), "")))
        if isinstance(node, yaml.MappingNode):
            return dict(self._members(node, place))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*place, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, place)

    def _members(self, node: yaml.MappingNode, place: Place) -> Iterator[tuple[str, Any]]:
        first_line: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self._key(key_node, place)
            if key is None:
                continue
            inner = (*place, key)
            if key in first_line:
                self.findings.append(Finding(inner, f"appears twice (line {first_line[key]} and line {line}); the first is read"))
                continue
            first_line[key] = line
            yield key, self.value(value_node, inner)

    def _key(self, node: yaml.Node, place: Place) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self.findings.append(Finding(place, f"has a key that is a list or a mapping (line {node.start_mark.line + 1})"))
            return None
        text = str(node.value)
        self.lines.setdefault((*place, text), node.start_mark.line + 1)
        if node.tag == f"{_TAG}merge":
            self.findings.append(Finding((*place, text), "merge keys are not read; write the keys out"))
            return None
        if node.tag not in (f"{_TAG}str", f"{_TAG}value"):
            self.findings.append(Finding((*place, text), f'keys are text; write "{shortened(text)}" in quotes'))
        return text

    def _scalar(self, node: yaml.Node, place: Place) -> Any:
        text, kind = str(node.value), node.tag.removeprefix(_TAG)
        match kind:
            case "str" if not _is_plain(node) or not _REAL_IN_YAML_1_2_ONLY.fullmatch(text):
                return text
            case "value" | "merge":
                return text
            case "null":
                return None
            case "bool" if text in _BOOLS:
                return _BOOLS[text]
            case "int" if _DECIMAL.fullmatch(text):
                return int(text)
            case "float" if _REAL.fullmatch(text):
                return _finite(text)
        self.findings.append(Finding(place, _surprise(kind, text)))
        return text


def _is_plain(node: yaml.Node) -> bool:
    return getattr(node, "style", None) in (None, "", ":")


def _finite(text: str) -> float | str:
    number = float(text)
    return number if abs(number) < float("inf") else text


_READINGS = {
    "bool": '{shown} is a truth value to some YAML readers and text to others; write true, false, or "{shown}" in quotes',
    "int": "{shown} is a different number to different YAML readers; write it in plain decimal digits, or in quotes if it is text",
    "float": "{shown} is not a plain decimal number; write it like 1.5, or in quotes if it is text",
    "str": "{shown} is text to some YAML readers and a number to others; write the number out, or use quotes if it is text",
    "timestamp": '{shown} is a date to YAML; write "{shown}" in quotes',
}


def _surprise(kind: str, text: str) -> str:
    reading = _READINGS.get(kind, "the tag `{kind}` is not read; write plain text, numbers, lists and mappings")
    return reading.format(shown=shortened(text), kind=shortened(kind))

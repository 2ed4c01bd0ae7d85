"""Thresholds put into the text of a configuration, everything else in it left as it is: comments, order, quotes, indentation.

The text is cut where YAML's own reader says that a value begins and ends, and is read again afterwards. Where the two readings
differ in anything but the thresholds, nothing is changed: an anchor, for one, would carry an edit to places nobody meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from extproc.config.load import parse
from extproc.config.types import Config
from extproc.errors import ConfigError, Problem

_TIERS, _UP_TO = "tiers", "up_to"


@dataclass(frozen=True, slots=True)
class _Splice:
    start: int
    end: int
    text: str


def with_up_to(text: str, ends: Mapping[str, float]) -> str:
    """`text` with `up_to` of these tiers. Raises ConfigError when `text` or what comes of it cannot be used."""
    before = parse(text)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    edited = text
    for splice in sorted(_splices(text, root, before, ends), key=lambda one: one.start, reverse=True):
        edited = edited[: splice.start] + splice.text + edited[splice.end :]
    if parse(edited) != _meant(before, ends):
        raise _unfit("the thresholds cannot be put into this file without changing more than them")
    return edited


def _splices(text: str, root: yaml.Node | None, config: Config, ends: Mapping[str, float]) -> Iterator[_Splice]:
    tiers = _member(root, _TIERS)
    if tiers is None:
        yield _appended(text, root, config, ends)
        return
    for name, end in ends.items():
        tier = _member(tiers, name)
        if not isinstance(tier, yaml.MappingNode):
            raise _unfit(f"tier `{name}` is not written as a mapping")
        value = _member(tier, _UP_TO)
        if value is not None:
            yield _Splice(value.start_mark.index, value.end_mark.index, f"{end:g}")
        else:
            yield _inserted(text, tier, f"{_UP_TO}: {end:g}")


def _inserted(text: str, mapping: yaml.MappingNode, member: str) -> _Splice:
    """As the first member, in the style of the others."""
    if mapping.flow_style:
        at = mapping.start_mark.index + 1
        return _Splice(at, at, f"{member}, " if mapping.value else member)
    first = mapping.value[0][0].start_mark
    return _Splice(first.index, first.index, f"{member}{_break(text)}{' ' * first.column}")


def _appended(text: str, root: yaml.Node | None, config: Config, ends: Mapping[str, float]) -> _Splice:
    """All tiers, which are the default ones, at the end of the file."""
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise _unfit("the file is not written as a mapping over lines")
    lines = [f"{_TIERS}:", *(f"  {name}: {{{_UP_TO}: {ends.get(name, tier.up_to):g}}}" for name, tier in config.tiers.items())]
    apart = "" if text.endswith("\n") else _break(text)
    return _Splice(len(text), len(text), apart + _break(text).join(lines) + _break(text))


def _member(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _meant(config: Config, ends: Mapping[str, float]) -> Config:
    tiers = {name: tier.model_copy(update={_UP_TO: ends[name]} if name in ends else {}) for name, tier in config.tiers.items()}
    return config.model_copy(update={_TIERS: tiers})


def _break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _unfit(why: str) -> ConfigError:
    return ConfigError((Problem(_TIERS, f"{why}; write `up_to` yourself"),))

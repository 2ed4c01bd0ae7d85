"""What a report can be cut by, and which part of the tree of scopes it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import tzinfo

from extproc.report.period import labels_of
from extproc.scope import ANY, LEVELS, Scope, matches, pattern_of
from extproc.usage.rollup import Line

PATH = LEVELS
TIME = ("hour", "day", "month")
BY = (*PATH, "asked_model", "model", "tier", "backend", "location", "task", "api", *TIME)

Key = tuple[str, ...]

_NOBODY = "-"


def scope_of(organisation: str, line: Line) -> Scope:
    """Whom a line belongs to."""
    return (organisation, line.department, line.team, line.app, line.user)


def name_of(dimension: str, organisation: str, line: Line) -> str:
    """What a line is called in a dimension that is not of time.

    A level of the path is written from the organisation down, `acme/retail/search` for a team: two departments may each have
    a team of the same name. A level nobody named is `-`.
    """
    if dimension in PATH:
        return path_of(scope_of(organisation, line)[: PATH.index(dimension) + 1])
    return str(getattr(line, dimension))


def path_of(names: Iterable[str]) -> str:
    """Names from the organisation down as one; none is left out, as `text_of` does with unnamed ones at the end."""
    return "/".join(name or _NOBODY for name in names)


def printable(name: str) -> str:
    """A name as it may be shown, `-` where there is none: a terminal or a browser would obey a control character in it."""
    return "".join(char if char.isprintable() else "\ufffd" for char in name) or _NOBODY


def namer(by: Key) -> Callable[[str, Line], Key]:
    """The function that names a line in those of these dimensions that are not of time."""
    names = tuple(dimension for dimension in by if dimension not in TIME)
    return lambda organisation, line: tuple(name_of(dimension, organisation, line) for dimension in names)


def clock_namer(by: Key, zone: tzinfo) -> Callable[[int], Key]:
    """The function that names an hour of the store in those of these dimensions that are of time."""
    times = tuple(dimension for dimension in by if dimension in TIME)
    return lambda hour: tuple(map(labels_of(hour, zone).__getitem__, times)) if times else ()


def key_of(by: Key, when: Key, names: Key) -> Key:
    """What both functions called a group, in the order of `by`."""
    left, right = iter(when), iter(names)
    return tuple(next(left) if dimension in TIME else next(right) for dimension in by)


@dataclass(frozen=True, slots=True)
class Filter:
    """The lines at or below a scope; all of them by default."""

    pattern: Key = ()

    @staticmethod
    def parse(text: str) -> Filter:
        """As in limits: `acme/retail`, `acme/*/search`. Raises ValueError when it is no such path."""
        return Filter(pattern_of(text)) if text else EVERYTHING

    @property
    def organisation(self) -> str | None:
        """The only organisation it lets through, or None where it lets more than one."""
        return self.pattern[0] if self.pattern and self.pattern[0] != "*" else None

    def takes(self, organisation: str, line: Line) -> bool:
        """Whether a line is among them."""
        return matches(self.pattern, scope_of(organisation, line))

    def concerns(self, names: Key) -> bool:
        """Whether the part of the tree at `names`, from the organisation down, lies in what it takes or around it."""
        return all(wanted in (ANY, name) for wanted, name in zip(self.pattern, names, strict=False))


EVERYTHING = Filter()

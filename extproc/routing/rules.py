"""Which of the configured rules fit a request, and what writing system it is asked in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from unicodedata import name as character_name

from extproc.config.compiled_routing import Routing, Rule
from extproc.scope import Scope, matches

_READ_CHARS = 400
# The first words of Unicode's names of characters.
_SCRIPTS = {
    "LATIN": "latin",
    "CYRILLIC": "cyrillic",
    "CJK": "han",
    "HIRAGANA": "kana",
    "KATAKANA": "kana",
    "HANGUL": "hangul",
    "ARABIC": "arabic",
    "HEBREW": "hebrew",
    "DEVANAGARI": "devanagari",
    "GREEK": "greek",
    "THAI": "thai",
}


@dataclass(frozen=True, slots=True)
class Circumstance:
    """Whose request it is and what of it rules may ask about."""

    scope: Scope
    model: str
    path: str
    task: str = ""
    script: str = "latin"
    headers: Mapping[str, str] = field(default_factory=dict)


def fitting_rules(routing: Routing, found: Circumstance) -> tuple[Rule, ...]:
    """The rules that fit, in their order."""
    return tuple(rule for rule in routing.rules if _fits(rule, found)) if routing.rules else ()


def script_of(text: str) -> str:
    """The writing system of most letters at the beginning of `text`. A Japanese text has Chinese characters too: any kana tells it."""
    if text.isascii():
        return "latin"
    counts: dict[str, int] = {}
    for char in text[:_READ_CHARS]:
        if char.isalpha():
            script = _SCRIPTS.get(character_name(char, "").partition(" ")[0], "other")
            counts[script] = counts.get(script, 0) + 1
    if counts.get("kana"):
        return "kana"
    return max(counts, key=lambda script: counts[script], default="latin")


def _fits(rule: Rule, found: Circumstance) -> bool:
    return (
        (rule.tasks is None or found.task in rule.tasks)
        and (rule.scripts is None or found.script in rule.scripts)
        and matches(rule.pattern, found.scope)
        and _is_any(found.model, rule.models)
        and _is_any(found.path, rule.paths)
        and all(header in found.headers and _is_any(found.headers[header], globs) for header, globs in rule.headers)
    )


def _is_any(value: str, globs: tuple[str, ...] | None) -> bool:
    return globs is None or any(fnmatchcase(value, glob) for glob in globs)

"""Residency as it is written, to the tables that the request path reads."""

from __future__ import annotations

import json
import re
from pathlib import Path

from extproc.config import compiled_residency as compiled
from extproc.config import residency as written
from extproc.config.limits import Mode
from extproc.scope import ANY, pattern_of

_GLOB = {"*": r"[^\s\"'<>,;]*", "?": r"[^\s]"}  # of what is no text of its own: within a word


def residency_of(settings: written.Residency, digest: str) -> compiled.Residency:
    """The tables of `residency`. Dictionaries are read here; `check_residency` has seen that they can be."""
    return compiled.Residency(
        digest=digest,
        reads=settings.mode is not Mode.OFF,
        is_enforced=settings.mode is Mode.ENFORCE,
        default=settings.default,
        rules=tuple(_rule(name, rule) for name, rule in settings.rules.items()),
        labels=tuple(
            compiled.Labelled(name, pattern_of(label.scope), label.header, label.claim, label.values)
            for name, label in settings.labels.items()
        ),
        allowed=tuple(_allowed(allowed) for allowed in settings.allowed.values()),
        looked=looked_of(settings),
        refuses_when_saturated=settings.when_saturated == "refuse",
        retry_after_s=settings.retry_after_s,
    )


def looked_of(settings: written.Residency) -> compiled.Looked:
    """What a scanner of these settings looks for."""
    return compiled.Looked(
        patterns=tuple((name, pattern.pattern, pattern.is_caseless) for name, pattern in settings.patterns.items()),
        dictionaries=tuple((name, words_of(words)) for name, words in settings.dictionaries.items()),
        hosts=settings.internal_hosts,
        networks=settings.internal_networks,
        timeout_s=settings.scan_timeout_s,
    )


def words_of(dictionary: written.Dictionary) -> tuple[str, ...]:
    """Its words, those of its file included. Raises OSError or UnicodeDecodeError where that cannot be read."""
    lines = Path(dictionary.file).read_text(encoding="utf-8").splitlines() if dictionary.file else []
    return (*dictionary.words, *filter(None, map(str.strip, lines)))


def sessions_of(settings: written.Sessions) -> compiled.Sessions:
    """The tables of `sessions`."""
    return compiled.Sessions(settings.headers, settings.kept_s, settings.timeout_s, settings.when_store_is_away == "on_prem")


def audited_of(settings: written.Audit) -> compiled.Audited:
    """The tables of `audit`."""
    return compiled.Audited(settings.enabled, settings.on_failure == "refuse", settings.timeout_s)


def _rule(name: str, rule: written.ResidencyRule) -> compiled.Ruled:
    return compiled.Ruled(
        name=name,
        pattern=pattern_of(rule.scope),
        kinds=_all_or(rule.kinds),
        tasks=frozenset(rule.tasks) or None,
        claims=tuple(rule.claims.items()),
        action=rule.action,
        force=tuple((key, json.dumps(value, separators=(",", ":"), allow_nan=False)) for key, value in rule.force.items()),
        may_spill=rule.spill == "audited",
    )


def _allowed(allowed: written.Allowed) -> compiled.Allowed:
    texts = tuple("".join(_GLOB.get(char) or re.escape(char) for char in text) for text in allowed.texts)
    return compiled.Allowed(texts, _all_or(allowed.kinds), pattern_of(allowed.scope), allowed.paths)


def _all_or(kinds: tuple[str, ...]) -> frozenset[str] | None:
    return None if ANY in kinds else frozenset(kinds)

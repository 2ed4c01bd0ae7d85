"""What no single field of residency can tell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from extproc.config import kinds
from extproc.config.compile_residency import words_of
from extproc.config.place import Finding, Place, did_you_mean
from extproc.config.residency import Action, Label, ResidencyRule
from extproc.config.types import Config
from extproc.scope import ANY

_MAX_WORDS = 100_000
# What a rule may not force: what the caller asks, or TierMesh's own to set. The same as for backends.
_UNFORCEABLE = frozenset({"model", "stream", "stream_options", "messages", "input", "prompt", "system", "instructions", "tools"})


def findings(config: Config) -> Iterator[Finding]:
    """Everything wrong with the residency of `config`."""
    residency = config.residency
    custom = {kinds.CUSTOM + name for name in (*residency.patterns, *residency.dictionaries)}
    for name, rule in residency.rules.items():
        place = ("residency", "rules", name)
        yield from _kinds((*place, "kinds"), rule.kinds, custom)
        yield from _rule(place, rule)
    for name, allowed in residency.allowed.items():
        yield from _kinds(("residency", "allowed", name, "kinds"), allowed.kinds, custom)
    for name, label in residency.labels.items():
        yield from _label(("residency", "labels", name), label)
    yield from _own(config)
    yield from _spill(config)


def _kinds(place: Place, named: tuple[str, ...], custom: set[str]) -> Iterator[Finding]:
    for index, kind in enumerate(named):
        if kind == ANY or kinds.is_kind(kind) or kind in custom:
            continue
        known = sorted(kinds.KINDS | custom | {kinds.LABEL, kinds.SESSION} | {kinds.UNREAD_PREFIX + word for word in kinds.UNREAD})
        yield Finding((*place, index), f"no kind is called `{kind}`{did_you_mean(kind, known)}")


def _rule(place: Place, rule: ResidencyRule) -> Iterator[Finding]:
    for key in rule.force:
        if key in _UNFORCEABLE:
            yield Finding((*place, "force", key), "cannot be forced: it is what the caller asks, or TierMesh's own to set")
    if rule.action is not Action.ON_PREM and (rule.force or rule.spill != "never"):
        field = "force" if rule.force else "spill"
        yield Finding((*place, field), "is for `action: on_prem`", ((*place, field), (*place, "action")))
    if rule.action is Action.ALLOW and "unread:error" in rule.kinds:
        yield Finding((*place, "kinds"), "a detector that failed has seen nothing: `unread:error` cannot be allowed")


def _label(place: Place, label: Label) -> Iterator[Finding]:
    if label.scope == ANY and not label.header and not label.claim:
        yield Finding(place, "asks for nothing, so it would label everything: name a `scope`, a `header` or a `claim`")
    if label.header and label.claim:
        yield Finding((*place, "claim"), "`values` are of one thing: a `header` or a `claim`", ((*place, "claim"), (*place, "header")))


def _own(config: Config) -> Iterator[Finding]:
    residency = config.residency
    for name, pattern in residency.patterns.items():
        try:
            re.compile(pattern.pattern)
        except re.error as error:
            yield Finding(("residency", "patterns", name, "pattern"), f"is no regular expression: {error}")
    for name, dictionary in residency.dictionaries.items():
        place = ("residency", "dictionaries", name)
        if name in residency.patterns:
            yield Finding(
                place, f"a pattern is called `{name}` already; both would be `custom:{name}`", (place, ("residency", "patterns", name))
            )
        try:
            words = words_of(dictionary)
        except (OSError, UnicodeDecodeError) as error:
            yield Finding((*place, "file"), f"cannot be read: {error}")
            continue
        if not words:
            yield Finding(place, "has no words")
        elif len(words) > _MAX_WORDS:
            yield Finding(place, f"has {len(words)} words; {_MAX_WORDS} is the most")


def _spill(config: Config) -> Iterator[Finding]:
    for name, rule in config.residency.rules.items():
        if rule.spill == "audited" and not config.audit.enabled:
            place = ("residency", "rules", name, "spill")
            yield Finding(place, "nothing may leave without a record, and `audit.enabled` is false", (place, ("audit", "enabled")))

"""What a scope may reach: every rule whose pattern matches it, together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from types import MappingProxyType

from extproc.config.compiled_identity import Access, Rule
from extproc.scope import Scope, matches


@dataclass(frozen=True, slots=True)
class Rights:
    """`forbidden` backends with the rule that forbids each; `rules` about names; the rule that denies `other_paths`, if any."""

    forbidden: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    rules: tuple[Rule, ...] = ()
    other_paths: str = ""


_ALL = Rights()


def rights_of(access: Access, scope: Scope) -> Rights:
    """What `access` leaves to `scope`; everything where there are no rules."""
    return _rights(access, scope) if access.rules else _ALL


@lru_cache(maxsize=4096)
def _rights(access: Access, scope: Scope) -> Rights:
    rules = tuple(rule for rule in access.rules if matches(rule.pattern, scope))
    forbidden: dict[str, str] = {}
    for rule in rules:
        for backend in rule.forbidden:
            forbidden.setdefault(backend, rule.name)
    return Rights(
        forbidden=MappingProxyType(forbidden),
        rules=tuple(rule for rule in rules if rule.models is not None or rule.deny_models),
        other_paths=next((rule.name for rule in rules if not rule.other_paths), ""),
    )


def denied_model(rights: Rights, model: str) -> str:
    """The name of the first rule that does not let `model` be asked for; empty when all do."""
    return next((rule.name for rule in rights.rules if not _lets(rule, model)), "")


def _lets(rule: Rule, model: str) -> bool:
    is_named = rule.models is None or any(fnmatchcase(model, glob) for glob in rule.models)
    return is_named and not any(fnmatchcase(model, glob) for glob in rule.deny_models)

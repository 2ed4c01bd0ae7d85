"""What follows from what was found: pure policy, from kinds to an action.

For each kind the first rule that fits it counts, and the strictest of their actions holds: `block` before `on_prem` before
`allow`. A kind no rule fits follows the default. A detector that failed has seen nothing, so it can never be allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from extproc.config.compiled_residency import Labelled, Residency, Ruled
from extproc.config.kinds import LABEL, UNREAD_PREFIX
from extproc.config.residency import Action
from extproc.residency.inspection import Inspection
from extproc.scope import Scope, matches

Found = tuple[tuple[str, int], ...]  # kinds with their counts

ERROR = UNREAD_PREFIX + "error"
_STRICTNESS = {Action.ALLOW: 0, Action.ON_PREM: 1, Action.BLOCK: 2}


@dataclass(frozen=True, slots=True)
class Occasion:
    """Who sends a request and what it is for. `claims` are those of a verified token."""

    scope: Scope
    task: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    claims: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """What follows. `held` are the kinds that the action follows from, `rules` those that said so, in order, without repeats.

    `force` holds parameters as JSON text; `may_spill`: every rule that keeps it here lets it leave under an audit record.
    """

    action: Action = Action.ALLOW
    found: Found = ()
    held: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    force: tuple[tuple[str, str], ...] = ()
    may_spill: bool = False

    @property
    def stays(self) -> bool:
        """Whether only on-premises backends may have it."""
        return self.action is Action.ON_PREM

    @property
    def unlabelled(self) -> Found:
        """What was found in the request itself."""
        return tuple((kind, count) for kind, count in self.found if kind != LABEL)

    @property
    def words(self) -> tuple[str, ...]:
        """`email:2`: kinds and counts, for records."""
        return tuple(f"{kind}:{count}" for kind, count in self.found)


CLEAN = Ruling()


def found_in(inspection: Inspection) -> Found:
    """The kinds of an inspection; what could not be read is a kind too."""
    if inspection.is_error:
        return ((ERROR, 1),)
    unread = ((UNREAD_PREFIX + word, 1) for word in inspection.unread)
    return tuple(sorted((*inspection.kinds, *unread))) if inspection.unread else inspection.kinds


def rule(residency: Residency, found: Found, occasion: Occasion) -> Ruling:
    """What follows from `found` and from what labels say."""
    labels = tuple(label.name for label in residency.labels if _says(label, occasion))
    if labels:
        found = tuple(sorted((*found, (LABEL, len(labels)))))
    if not found:
        return CLEAN
    decided = [(kind, _rule_for(residency.rules, kind, occasion)) for kind, _ in found]
    actions = {kind: _action(residency, kind, ruled) for kind, ruled in decided}
    action = max(actions.values(), key=_STRICTNESS.__getitem__)
    holding = [(kind, ruled) for kind, ruled in decided if actions[kind] is action]
    named = [ruled for _, ruled in holding if ruled is not None]
    return Ruling(
        action=action,
        found=found,
        held=() if action is Action.ALLOW else tuple(kind for kind, _ in holding),
        rules=tuple(dict.fromkeys(ruled.name for ruled in named)),
        force=_force(named) if action is Action.ON_PREM else (),
        may_spill=action is Action.ON_PREM and len(named) == len(holding) and all(ruled.may_spill for ruled in named),
    )


def _rule_for(rules: Sequence[Ruled], kind: str, occasion: Occasion) -> Ruled | None:
    return next((ruled for ruled in rules if _fits(ruled, kind, occasion)), None)


def _fits(ruled: Ruled, kind: str, occasion: Occasion) -> bool:
    return (
        (ruled.kinds is None or kind in ruled.kinds)
        and (ruled.tasks is None or occasion.task in ruled.tasks)
        and matches(ruled.pattern, occasion.scope)
        and all(_has(occasion.claims, claim, values) for claim, values in ruled.claims)
    )


def _action(residency: Residency, kind: str, ruled: Ruled | None) -> Action:
    action = residency.default if ruled is None else ruled.action
    return Action.ON_PREM if kind == ERROR and action is Action.ALLOW else action


def _force(named: Sequence[Ruled]) -> tuple[tuple[str, str], ...]:
    # The first rule that forces anything has the word; two rules' parameters are not mixed.
    return next((ruled.force for ruled in named if ruled.force), ())


def _says(label: Labelled, occasion: Occasion) -> bool:
    if not matches(label.pattern, occasion.scope):
        return False
    if label.header:
        return _matches_any(occasion.headers.get(label.header), label.values)
    return not label.claim or _has(occasion.claims, label.claim, label.values)


def _has(claims: Mapping[str, object] | None, claim: str, values: tuple[str, ...]) -> bool:
    """Whether a claim, or one of those it lists, has one of `values`."""
    found = _claimed(claims or {}, claim)
    listed = found if isinstance(found, list) else [found]
    return any(_matches_any(str(item), values) for item in listed if isinstance(item, str | int | float))


def _claimed(claims: Mapping[str, object], claim: str) -> object:
    """The claim of that name, dots and all, else the one its steps lead to."""
    if claim in claims:
        return claims[claim]
    found: object = claims
    for step in claim.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _matches_any(value: str | None, globs: tuple[str, ...]) -> bool:
    return value is not None and any(fnmatchcase(value, glob) for glob in globs)

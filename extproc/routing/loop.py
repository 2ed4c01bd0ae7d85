"""Where an agent's loop stands: in trouble, settled into mechanical work, or neither. Read from its last steps, without a model.

What is looked for, each from 0 to 1 (sums are squashed by tanh, so that no sign grows without bound):

    errors      failures of late, by how bad they are and how long ago
    spinning    the same call with the same outcome again, though nothing was changed between
    stuck       the same failure again after changes, or a file edited over and over while checks stay red
    exploring   how much of it was reading
    progress    changes that landed, checks that turned green, fewer failures than before
    settled     small changes of one kind landing one after another, or changes with green checks after them

One sign alone is never trouble: a test that fails once is how tests are meant to be used, and half of all work is reading. Two
have to agree, and the newest step has to be one of those that failed or were repeated; so a tier that was raised is raised again
only when what was done there failed too. A crash of the machinery (out of memory, a full disk) is a second sign by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import tanh

from extproc.dialects import Step
from extproc.routing.acts import BAD, CRITICAL, MILD, Act, Deed, deed_of

TROUBLE_FROM = 0.5
SETTLED_FROM = 0.7
_WINDOW = 8
_FADING = 0.85  # what a step weighs less for each one after it
_SMALL_CHARS = 300


class Loop(StrEnum):
    """What the steps of an agent say. Only trouble and settled work move a conversation."""

    NONE = "none"
    TROUBLE = "trouble"
    SETTLED = "settled"
    EXPLORING = "exploring"
    PROGRESS = "progress"

    @property
    def moves(self) -> bool:
        """Whether something follows from it."""
        return self in (Loop.TROUBLE, Loop.SETTLED)


@dataclass(frozen=True, slots=True)
class Signs:
    """Each sign from 0 to 1, `trouble` what they come to, and how many steps they were read from."""

    errors: float = 0.0
    spinning: float = 0.0
    stuck: float = 0.0
    exploring: float = 0.0
    progress: float = 0.0
    settled: float = 0.0
    trouble: float = 0.0
    step_count: int = 0


NO_SIGNS = Signs()


def read_loop(steps: Sequence[Step]) -> Loop:
    """The word for where the loop stands."""
    return loop_of(signs_of(steps)) if steps else Loop.NONE


def loop_of(signs: Signs) -> Loop:
    """The word for these signs."""
    if signs.trouble > TROUBLE_FROM:
        return Loop.TROUBLE
    if signs.settled > SETTLED_FROM:
        return Loop.SETTLED
    if signs.progress > 0.5:
        return Loop.PROGRESS
    return Loop.EXPLORING if signs.exploring > 0.6 else Loop.NONE


def signs_of(steps: Sequence[Step]) -> Signs:
    """The signs in what was done since a user last said something."""
    deeds = [deed_of(step) for step in steps if step.is_current]
    if not deeds or not any(step.is_answered for step in steps):
        return NO_SIGNS
    late = deeds[-_WINDOW:]
    errors, spinning, stuck, progress = _errors(late), _spinning(deeds), _stuck(deeds), _progress(late)
    exploring = sum(deed.act in (Act.READ, Act.WEB) for deed in late) / len(late)
    crash = 0.8 if late[-1].severity == CRITICAL else 0.0
    idle = exploring if spinning > 0.5 else 0.0  # reading is trouble only where the same is read again
    against = 0.0 if stuck else 0.4 * progress
    is_bad_now = late[-1].severity >= MILD or any(late[-1].repeats(deed) for deed in deeds[:-1])
    trouble = tanh(max(0.0, 0.5 * (errors + spinning + stuck + crash + idle) - against)) if is_bad_now else 0.0
    return Signs(
        errors=errors,
        spinning=spinning,
        stuck=stuck,
        exploring=exploring,
        progress=progress,
        settled=_settled(late),
        trouble=trouble,
        step_count=len(deeds),
    )


def _errors(late: Sequence[Deed]) -> float:
    return tanh(sum(deed.severity * _FADING**age for age, deed in enumerate(reversed(late))) / 4)


def _spinning(deeds: Sequence[Deed]) -> float:
    """Calls made before with the same outcome, while nothing was changed since."""
    seen: dict[tuple[str, int], Deed] = {}
    again = 0
    for deed in deeds:
        before = seen.get(deed.call)
        again += before is not None and deed.repeats(before)
        if deed.act is Act.WRITE and not deed.severity:
            seen.clear()
        seen[deed.call] = deed
    return tanh(0.35 * again)


def _stuck(deeds: Sequence[Deed]) -> float:
    """Checks and runs that fail as they failed before, although something was changed, and files that are edited all the while."""
    marks: dict[str, int] = {}
    edits: dict[str, int] = {}
    same, reds, fewest, is_changed = 0, 0, -1, False
    for deed in deeds:
        if deed.act is Act.WRITE:
            is_changed = True
            edits[deed.target] = edits.get(deed.target, 0) + bool(deed.target)
        elif deed.act in (Act.CHECK, Act.RUN):
            if deed.severity < BAD:
                if deed.act is Act.CHECK:
                    marks, edits, same, reds, fewest = {}, {}, 0, 0, -1
            elif 0 <= deed.failing < fewest:
                same, fewest = 0, deed.failing
            else:
                same += is_changed and deed.mark in marks
                reds += is_changed
                marks[deed.mark] = 1
                fewest = deed.failing if fewest < 0 else fewest
            is_changed = False
    churn = max(edits.values(), default=0) - 2 if reds >= 2 else 0
    return tanh(0.4 * same + 0.4 * max(churn, 0) + 0.3 * max(reds - 2, 0))


def _progress(late: Sequence[Deed]) -> float:
    landed = sum(deed.act is Act.WRITE and not deed.severity for deed in late)
    greens = sum(deed.act is Act.CHECK and not deed.severity for deed in late)
    counts = [deed.failing for deed in late if deed.failing >= 0]
    fewer = sum(later < earlier for earlier, later in pairwise(counts))
    return tanh(0.2 * landed + 0.4 * greens + 0.5 * fewer)


def _settled(late: Sequence[Deed]) -> float:
    """Mechanical work: the last steps landed, none failed, and they are small and alike, or a green check follows them."""
    if any(deed.severity for deed in late):
        return 0.0
    landed = [deed for deed in late if deed.act is Act.WRITE]
    calls = {deed.call for deed in landed}
    alike = sum(deed.size <= _SMALL_CHARS for deed in landed) if len({tool for tool, _ in calls}) == 1 and len(calls) == len(landed) else 0
    is_green = late[-1].act is Act.CHECK and len(landed) >= 2
    busy = sum(deed.act in (Act.READ, Act.WEB, Act.OTHER) for deed in late[-4:])
    return tanh(0.25 * alike + 0.9 * is_green) if busy <= 1 else 0.0

"""What happens in the sessions, before anybody speaks a dialect: who asks what how hard, and which tools come back with what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from extproc.config import Api


class Binds(StrEnum):
    """What a provider keeps of a conversation."""

    NOTHING = "nothing"
    THINKING = "thinking"  # signed thinking in Anthropic's messages
    REASONING = "reasoning"  # encrypted reasoning items in the responses API
    ANSWER = "answer"  # previous_response_id


@dataclass(frozen=True, slots=True)
class Call:
    """One step of an agent: the tool, what it is called with, what comes back, and how long that takes."""

    tool: str
    arguments: dict[str, str]
    result: str
    is_error: bool = False
    seconds: float = 8.0


@dataclass(frozen=True, slots=True)
class UserTurn:
    """What a user asks, as hard as `score`, after `pause_s`; the steps it takes, and how long each answer is."""

    ask: str
    score: float
    pause_s: float
    calls: tuple[Call, ...]
    answer_tokens: int


@dataclass(frozen=True, slots=True)
class Story:
    """One session. `chores` are calls that the application makes on the side, after the first turn."""

    name: str
    api: Api
    binds: Binds
    system: str
    turns: tuple[UserTurn, ...]
    chores: int = 0


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    api: Api
    binds: Binds
    prefix_tokens: int
    hardest: str  # "simple", "standard", "complex": of the hardest of its turns
    steps: int  # that a turn takes on average; 0: no tools
    chores: int = 0


_KINDS = (
    _Kind("refactoring", Api.MESSAGES, Binds.NOTHING, 22_000, "complex", 9, 2),
    _Kind("thinking aloud", Api.MESSAGES, Binds.THINKING, 18_000, "complex", 7, 1),
    _Kind("small fixes", Api.MESSAGES, Binds.NOTHING, 20_000, "standard", 5, 2),
    _Kind("renaming", Api.CHAT, Binds.NOTHING, 12_000, "simple", 8),
    _Kind("reading code", Api.CHAT, Binds.NOTHING, 60_000, "standard", 6, 1),
    _Kind("hard bug", Api.CHAT, Binds.NOTHING, 35_000, "complex", 10),
    _Kind("terminal agent", Api.RESPONSES, Binds.REASONING, 12_000, "complex", 8),
    _Kind("kept by the provider", Api.RESPONSES, Binds.ANSWER, 8_000, "standard", 5),
    _Kind("terminal agent, plain", Api.RESPONSES, Binds.NOTHING, 15_000, "standard", 7),
    _Kind("assistant", Api.CHAT, Binds.NOTHING, 5_000, "complex", 0, 2),
    _Kind("support desk", Api.CHAT, Binds.NOTHING, 9_000, "simple", 1, 1),
    _Kind("research", Api.MESSAGES, Binds.NOTHING, 6_000, "standard", 4),
)
_SCORES = {"simple": (0.05, 0.33), "standard": (0.37, 0.68), "complex": (0.72, 0.97)}
# How often a turn is as hard as that, below the hardest of its session.
_MIX = {"simple": ((1.0, "simple"),), "standard": ((0.6, "simple"), (1.0, "standard"))}
_MIX["complex"] = ((0.5, "simple"), (0.8, "standard"), (1.0, "complex"))
_CHARS_PER_TOKEN = 4


def stories(count: int, seed: int) -> Iterator[Story]:
    """`count` sessions, the same for the same seed."""
    for number in range(count):
        kind = _KINDS[number % len(_KINDS)]
        yield _story(f"{kind.name} {number + 1}", kind, Random(f"{seed}/{number}"))  # noqa: S311 - made-up traffic


def _story(name: str, kind: _Kind, chance: Random) -> Story:
    count = chance.randint(4, 8)
    tiers = [_drawn(kind.hardest, chance) for _ in range(count)]
    tiers[chance.randrange(count)] = kind.hardest
    turns = tuple(_turn(name, number, kind, tier, chance) for number, tier in enumerate(tiers))
    return Story(name, kind.api, kind.binds, _text(f"system of {name}", kind.prefix_tokens), turns, kind.chores)


def _drawn(hardest: str, chance: Random) -> str:
    at = chance.random()
    return next(tier for share, tier in _MIX[hardest] if at <= share)


def _turn(name: str, number: int, kind: _Kind, tier: str, chance: Random) -> UserTurn:
    score = round(chance.uniform(*_SCORES[tier]), 3)
    steps = max(1, round(chance.gauss(kind.steps, kind.steps / 3))) if kind.steps else 0
    course = chance.choices((_plain, _settled, _stuck), (6, 2, 1 if tier != "simple" else 0))[0]
    calls = course(steps, f"{name}/{number}", chance) if steps else ()
    # A user reads and thinks for half a minute to some minutes; now and then longer than providers keep a prompt.
    pause_s = chance.expovariate(1 / 90) + 15
    return UserTurn(f"Task {number} of {name}: as hard as {score}.", score, pause_s, tuple(calls), chance.randint(150, 900))


def _plain(steps: int, where: str, chance: Random) -> list[Call]:
    """Reads, then some changes, a check in the end."""
    calls = [Call("read_file", {"path": f"src/{where}/{n}.py"}, _text(where, chance.randint(300, 2_500)), seconds=2) for n in range(steps)]
    for at in range(steps // 2, steps):
        calls[at] = Call("edit_file", {"path": f"src/{where}/{at}.py", "old": _text("old", 150), "new": _text("new", 150)}, "Edited.")
    calls[-1] = Call("run_command", {"command": "pytest -q"}, "12 passed in 0.9s", seconds=20)
    return calls


def _settled(steps: int, where: str, chance: Random) -> list[Call]:
    """The same small change in file after file."""
    found = Call("grep", {"pattern": "old_name"}, _text(where, chance.randint(100, 600)), seconds=2)
    return [found, *(Call("edit_file", {"path": f"{where}/{n}.py", "old": "old_name", "new": "new_name"}, "Edited.") for n in range(steps))]


def _stuck(steps: int, where: str, chance: Random) -> list[Call]:
    """A test that goes on failing, until it does not."""
    red = "Exit code 1\nFAILED tests/test_it.py::test_it - AssertionError\n1 failed, 11 passed in 0.8s"
    calls = []
    for n in range(max(3, steps // 2)):
        calls.append(Call("edit_file", {"path": f"src/{where}.py", "old": str(n), "new": str(chance.random())}, "Edited."))
        calls.append(Call("run_command", {"command": "pytest -q tests/test_it.py"}, red, is_error=True, seconds=20))
    return [*calls, Call("run_command", {"command": "pytest -q"}, "12 passed in 0.9s", seconds=20)]


def _text(about: str, tokens: int) -> str:
    line = f"{about}: a line of plain words that stands for what is there. "
    chars = tokens * _CHARS_PER_TOKEN
    return (line * (chars // len(line) + 1))[:chars]

"""A synthetic day: the records of a company's requests, the same for the same seed.

Forty teams in eight departments, 300 apps, 2,000 users, eight models in three tiers. A few apps and users make most of the
requests, most come in working hours; some fail, are refused or have no counts. Chance is `random.Random`, whose numbers are
the same on every machine and Python of today.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from extproc.config import Price
from extproc.usage import Record, Tokens, cost_micro_usd
from extproc.usage.rollup import SECONDS_AN_HOUR

ORGANISATION = "acme"
DEPARTMENTS, TEAMS, APPS, USERS = 8, 40, 300, 2_000
TASKS = ("chat", "code", "extract", "reason", "summarise", "translate")
# Share of a day's requests by the hour, UTC.
HOURS = (1, 1, 1, 1, 2, 4, 10, 22, 40, 56, 60, 58, 50, 54, 60, 58, 48, 34, 20, 12, 8, 5, 3, 2)
_SLICE = 5_000  # records whose chances are drawn together


@dataclass(frozen=True, slots=True)
class Model:
    """A model behind a backend of its own, and how often requests go there."""

    name: str
    backend: str
    tier: str
    location: str
    price: Price
    weight: int


MODELS = (
    Model("qwen3-4b", "small-a", "simple", "on_prem", Price(20_000, 60_000, 20_000, 20_000, 60_000, 0), 26),
    Model("gpt-4.1-nano", "small-b", "simple", "cloud", Price(100_000, 400_000, 25_000, 100_000, 400_000, 0), 18),
    Model("qwen3-235b", "medium-a", "standard", "on_prem", Price(150_000, 450_000, 150_000, 150_000, 450_000, 0), 20),
    Model("gpt-4.1-mini", "medium-b", "standard", "cloud", Price(400_000, 1_600_000, 100_000, 400_000, 1_600_000, 0), 12),
    Model("claude-haiku", "medium-c", "standard", "cloud", Price(1_000_000, 5_000_000, 100_000, 1_250_000, 5_000_000, 0), 8),
    Model("gpt-4.1", "large-a", "complex", "cloud", Price(2_000_000, 8_000_000, 500_000, 2_000_000, 8_000_000, 0), 8),
    Model("claude-sonnet", "large-b", "complex", "cloud", Price(3_000_000, 15_000_000, 300_000, 3_750_000, 15_000_000, 0), 6),
    Model("gpt-5.1", "large-c", "complex", "cloud", Price(1_250_000, 10_000_000, 125_000, 1_250_000, 10_000_000, 0), 2),
)
BASELINE = MODELS[6]
_ASKED = ("auto", "gpt-4.1", "claude-sonnet", "gpt-5.1")
_APIS = ("chat", "chat", "chat", "messages", "responses")
_OUTCOMES = ("ok", "refused", "failed", "aborted", "cut_off")
_OUTCOME_WEIGHTS = (960, 12, 14, 8, 6)
_STATUSES = {"ok": 200, "refused": 429, "failed": 503, "aborted": 0, "cut_off": 200}


@dataclass(frozen=True, slots=True)
class App:
    """An app, by its scope without user: what it asks for and for what."""

    path: str
    api: str
    asked: str
    task: str


@dataclass(frozen=True, slots=True)
class Company:
    """Who may ask, and how often each does."""

    apps: tuple[App, ...]
    users: tuple[tuple[str, tuple[int, ...]], ...]  # a name, and the apps it uses
    weights: tuple[float, ...]  # of users, added up


def company(chance: random.Random) -> Company:
    """A company of that size."""
    apps = tuple(_app(chance, number) for number in range(APPS))
    by_team: dict[int, list[int]] = {}
    for number in range(APPS):
        by_team.setdefault(number % TEAMS, []).append(number)
    users = tuple((f"user-{number:04}", tuple(chance.sample(by_team[number % TEAMS], 3))) for number in range(USERS))
    total, weights = 0.0, []
    for rank in range(USERS):
        total += 1 / (rank + 20)  # after Zipf, a little flatter at the head
        weights.append(total)
    return Company(apps, users, tuple(weights))


def _app(chance: random.Random, number: int) -> App:
    team = number % TEAMS
    path = f"{ORGANISATION}/department-{team % DEPARTMENTS}/team-{team:02}/app-{number:03}"
    return App(path, chance.choice(_APIS), chance.choices(_ASKED, (6, 2, 2, 1))[0], chance.choice(TASKS))


def day(requests: int, seed: int, first_hour: int) -> Iterator[Record]:
    """So many records, a day's, from the hour `first_hour` since the epoch on, in the order of time."""
    chance = random.Random(seed)  # noqa: S311 - for load, not for secrets
    who = company(chance)
    number = 0
    for hour, count in enumerate(by_hour(requests)):
        for start in range(0, count, _SLICE):
            size = min(_SLICE, count - start)
            begins_s = (first_hour + hour) * SECONDS_AN_HOUR + SECONDS_AN_HOUR * start / count
            yield from _records(chance, who, number, size, (begins_s, SECONDS_AN_HOUR / count))
            number += size


def by_hour(requests: int) -> tuple[int, ...]:
    """How many of them fall in each hour; together they are all."""
    whole = sum(HOURS)
    until = [requests * sum(HOURS[: hour + 1]) // whole for hour in range(len(HOURS))]
    return tuple(end - begin for begin, end in zip((0, *until), until, strict=False))


def _records(chance: random.Random, who: Company, first: int, size: int, when: tuple[float, float]) -> Iterator[Record]:
    users = chance.choices(who.users, cum_weights=who.weights, k=size)
    models = chance.choices(MODELS, [model.weight for model in MODELS], k=size)
    outcomes = chance.choices(_OUTCOMES, _OUTCOME_WEIGHTS, k=size)
    begins_s, step_s = when
    for index, ((user, apps), model, outcome) in enumerate(zip(users, models, outcomes, strict=True)):
        app = who.apps[apps[int(chance.random() ** 2 * len(apps))]]
        task = app.task if chance.random() < 0.7 else chance.choice(TASKS)
        yield _record(chance, (app, user, task), (model, outcome), (first + index, begins_s + index * step_s))


def _record(chance: random.Random, who: tuple[App, str, str], what: tuple[Model, str], when: tuple[int, float]) -> Record:
    (app, user, task), (model, outcome), (number, at_s) = who, what, when
    tokens = _tokens(chance, outcome)
    is_estimated = outcome in ("aborted", "cut_off") or chance.random() < 0.004
    failed = cost_micro_usd(model.price, Tokens(tokens.prompt)) if outcome == "ok" and chance.random() < 0.003 else 0
    is_free = outcome in ("refused", "failed")
    return Record(
        request_id=f"request-{number}",
        stream_id=f"stream-{number}",
        started_at=at_s,
        kind="refused" if outcome == "refused" else "routed",
        outcome=outcome,
        status=_STATUSES[outcome],
        api=app.api,
        asked_model=app.asked,
        scope=f"{app.path}/{user}",
        tier="" if outcome == "refused" else model.tier,
        task=task,
        backend=None if outcome in ("refused", "aborted") else model.backend,
        attempts=() if outcome == "refused" else (model.backend,),
        model="" if outcome == "refused" else model.name,
        location="" if outcome == "refused" else model.location,
        prompt_tokens=tokens.prompt,
        cached_tokens=tokens.cached,
        completion_tokens=tokens.completion,
        reasoning_tokens=tokens.reasoning,
        is_estimated=is_estimated and not is_free,
        decided_at=at_s,
        cost_micro_usd=0 if is_free else cost_micro_usd(model.price, tokens) + failed,
        asked_cost_micro_usd=0 if is_free else cost_micro_usd(_asked(app.asked).price, tokens),
        failed_cost_micro_usd=failed,
    )


def _tokens(chance: random.Random, outcome: str) -> Tokens:
    if outcome in ("refused", "failed"):
        return Tokens()
    prompt = 20 + int(chance.lognormvariate(6.3, 1.1))
    completion = 0 if outcome == "aborted" else 1 + int(chance.lognormvariate(4.9, 0.9))
    cached = prompt * 3 // 4 if chance.random() < 0.3 else 0
    reasoning = completion // 2 if chance.random() < 0.1 else 0
    return Tokens(prompt, cached, 0, completion, reasoning)


def _asked(name: str) -> Model:
    return _BY_NAME.get(name, BASELINE)


_BY_NAME = {model.name: model for model in MODELS}

"""`Config` to `Policy`: every default that depends on another field, and money in whole micro-USD."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from extproc.config import check, compiled, limits, types
from extproc.config.compile_health import health_of, saturation_of
from extproc.config.compile_identity import access_of, identity_of
from extproc.config.compile_prices import backend_tariff, micro, tariffs
from extproc.config.compile_residency import audited_of, residency_of, sessions_of
from extproc.config.compile_routing import routing_of
from extproc.config.limits import Measure, Mode
from extproc.config.section import Api, Location
from extproc.config.types import Config
from extproc.errors import ConfigError
from extproc.pricebook import Tariff, book
from extproc.scope import pattern_of

MAX_CHAIN = 4


def compile_config(config: Config) -> compiled.Policy:
    """The tables of `config`. Raises ConfigError when its fields contradict each other."""
    problems = check.problems(config)
    if problems:
        raise ConfigError(problems)
    prices = tariffs(config)
    backends = {name: _backend(name, backend, config, prices) for name, backend in config.backends.items()}
    ladder = _ladder(backends.values(), len(config.tiers))
    tiers = tuple(_tier(rank, name, config, backends, ladder) for rank, name in enumerate(config.tiers))
    safe = tuple(backend for rung in ladder for backend in rung if backend.is_on_prem)[:MAX_CHAIN]
    safe = safe or tuple(backend for backend in backends.values() if backend.is_on_prem)[:MAX_CHAIN]
    first = next(iter(backends.values()))
    other_paths = config.listener.other_paths
    return compiled.Policy(
        digest=digest(config),
        backends=backends,
        tiers=tiers,
        safe=safe,
        other_paths=backends[other_paths] if other_paths else (*safe, first)[0],
        baseline=backends[config.baseline] if config.baseline else tiers[-1].chain[0],
        pass_through=config.models.pass_through,
        routed=config.models.routed,
        listed=tuple(sorted({*config.models.listed, *(name for backend in backends.values() for name in backend.names)})),
        prices=prices,
        identity=identity_of(config.identity),
        access=access_of(config.access, backends, digest(config)),
        routing=routing_of(config.routing, list(config.tiers)),
        residency=residency_of(config.residency, digest(config)),
        sessions=sessions_of(config.sessions),
        audited=audited_of(config.audit),
        limits=tuple(_limit(name, limit, config) for name, limit in config.limits.items() if limit.mode is not Mode.OFF),
        admission=_admission(config.admission),
        health=health_of(config.health),
        default_score=config.classifier.default_score,
        decision_timeout_s=config.processor.decision_timeout_s,
        max_body_bytes=config.listener.max_body_bytes,
    )


def digest(config: Config) -> str:
    """The first 12 hex digits of the sha256 of all settings, defaults included, in the file's order, which has a meaning.

    The edition of the price book counts as a setting: what a decision costs follows from both.
    """
    text = json.dumps([config.model_dump(mode="json"), book().edition], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _limit(name: str, settings: limits.Limit, config: Config) -> compiled.Limit:
    amount = micro(settings.limit) if settings.of is Measure.USD else int(settings.limit)
    return compiled.Limit(
        name=name,
        pattern=pattern_of(settings.scope),
        of=settings.of,
        amount=amount,
        per=settings.per,
        burst=settings.burst or amount,
        timezone=settings.timezone,
        is_enforced=settings.mode is Mode.ENFORCE,
        thresholds=settings.thresholds,
        downgrade_at=settings.downgrade.at if settings.downgrade else 0,
        downgrade_rank=list(config.tiers).index(settings.downgrade.tier) if settings.downgrade else 0,
    )


def _admission(settings: limits.Admission) -> compiled.Admission:
    return compiled.Admission(
        is_open=settings.when_store_is_away == "open",
        blind_percent=settings.blind_percent,
        store_timeout_s=settings.store_timeout_s,
        lease_s=settings.lease_s,
        output_tokens=settings.output_tokens,
    )


def _backend(name: str, settings: types.Backend, config: Config, prices: Mapping[str, Tariff]) -> compiled.Backend:
    return compiled.Backend(
        name=name,
        tier=settings.tier,
        tier_rank=list(config.tiers).index(settings.tier),
        model=settings.model,
        names=frozenset((settings.model, *settings.aliases)),
        apis=frozenset(settings.apis),
        capabilities=frozenset(settings.capabilities),
        is_on_prem=settings.location is Location.ON_PREM,
        context_tokens=settings.context_tokens,
        tariff=backend_tariff(settings, config, prices),
        force=tuple((key, json.dumps(value, separators=(",", ":"), allow_nan=False)) for key, value in settings.force.items()),
        revision=settings.revision,
        base_path=compiled.base_path(settings.url),
        first_byte_timeout_s=settings.first_byte_timeout_s,
        answer_timeout_s=settings.answer_timeout_s,
        saturation=saturation_of(settings),
        weight=settings.weight,
    )


def _ladder(backends: Iterable[compiled.Backend], tier_count: int) -> tuple[tuple[compiled.Backend, ...], ...]:
    # Backends by tier. One that only embeds is asked by its name and would waste a place in a chain of those that generate.
    everyone = tuple(backends)
    generating = tuple(backend for backend in everyone if backend.apis != {Api.EMBEDDINGS}) or everyone
    return tuple(tuple(backend for backend in generating if backend.tier_rank == rank) for rank in range(tier_count))


def _tier(
    rank: int, name: str, config: Config, backends: dict[str, compiled.Backend], ladder: tuple[tuple[compiled.Backend, ...], ...]
) -> compiled.Tier:
    settings = config.tiers[name]
    # Up first: a more capable backend gives a good answer at a higher price; a less capable one is better than none.
    order = (*range(rank, len(ladder)), *reversed(range(rank)))
    default = tuple(backend for rung in order for backend in ladder[rung])[:MAX_CHAIN]
    chain = tuple(backends[member] for member in settings.chain) or default
    is_last = rank == len(ladder) - 1
    return compiled.Tier(name=name, up_to=1.0 if is_last else settings.up_to, chain=chain, prefer=settings.prefer)

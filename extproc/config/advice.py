"""What works as it is written but is seldom meant. Never a reason to refuse a configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

from extproc.config import check_identity
from extproc.config.compile import compile_config
from extproc.config.compiled import Policy
from extproc.config.place import Finding, alternatives, dotted
from extproc.config.section import Api
from extproc.config.types import Config
from extproc.errors import Problem


def warnings(config: Config) -> tuple[Problem, ...]:
    """Doubts about a configuration that is otherwise sound. Raises ConfigError when it is not."""
    policy = compile_config(config)
    return tuple(Problem(dotted(doubt.place), doubt.message) for rule in _RULES for doubt in rule(config, policy))


def _safe_chain(config: Config, policy: Policy) -> Iterator[Finding]:
    if not policy.safe:
        yield Finding(
            ("backends",), "none is `location: on_prem`: what may not leave has nowhere to go, and without workers there is no service"
        )
        return
    # Embeddings are asked for by a model's name, never by a chain.
    spoken = {api for backend in policy.backends.values() for api in backend.apis} - {Api.EMBEDDINGS}
    missing = sorted(spoken - {api for backend in policy.safe for api in backend.apis})
    if missing and config.processor.on_failure == "open":
        yield Finding(("processor", "on_failure"), f"`open`, but no on-premises backend of the safe chain speaks {alternatives(missing)}")


def _tiers(config: Config, policy: Policy) -> Iterator[Finding]:
    spoken = {api for backend in policy.backends.values() for api in backend.apis} - {Api.EMBEDDINGS}
    for tier in policy.tiers:
        missing = sorted(spoken - {api for backend in tier.chain for api in backend.apis})
        if missing:
            yield Finding(("tiers", tier.name), f"no backend of its chain speaks {alternatives(missing)}")
        if "tiers" in config.model_fields_set and not any(backend.tier == tier.name for backend in policy.backends.values()):
            yield Finding(("tiers", tier.name), f"no backend says `tier: {tier.name}`; its requests go to `{tier.chain[0].name}`")
    last = policy.tiers[-1].name
    if config.tiers[last].up_to < 1:
        yield Finding(("tiers", last, "up_to"), "has no effect: the last tier takes every request that the others leave")


def _idle_backends(_: Config, policy: Policy) -> Iterator[Finding]:
    chained = {backend.name for tier in policy.tiers for backend in tier.chain}
    for backend in policy.backends.values():
        is_passed = any(fnmatchcase(name, pattern) for name in backend.names for pattern in policy.pass_through)
        if backend.name not in chained and not is_passed and Api.EMBEDDINGS not in backend.apis:
            yield Finding(("backends", backend.name), "is in no chain and is not passed through by name, so it gets no requests")


def _costs(config: Config, policy: Policy) -> Iterator[Finding]:
    for backend in policy.backends.values():
        if config.backends[backend.name].price is None and not backend.is_on_prem and backend.tariff.is_free:
            message = f"is not set, and the price book does not know `{backend.model}`: to the records this cloud backend costs nothing"
            yield Finding(("backends", backend.name, "price"), message)


def _requested_names(config: Config, policy: Policy) -> Iterator[Finding]:
    known = {name for backend in policy.backends.values() for name in backend.names}
    for index, pattern in enumerate(config.models.pass_through):
        if not any(fnmatchcase(name, pattern) for name in known):
            yield Finding(("models", "pass_through", index), f"`{pattern}` is the name of no backend")
    for index, name in enumerate(config.models.listed):
        if not any(fnmatchcase(name, pattern) for pattern in (*config.models.routed, *config.models.pass_through)):
            yield Finding(("models", "listed", index), f"`{name}` is listed, but requests for it are refused")


def _callers(config: Config, _: Policy) -> Iterator[Finding]:
    yield from check_identity.doubts(config)


_RULES: tuple[Callable[[Config, Policy], Iterator[Finding]], ...] = (
    _safe_chain,
    _tiers,
    _idle_backends,
    _costs,
    _requested_names,
    _callers,
)

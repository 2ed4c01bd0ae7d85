"""One worker process: load, serve, reload, drain. `python -m extproc.server.worker` is run by the supervisor.

SIGHUP   look at the configuration now
SIGTERM  leave: report unhealthy, so that Envoy picks others, finish what was begun, end
SIGUSR1  hand over: a successor already accepts on the same socket; finish what was begun, end
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import uvloop

from extproc.clock import SystemClock
from extproc.config import Config, Policy, load
from extproc.config.watch import ConfigWatcher, Loaded, Reload, loaded
from extproc.custody import Custody
from extproc.errors import TierMeshError
from extproc.mesh import names
from extproc.pipeline import Head, Pipeline, scorer_of
from extproc.server import diagnostics, page
from extproc.server.health import HealthWatch
from extproc.server.keeping import Keeping
from extproc.server.native import NativeServer
from extproc.server.services import Services
from extproc.server.settlement import Settlement, store_url

log = logging.getLogger("tiermesh.worker")

# Longer than two of Envoy's health checks (1 s apart): after that it sends no new request here.
_NOTICE_S = 2.5
_WARM_UP_DECISIONS = 50
_SWITCH_INTERVAL_S = 0.0005
# A message is more than the body in it: Envoy sends metadata along.
_MESSAGE_SLACK_BYTES = 1024 * 1024


class Server(Protocol):
    """A transport that is serving."""

    @property
    def is_idle(self) -> bool:
        """Whether nobody is connected."""

    async def drain(self, timeout_s: float) -> None:
        """Finish what was begun, then end."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker lives: what the supervisor says on its command line."""

    config_path: Path  # the operator's file, watched
    started_path: Path  # what it said when Envoy was rendered from it
    run_dir: Path
    index: int
    listening: socket.socket | None
    address: str


class Worker:
    """What one process holds. The pipeline is replaced whole; calls keep the one they began with."""

    def __init__(self, place: Place, started: Loaded, settlement: Settlement) -> None:
        config = started.config
        self._classifier = scorer_of(config)
        self._settlement = settlement
        self.keeping = Keeping(config, place.run_dir, self._classifier.manifest.revision)
        self.keeping.count(settlement.metrics)
        self.watch = HealthWatch(started.policy, SystemClock(), place.run_dir)
        self.watch.count(settlement.metrics)
        settlement.on_records = self.watch.observe
        self.is_serving = True
        self.drain_s = config.processor.drain_s
        self._wanted = started.policy
        self._preparing: asyncio.Future[None] | None = None  # the latest, held so that it is not collected
        self.pipeline = self._pipeline(started.policy)
        self.watcher = ConfigWatcher(place.config_path, started, self._on_reload)
        self.services = Services(lambda: self.pipeline, settlement.settle, lambda: self.is_serving)

    def _pipeline(self, policy: Policy) -> Pipeline:
        settlement = self._settlement
        custody = self.keeping.custody(policy, settlement.sessions)
        return Pipeline(policy, self._classifier, SystemClock(), settlement.door(policy), custody, self.watch.health, settlement.shares)

    def look_now(self) -> None:
        """Take the file as it is this moment: whoever says so has finished writing it."""
        self.watcher.look()
        self.watcher.look()

    def _on_reload(self, reload: Reload) -> None:
        for problem in reload.problems:
            log.error("the configuration was not taken up: %s", problem)
        if reload.restart:
            log.warning("these changes wait for a restart: %s", ", ".join(reload.restart))
        policy = reload.loaded.policy
        if policy.digest != self._wanted.digest:
            self._wanted = policy
            if self.keeping.is_prepared(policy):
                self._take_up(policy)
            else:
                self._preparing = asyncio.ensure_future(self._prepare(policy))

    async def _prepare(self, policy: Policy) -> None:
        """Compiles what the policy looks for beside the loop, deciding by the one before until that is done."""
        await asyncio.to_thread(self.keeping.prepare, policy)
        if self._wanted is policy:
            self._take_up(policy)

    def _take_up(self, policy: Policy) -> None:
        self._settlement.know(policy)
        self.watch.follow(policy)
        self.pipeline = self._pipeline(policy)
        log.info("deciding by configuration %s", policy.digest)


async def run(place: Place) -> None:
    """Serve until told to end."""
    started = loaded(load(place.started_path))
    config = started.config
    settlement = await Settlement.start(config, started.policy, store_url(config, place.run_dir), place.index)
    worker = Worker(place, started, settlement)
    worker.watcher.look()
    _warm_up(replace(worker.pipeline, door=None, outside=Custody(worker.pipeline.outside.inspector)))
    server = await _serve(place, config, worker.services)
    # Last, because the supervisor takes it for the sign that this worker serves.
    numbers = await page.hand_out(page.page_socket(place.run_dir, os.getpid()), settlement.metrics_page)
    is_leaving = await _until_told(worker)
    if is_leaving:
        worker.is_serving = False
        await _notice(server)
    await server.drain(worker.drain_s)
    await worker.keeping.close()
    await settlement.close()
    await worker.watch.close()
    numbers.close()
    page.leave(place.run_dir, os.getpid(), settlement.metrics_page())


def _warm_up(pipeline: Pipeline) -> None:
    """Decide a few times about nothing, so that the first caller does not wait for caches, and settle memory for good."""
    said = "Summarise in one sentence what a load balancer does, then give 3 examples: (1) at a gateway, (2) in a mesh. " * 8
    body = json.dumps({"model": "warm-up", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": said}]})
    head = Head("POST", "/v1/chat/completions", {"content-length": str(len(body))}, has_body=True)
    for _ in range(_WARM_UP_DECISIONS):
        pipeline.greet(head)
        pipeline.decide(head, body.encode())
    # What is loaded now stays loaded. Frozen, it is not walked by every full collection, which would hold decisions up.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def _serve(place: Place, config: Config, services: Services) -> Server:
    max_message_bytes = names.body_buffer_bytes(config.listener.max_body_bytes) + _MESSAGE_SLACK_BYTES
    if place.listening is not None:
        native = NativeServer(services, max_message_bytes)
        await native.start(place.listening)
        return native
    from extproc.server.aio import GrpcioServer

    server = GrpcioServer(services, max_message_bytes)
    await server.start(place.address)
    return server


async def _until_told(worker: Worker) -> bool:
    """Wait, reloading meanwhile; True for SIGTERM (leave), False for SIGUSR1 (hand over)."""
    loop = asyncio.get_running_loop()
    told: asyncio.Future[bool] = loop.create_future()

    def tell(is_leaving: bool) -> None:
        if not told.done():
            told.set_result(is_leaving)

    loop.add_signal_handler(signal.SIGTERM, tell, True)
    loop.add_signal_handler(signal.SIGINT, tell, True)
    loop.add_signal_handler(signal.SIGUSR1, tell, False)
    loop.add_signal_handler(signal.SIGHUP, worker.look_now)
    watching = asyncio.ensure_future(worker.watcher.run())
    try:
        return await told
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def _notice(server: Server) -> None:
    """Let Envoy find out that this worker is leaving, unless nobody is connected."""
    deadline = asyncio.get_running_loop().time() + _NOTICE_S
    while asyncio.get_running_loop().time() < deadline and not server.is_idle:  # noqa: ASYNC110 - no transport tells when it falls idle
        await asyncio.sleep(0.05)


def _place(argv: Sequence[str] | None) -> Place:
    parser = argparse.ArgumentParser(prog="tiermesh-worker")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--started", type=Path, required=True)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--index", type=int, required=True)
    parser.add_argument("--fd", type=int, default=-1, help="listening socket inherited from the supervisor")
    parser.add_argument("--address", default="", help="address to bind, for the grpcio transport")
    args = parser.parse_args(argv)
    listening = None
    if args.fd >= 0:
        listening = socket.socket(fileno=args.fd)
        listening.setblocking(False)
    return Place(args.config, args.started, args.run_dir, args.index, listening, args.address)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 after a drain, 2 when it could not start."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Threads beside the loop write logs and spans. A decision must not wait the usual 5 ms for one of them to let go.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    place = _place(argv)
    diagnostics.say_in_json(worker=place.index)
    try:
        uvloop.run(run(place))
    except TierMeshError as error:
        print(error, file=sys.stderr, flush=True)  # the last words, which the supervisor shows
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

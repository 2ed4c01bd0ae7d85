"""Builds what is measured: an upstream, a telemetry receiver, and the systems in front of them, all as child processes."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from extproc.bench import variant
from extproc.bench.options import Options
from extproc.bench.system import EnvoySystem, LitellmSystem, System
from extproc.bench.workload import MODEL
from extproc.config import Config, chain_name, compile_config, parse
from extproc.errors import StartError
from extproc.local import ChildProcess, free_port
from extproc.mesh import names, render_envoy

PLAIN, NOOP, OURS, LITELLM = "envoy", "noop", "tiermesh", "litellm"
_TIERS = {"small": ("simple", "0.1", "0.4"), "medium": ("standard", "0.6", "2.4"), "large": ("complex", "3", "15")}


@contextlib.contextmanager
def fleet(options: Options, directory: Path) -> Iterator[tuple[System, ...]]:
    """All systems, started, plain Envoy first. Ended when the block is left, however it is left."""
    with contextlib.ExitStack() as stack:
        url = start_upstream(options.upstream, directory, stack)
        text = configuration(options, url, directory, otlp_port=_start_sink(options, directory, stack))
        systems = _systems(options, text, url, directory)
        for system in systems:
            stack.callback(system.stop)
            system.start()
        yield systems


def configuration(options: Options, upstream_url: str, directory: Path, *, otlp_port: int | None) -> str:
    """The `tiermesh.yaml` that is measured: three tiers on one upstream, store, classifier and telemetry on."""
    given: dict[str, Any] = yaml.safe_load(options.config.read_text()) if options.config else {}
    backends = {
        name: {"url": upstream_url, "model": name, "tier": tier, "location": "on_prem", "price": {"input": cost, "output": answer_cost}}
        for name, (tier, cost, answer_cost) in _TIERS.items()
    }
    processor = {**(given.get("processor") or {}), "run_dir": str(directory / "run")}
    if options.transport is not None:
        processor["transport"] = options.transport
    telemetry = {"log": "json", **(given.get("telemetry") or {}), "metrics_address": f"127.0.0.1:{free_port()}"}
    telemetry["otlp_endpoint"] = f"http://127.0.0.1:{otlp_port}" if otlp_port else ""
    if options.trace_share is not None:
        telemetry["trace_share"] = options.trace_share
    listener = {"port": free_port(), "admin_port": free_port()}
    document = {"version": 1, "backends": backends, "processor": processor, "telemetry": telemetry, "listener": listener}
    if given.get("classifier"):
        document["classifier"] = given["classifier"]
    return yaml.safe_dump(document, sort_keys=False)


def _systems(options: Options, text: str, upstream_url: str, directory: Path) -> tuple[System, ...]:
    file = directory / "tiermesh.yaml"
    file.write_text(text)
    config = parse(text)
    document = _document(config)
    systems: list[System] = [EnvoySystem(PLAIN, variant.plain(document), directory=directory)]
    if options.noop is not None:
        systems.append(_noop(options.noop, document, chain_name(compile_config(config).safe), directory))
    systems.append(gateway(OURS, file, directory))
    if options.litellm is not None:
        systems.append(LitellmSystem(options.litellm, upstream_url, model=MODEL, directory=directory))
    return tuple(systems)


def gateway(name: str, file: Path, directory: Path) -> EnvoySystem:
    """The gateway that `file` configures, with all its workers; its Envoy listens on a port of its own."""
    serve = ChildProcess("tiermesh serve", (sys.executable, "-m", "extproc", "serve", str(file)), log=directory / f"{name}.serve.log")
    document = _document(parse(file.read_text()))
    return EnvoySystem(name, document, directory=directory, processor=serve, is_ready=lambda: "workers serve in" in serve.output())


def _document(config: Config) -> variant.Document:
    # The number of workers is settled where they are started; the rendered endpoints must agree with it.
    from extproc.server.supervisor import worker_count

    rendered = render_envoy(config, Path(config.processor.run_dir), workers=worker_count(config))
    document: variant.Document = yaml.load(rendered.bootstrap, Loader=yaml.CSafeLoader)
    return document


def _noop(program: Path, document: variant.Document, chain: str, directory: Path) -> EnvoySystem:
    path = directory / "noop.sock"
    argv = (str(program.absolute()), str(path), names.CHAIN_HEADER, chain)
    processor = ChildProcess("the no-op processor", argv, log=directory / "noop.log")
    return EnvoySystem(
        NOOP,
        variant.with_processor(document, str(path)),
        directory=directory,
        processor=processor,
        is_ready=lambda: _listens(socket.AF_UNIX, str(path)),
    )


def start_upstream(program: Path | None, directory: Path, stack: contextlib.ExitStack) -> str:
    """The URL of a stand-in backend that `stack` ends: `program`, called with its address, or ours."""
    port = free_port()
    if program is None:
        argv: tuple[str, ...] = (sys.executable, "-m", "extproc.testing.standin", "--name", "bench", "--port", str(port))
    else:
        argv = (str(program.absolute()), f"127.0.0.1:{port}")
    upstream = ChildProcess("the upstream", argv, log=directory / "upstream.log")
    stack.callback(upstream.stop, 1.0)
    upstream.start()
    upstream.wait_ready(lambda: _listens(socket.AF_INET, ("127.0.0.1", port)), timeout_s=20)
    return f"http://127.0.0.1:{port}"


def _start_sink(options: Options, directory: Path, stack: contextlib.ExitStack) -> int | None:
    if options.trace_share == 0:
        return None
    port = free_port()
    sink = ChildProcess("the telemetry receiver", (sys.executable, "-m", "extproc.bench.sink", str(port)), log=directory / "sink.log")
    stack.callback(sink.stop, 1.0)
    sink.start()
    sink.wait_ready(lambda: "ready" in sink.output(), timeout_s=20)
    return port


def _listens(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family) as probe:
        try:
            probe.connect(address)
        except OSError:
            return False
        return True


def check_answer(system: System, request: bytes) -> None:
    """Raises StartError unless `system` answers a request with 200: a fast refusal must not pass for speed."""
    with socket.create_connection(("127.0.0.1", system.port), timeout=20) as client:
        client.sendall(request)
        answer = client.recv(65536)
    if not answer.startswith(b"HTTP/1.1 200"):
        said = answer.partition(b"\r\n\r\n")[2][:300].decode("utf-8", "replace")
        raise StartError(f"{system.name} does not answer as it should: {json.dumps(answer[:15].decode('latin-1'))} {said}")

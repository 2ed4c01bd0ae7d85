"""Real Envoy with a rendered bootstrap, small scripted backends, and a worker that does as it is told.

The worker here is not TierMesh's: it proves what Envoy does with a configuration, whatever the pipeline decides.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx2 as httpx
import pytest

import envoy
from extproc.config import Config, parse
from extproc.mesh import render_envoy
from extproc.protocol import envoy_pb2 as pb

ENVOY = Path(envoy.__file__).parent / "_bin" / "envoy"
DEADLINE_S = 15.0


@dataclass
class Seen:
    """One request as a backend received it."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """What a backend answers. `pieces` are written one by one, `gap_s` apart; `cut` closes without an end, status 0 at once."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    pieces: list[bytes] = field(default_factory=lambda: [b"{}"])
    wait_s: float = 0.0
    gap_s: float = 0.0
    cut: bool = False


class Backend:
    """A plain HTTP/1.1 server with scripted answers that keeps what it was asked."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.reply: Callable[[Seen], Reply] = lambda _seen: Reply()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    def answers(self, **reply: Any) -> None:
        self.reply = lambda _seen: Reply(**reply)

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        await self.stop()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            for writer in self._open:
                writer.transport.abort()
            self._open.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                raw = await reader.readuntil(b"\r\n\r\n")
                assert b"\n" not in raw.replace(b"\r\n", b""), raw
                head = raw.decode().split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
                body = await _read_body(reader, headers)
                seen = Seen(path=head[0].split()[1], headers=headers, body=body)
                self.seen.append(seen)
                if not await _write(writer, self.reply(seen)):
                    break
        self._open.discard(writer)
        writer.close()


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


async def _write(writer: asyncio.StreamWriter, reply: Reply) -> bool:
    await asyncio.sleep(reply.wait_s)
    if reply.status == 0:
        return False
    fields = "".join(f"{k}: {v}\r\n" for k, v in reply.headers.items())
    writer.write(f"HTTP/1.1 {reply.status} X\r\n{fields}transfer-encoding: chunked\r\n\r\n".encode())
    for piece in reply.pieces:
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await writer.drain()
        await asyncio.sleep(reply.gap_s)
    if reply.cut:
        return False
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


@dataclass
class Orders:
    """What the worker answers to a request's body."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    refusal: tuple[int, bytes] | None = None


class Worker:
    """An ext_proc, access-log and health server on one Unix socket."""

    def __init__(self) -> None:
        self.orders = Orders()
        self.second_orders = Orders()
        self.phases: list[str] = []
        self.messages: list[tuple[str, pb.ProcessingRequest]] = []
        self.entries: list[Any] = []
        self.forwarded: list[dict[str, Any]] = []  # metadata, as failovers bring it
        self.drop: Callable[[bytes], bytes] = lambda chunk: chunk
        self.is_silent = False
        self._server: grpc.aio.Server | None = None

    async def start(self, path: Path) -> None:
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
        server.add_generic_rpc_handlers(
            (
                _service("envoy.service.ext_proc.v3.ExternalProcessor", Process=grpc.stream_stream_rpc_method_handler(self._process)),
                _service("envoy.service.accesslog.v3.AccessLogService", StreamAccessLogs=grpc.stream_unary_rpc_method_handler(self._log)),
                _service("grpc.health.v1.Health", Check=grpc.unary_unary_rpc_method_handler(self._health)),
            )
        )
        server.add_insecure_port(f"unix:{path}")
        await server.start()
        self._server = server

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(None)

    async def _health(self, _request: bytes, _context: Any) -> bytes:
        return pb.HealthCheckResponse(status=pb.HealthCheckResponse.SERVING).SerializeToString()

    async def _log(self, requests: AsyncIterator[bytes], _context: Any) -> bytes:
        async for raw in requests:
            self.entries += pb.StreamAccessLogsMessage.FromString(raw).http_logs.log_entry
        return b""

    async def _process(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        phase = dict(context.invocation_metadata())["x-tiermesh-phase"]
        self.phases.append(phase)
        async for raw in requests:
            message = pb.ProcessingRequest.FromString(raw)
            self.messages.append((phase, message))
            if self.is_silent:
                await asyncio.sleep(3600)
            yield self._answer(phase, message).SerializeToString()

    def _answer(self, phase: str, message: pb.ProcessingRequest) -> pb.ProcessingResponse:
        kind = message.WhichOneof("request")
        if kind == "request_headers":
            if message.request_headers.end_of_stream:
                return _immediate(self.orders)
            return pb.ProcessingResponse(request_headers=pb.HeadersResponse(response=pb.CommonResponse()))
        if kind == "response_headers":
            return pb.ProcessingResponse(response_headers=pb.HeadersResponse(response=pb.CommonResponse()))
        if kind == "response_body":
            kept = self.drop(message.response_body.body)
            return pb.ProcessingResponse(
                response_body=pb.BodyResponse(response=pb.CommonResponse(body_mutation=pb.BodyMutation(body=kept)))
            )
        if phase == "failover":
            self.forwarded.append(metadata_of(message.metadata_context))
            return _decided(self.second_orders, clear=False)
        return _immediate(self.orders) if self.orders.refusal else _decided(self.orders, clear=True)


def metadata_of(metadata: Any) -> dict[str, Any]:
    """Dynamic metadata as plain values, by namespace."""
    return {name: dict(struct.items()) for name, struct in metadata.filter_metadata.items()}


def _service(name: str, **methods: Any) -> Any:
    return grpc.method_handlers_generic_handler(name, methods)


def _set(headers: dict[str, str]) -> list[Any]:
    overwrite = pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    return [
        pb.HeaderValueOption(header=pb.HeaderValue(key=key, raw_value=value.encode()), append_action=overwrite)
        for key, value in headers.items()
    ]


def _decided(orders: Orders, *, clear: bool) -> pb.ProcessingResponse:
    headers = dict(orders.headers)
    common = pb.CommonResponse(clear_route_cache=clear)
    if orders.body is not None:
        headers["content-length"] = str(len(orders.body))
        common.body_mutation.body = orders.body
    common.header_mutation.set_headers.extend(_set(headers))
    answer = pb.ProcessingResponse(request_body=pb.BodyResponse(response=common))
    if orders.metadata:
        answer.dynamic_metadata.update({"tiermesh": orders.metadata})
    return answer


def _immediate(orders: Orders) -> pb.ProcessingResponse:
    if orders.refusal is None:
        return pb.ProcessingResponse(request_headers=pb.HeadersResponse(response=pb.CommonResponse()))
    status, body = orders.refusal
    refusal = pb.ImmediateResponse(status=pb.HttpStatus(code=status), body=body)
    refusal.headers.set_headers.extend(_set({"content-type": "application/json"}))
    answer = pb.ProcessingResponse(immediate_response=refusal)
    if orders.metadata:
        answer.dynamic_metadata.update({"tiermesh": orders.metadata})
    return answer


async def until(claim: Callable[[], Awaitable[bool]]) -> None:
    """Returns once `claim` holds; what it waits for happens in another process, so there is nothing to be told by."""
    async with asyncio.timeout(DEADLINE_S):
        for _ in iter(int, 1):
            if await claim():
                return
            await asyncio.sleep(0.02)


@dataclass
class Gateway:
    """A running Envoy with its worker and backends."""

    config: Config
    client: httpx.AsyncClient
    admin: httpx.AsyncClient
    worker: Worker
    backends: dict[str, Backend]
    directory: Path

    def decide(self, **orders: Any) -> None:
        """From now on the worker answers a request's body so."""
        self.worker.orders = Orders(**orders)

    def decide_again(self, **orders: Any) -> None:
        """From now on the worker answers a failover so."""
        self.worker.second_orders = Orders(**orders)

    until = staticmethod(until)

    @staticmethod
    def metadata(entry: Any) -> dict[str, Any]:
        """The dynamic metadata of an access-log entry, by namespace."""
        return metadata_of(entry.common_properties.metadata)

    async def post(self, path: str = "/v1/chat/completions", body: Any = None, **kwargs: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body or {"model": "auto", "messages": []}).encode()
        headers = {"content-type": "application/json", **kwargs.pop("headers", {})}
        return await self.client.post(path, content=content, headers=headers, **kwargs)

    async def entry(self, number: int = 0) -> Any:
        """The access-log entry of request `number`, when it has come."""

        async def has_come() -> bool:
            return len(self.worker.entries) > number

        await until(has_come)
        return self.worker.entries[number]

    async def usage(self, number: int = 0) -> dict[str, Any]:
        """What Envoy read out of answer `number`."""
        return dict(self.metadata(await self.entry(number)).get("tiermesh.usage", {}))

    async def stat(self, name: str) -> int:
        text = (await self.admin.get("/stats", params={"filter": name})).text
        return sum(int(line.rpartition(":")[2]) for line in text.splitlines() if line.rpartition(":")[2].strip().isdigit())


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


@pytest.fixture
def validate() -> Callable[[str, Path], str]:
    """What Envoy itself says about a bootstrap, warnings and worse; fails when Envoy refuses it."""

    def run(bootstrap: str, directory: Path) -> str:
        path = directory / "validate.yaml"
        path.write_text(bootstrap)
        command = [ENVOY, "--mode", "validate", "-c", path, "-l", "warning"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stderr

    return run


Start = Callable[..., Awaitable[Gateway]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a gateway for a configuration in which `{name}` stands for the port of the backend of that name."""
    async with contextlib.AsyncExitStack() as stack:

        async def begin(text: str, *names: str, workers: int = 1) -> Gateway:
            backends = {name: Backend() for name in names}
            for backend in backends.values():
                await backend.start()
                stack.push_async_callback(backend.stop)
            for name, backend in backends.items():
                text = text.replace("{" + name + "}", str(backend.port))
            text = text.replace("{tmp}", str(tmp_path))
            config = _on_free_ports(parse(text))
            worker = Worker()
            await worker.start(tmp_path / "worker-0.sock")
            stack.push_async_callback(worker.stop)
            process = await _envoy(config, tmp_path, workers, stack)
            gateway = Gateway(
                config=config,
                client=await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{config.listener.port}", timeout=30)),
                admin=await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{config.listener.admin_port}")),
                worker=worker,
                backends=backends,
                directory=tmp_path,
            )
            await _ready(gateway, process, tmp_path / "envoy.log")
            return gateway

        yield begin


def _on_free_ports(config: Config) -> Config:
    port, admin_port = free_ports(2)
    return config.model_copy(update={"listener": config.listener.model_copy(update={"port": port, "admin_port": admin_port})})


async def _envoy(config: Config, directory: Path, workers: int, stack: contextlib.AsyncExitStack) -> asyncio.subprocess.Process:
    rendered = render_envoy(config, directory, workers=workers)
    for path, text in rendered.files.items():
        path.write_text(text)
    (directory / "envoy.yaml").write_text(rendered.bootstrap)
    log = stack.enter_context((directory / "envoy.log").open("wb"))
    process = await asyncio.create_subprocess_exec(
        ENVOY, "-c", directory / "envoy.yaml", "--use-dynamic-base-id", "--concurrency", "1", "-l", "info", stdout=log, stderr=log
    )

    async def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    stack.push_async_callback(end)
    return process


async def _ready(gateway: Gateway, process: asyncio.subprocess.Process, log: Path) -> None:
    async def answers() -> bool:
        assert process.returncode is None, _tail(log)
        with contextlib.suppress(httpx.TransportError):
            return bool((await gateway.admin.get("/ready")).status_code == 200)
        return False

    await until(answers)


def _tail(log: Path) -> str:
    return log.read_text()[-4000:]

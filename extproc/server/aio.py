"""The other transport: Google's `grpc.aio`. Slower, made by many hands; chosen with `processor.transport: grpcio`.

It serves the same calls as the native one and is what that one is tested against.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

from extproc.server.call import Call, CallError, Service, Status

log = logging.getLogger(__name__)

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_QUIET_S = 0.25  # as the native transport: what the peer sent before it learned of the drain has arrived
_LAST_MESSAGES = 4  # a busy peer is never quiet, and opens another call only when this one ends


class GrpcioServer:
    """Serves one service on an address such as `unix:/run/worker-0.sock` or `0.0.0.0:9002`."""

    def __init__(self, service: Service, max_message_bytes: int) -> None:
        self._draining: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.max_send_message_length", max_message_bytes),
                ("grpc.max_concurrent_streams", 65_536),
                ("grpc.so_reuseport", 0),
            ]
        )
        self._server.add_generic_rpc_handlers((_AnyMethod(service, self._draining),))

    async def start(self, address: str) -> None:
        """Returns once calls are accepted."""
        self._server.add_insecure_port(address)
        await self._server.start()

    @property
    def is_idle(self) -> bool:
        """Never known to be: grpcio does not tell who is connected."""
        return False

    async def drain(self, timeout_s: float) -> None:
        """Accept no more, finish what was begun, end lasting calls, then close; at most `timeout_s`."""
        if not self._draining.done():
            self._draining.set_result(None)
        await self._server.stop(timeout_s)


class _AnyMethod(grpc.GenericRpcHandler):  # type: ignore[misc] # grpc has no types
    def __init__(self, service: Service, draining: asyncio.Future[None]) -> None:
        self._service = service
        self._draining = draining

    def service(self, handler_call_details: Any) -> Any:
        path = handler_call_details.method
        metadata = {str(key): str(value) for key, value in handler_call_details.invocation_metadata}
        # Every method is treated as a stream both ways, which on the wire they all are. grpcio looks at what it is given:
        # an asynchronous generator is awaited, and anything that merely returns one is taken for a blocking function.
        return grpc.stream_stream_rpc_method_handler(_Conversation(self._service, self._draining, path, metadata).hold)


@dataclass(frozen=True, slots=True)
class _Conversation:
    service: Service
    draining: asyncio.Future[None]
    path: str
    metadata: Mapping[str, str]

    async def hold(self, messages: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        call: Call | None = None
        try:
            call = self.service.open(self.path, self.metadata)
            if call is None:
                raise CallError(Status.UNIMPLEMENTED, "unknown method")
            async for message in _until_quiet(messages, self.draining) if call.is_lasting else messages:
                answer = call.message(message)
                if answer is not None and not isinstance(answer, bytes):
                    answer = await answer
                if answer is not None:
                    yield answer
                if call.is_over:
                    break
            last = call.end()  # of a call that the peer has cancelled, too, grpcio says that its messages end
            if last is not None:
                yield last
        except CallError as error:
            await context.abort(_CODES[int(error.status)], error.message)
        except Exception:
            log.exception("a call failed")
            await context.abort(grpc.StatusCode.INTERNAL, "internal error")
        finally:
            if call is not None:
                call.closed()


async def _until_quiet(messages: AsyncIterator[bytes], draining: asyncio.Future[None]) -> AsyncIterator[bytes]:
    """The messages; while draining, a few more, as long as they follow each other closely."""
    iterator = aiter(messages)
    left = _LAST_MESSAGES
    while left:
        upcoming: asyncio.Future[bytes | None] = asyncio.ensure_future(anext(iterator, None))
        try:
            await asyncio.wait((upcoming, draining), return_when=asyncio.FIRST_COMPLETED)
            if not upcoming.done():
                await asyncio.wait((upcoming,), timeout=_QUIET_S)
            message = upcoming.result() if upcoming.done() else None
        finally:
            upcoming.cancel()
        if message is None:
            return
        left -= draining.done()
        yield message

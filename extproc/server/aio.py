"""The other transport: Google's `grpc.aio`. Slower, made by many hands; chosen with `processor.transport: grpcio`.

It serves the same calls as the native one and is what that one is tested against.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio

from extproc.server.call import Call, CallError, Service

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class GrpcioServer:
    """Serves one service on an address such as `unix:/run/worker-0.sock` or `0.0.0.0:9002`."""

    def __init__(self, service: Service, max_message_bytes: int) -> None:
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.max_send_message_length", max_message_bytes),
                ("grpc.max_concurrent_streams", 65_536),
                ("grpc.so_reuseport", 0),
            ]
        )
        self._server.add_generic_rpc_handlers((_AnyMethod(service),))

    async def start(self, address: str) -> None:
        """Returns once calls are accepted."""
        self._server.add_insecure_port(address)
        await self._server.start()

    @property
    def is_idle(self) -> bool:
        """Never known to be: grpcio does not tell who is connected."""
        return False

    async def drain(self, timeout_s: float) -> None:
        """Accept no more, finish what was begun, then close; at most `timeout_s`."""
        await self._server.stop(timeout_s)


class _AnyMethod(grpc.GenericRpcHandler):  # type: ignore[misc] # grpc has no types
    def __init__(self, service: Service) -> None:
        self._service = service

    def service(self, handler_call_details: Any) -> Any:
        metadata = {str(key): str(value) for key, value in handler_call_details.invocation_metadata}
        call = self._service.open(handler_call_details.method, metadata)
        if call is None:
            return None
        # Every method is treated as a stream both ways, which on the wire they all are.
        return grpc.stream_stream_rpc_method_handler(lambda messages, context: _converse(call, messages, context))


async def _converse(call: Call, messages: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    try:
        async for message in messages:
            answer = call.message(message)
            if answer is not None and not isinstance(answer, bytes):
                answer = await answer
            if answer is not None:
                yield answer
        last = call.end()
        if last is not None:
            yield last
    except CallError as error:
        await context.abort(_CODES[int(error.status)], error.message)
    finally:
        call.closed()

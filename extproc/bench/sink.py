"""An OTLP receiver that throws everything away: `python -m extproc.bench.sink PORT`.

What a receiver does with its input is not ours to measure, but that there is one is part of telemetry being on.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import grpc


class _Anything(grpc.GenericRpcHandler):  # type: ignore[misc] # grpc has no types
    def service(self, handler_call_details: Any) -> Any:  # noqa: ARG002 - gRPC's signature
        return grpc.unary_unary_rpc_method_handler(_accept)


async def _accept(request: bytes, context: Any) -> bytes:  # noqa: ARG001 - gRPC's signature
    return b""  # an empty Export...ServiceResponse: all was accepted


async def _serve(port: int) -> None:
    server = grpc.aio.server(handlers=[_Anything()])
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    print("ready", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))

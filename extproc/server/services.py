"""The gRPC services of a worker, by path: ext_proc, the access log, health."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from google.protobuf.message import DecodeError

from extproc.pipeline import Pipeline
from extproc.protocol import envoy_pb2 as pb
from extproc.server.call import Call, CallError, Status
from extproc.server.processor import PROCESS_PATH, open_process

ACCESS_LOG_PATH = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs"
HEALTH_PATH = "/grpc.health.v1.Health/Check"

log = logging.getLogger(__name__)

Settle = Callable[[Sequence[pb.HTTPAccessLogEntry]], None]


class AccessLogCall:
    """A stream of finished requests. It lasts as long as Envoy does, so draining ends it and reads it out."""

    is_lasting = True
    is_over = False

    def __init__(self, settle: Settle) -> None:
        self._settle = settle

    def message(self, data: bytes) -> None:
        try:
            entries = pb.StreamAccessLogsMessage.FromString(data).http_logs.log_entry
        except DecodeError as error:
            raise CallError(Status.INVALID_ARGUMENT, "not a StreamAccessLogsMessage") from error
        self._settle(entries)

    def end(self) -> bytes:
        return pb.StreamAccessLogsResponse().SerializeToString()

    def closed(self) -> None:
        return None


class HealthCall:
    """`grpc.health.v1.Health/Check`, for Envoy's health checks and Kubernetes' probes."""

    is_lasting = False
    is_over = False  # the peer of a call with one message ends its side with that message

    def __init__(self, is_serving: Callable[[], bool]) -> None:
        self._is_serving = is_serving

    def message(self, data: bytes) -> bytes:  # noqa: ARG002 - there is one service, whatever name is asked for
        status = pb.HealthCheckResponse.SERVING if self._is_serving() else pb.HealthCheckResponse.NOT_SERVING
        return pb.HealthCheckResponse(status=status).SerializeToString()

    def end(self) -> None:
        return None

    def closed(self) -> None:
        return None


class Services:
    """Everything a worker answers."""

    def __init__(self, pipeline: Callable[[], Pipeline], settle: Settle, is_serving: Callable[[], bool]) -> None:
        self._pipeline = pipeline
        self._settle = settle
        self._is_serving = is_serving

    def open(self, path: str, metadata: Mapping[str, str]) -> Call | None:
        if path == PROCESS_PATH:
            return open_process(self._pipeline, metadata)
        if path == ACCESS_LOG_PATH:
            return AccessLogCall(self._settle)
        if path == HEALTH_PATH:
            return HealthCall(self._is_serving)
        return None

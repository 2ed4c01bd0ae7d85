"""The ext_proc filters: two on the listener, one on each chain."""

from __future__ import annotations

from envoy_data_plane.envoy.config.common.mutation_rules import v3 as mutation
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.filters.http.ext_proc import v3 as ext_proc
from envoy_data_plane.envoy.extensions.filters.http.router import v3 as router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.extensions.retry.host.previous_hosts import v3 as previous_hosts
from envoy_data_plane.envoy.type import v3 as http_type
from envoy_data_plane.google.protobuf import Any

from extproc.config import Config, Policy
from extproc.mesh import accounting, callers, match, names
from extproc.mesh.message import extension, grpc_service, seconds

REQUEST_FILTER = "tiermesh.request"
ANSWER_FILTER = "tiermesh.answer"
JSON_FILTER = "tiermesh.usage.json"
SSE_FILTER = "tiermesh.usage.sse"
FAILOVER_FILTER = "tiermesh.failover"
_EXT_PROC = "envoy.filters.http.ext_proc"
_OPEN_TRIES = 3
_HOST_PICKS = 5
_Headers = ext_proc.ProcessingModeHeaderSendMode
_Body = ext_proc.ProcessingModeBodySendMode


def listener_filters(config: Config, policy: Policy) -> list[hcm.HttpFilter]:
    """The HTTP filters of the listener, in the order in which a request meets them; an answer meets them in reverse.

    The usage filters stand behind the answer filter, so they read an answer before the worker changes it.
    """
    return [
        *callers.token_filters(config),
        match.http_filter(REQUEST_FILTER, _request(config, policy)),
        match.http_filter(ANSWER_FILTER, _answer(config)),
        match.http_filter(JSON_FILTER, accounting.json_rules()),
        match.http_filter(SSE_FILTER, accounting.sse_rules()),
        match.http_filter("envoy.filters.http.router", router.Router(suppress_envoy_headers=True)),
    ]


def failover_filter(config: Config) -> hcm.HttpFilter:
    """The upstream filter that shows the worker a request again before its second attempt and each later one.

    It fails closed: a body made for another backend, with another's model name, must not be sent.
    """
    settings = ext_proc.ExternalProcessor(
        grpc_service=_service(names.FAILOVER_PHASE),
        failure_mode_allow=False,
        status_on_error=http_type.HttpStatus(code=http_type.StatusCode(503)),
        processing_mode=_request_only(),
        message_timeout=seconds(config.processor.message_timeout_s),
        mutation_rules=_mutation_rules(),
        metadata_options=_metadata([names.NAMESPACE]),
    )
    return match.only_after_first_attempt(FAILOVER_FILTER, extension(_EXT_PROC, settings))


def _request(config: Config, policy: Policy) -> ext_proc.ExternalProcessor:
    # With the headers skipped, or sent without waiting, the router would have picked its route before the body is
    # read. Nothing of the answer is asked for: two messages a request.
    return ext_proc.ExternalProcessor(
        grpc_service=_service(names.REQUEST_PHASE),
        failure_mode_allow=config.processor.on_failure == "open",
        status_on_error=http_type.HttpStatus(code=http_type.StatusCode(503)),
        processing_mode=_request_only(),
        message_timeout=seconds(config.processor.message_timeout_s),
        mutation_rules=_mutation_rules(),
        metadata_options=_metadata(callers.namespaces(policy)),
        request_attributes=callers.attributes(policy),
    )


def headers_only() -> ext_proc.ExtProcPerRoute:
    """What a route says to have the worker see who sends a request, and nothing more of it.

    Its body is neither held nor sent, and without a worker it is refused: nobody knows whether its sender may.
    """
    mode = ext_proc.ProcessingMode(
        request_header_mode=_Headers.SEND,
        request_body_mode=_Body.NONE,
        response_header_mode=_Headers.SKIP,
        request_trailer_mode=_Headers.SKIP,
        response_trailer_mode=_Headers.SKIP,
    )
    return ext_proc.ExtProcPerRoute(overrides=ext_proc.ExtProcOverrides(processing_mode=mode, failure_mode_allow=False))


def edited_answer() -> ext_proc.ExtProcPerRoute:
    """What a route says to have its answers pass through the worker.

    STREAMED: BUFFERED would hold back the first token until the last.
    """
    mode = ext_proc.ProcessingMode(
        request_header_mode=_Headers.SKIP,
        response_header_mode=_Headers.SEND,
        response_body_mode=_Body.STREAMED,
        request_trailer_mode=_Headers.SKIP,
        response_trailer_mode=_Headers.SKIP,
    )
    return ext_proc.ExtProcPerRoute(overrides=ext_proc.ExtProcOverrides(processing_mode=mode))


def _answer(config: Config) -> ext_proc.ExternalProcessor:
    # Asleep, without so much as a gRPC stream, but on the routes that wake it. A matcher on the request's headers would do
    # too, were it not for answers that Envoy or the worker give before this filter has seen a request: it has not been asked
    # then, and the filter runs. It fails open: an extra chunk in an answer is better than a broken answer.
    skip = _Headers.SKIP
    return ext_proc.ExternalProcessor(
        grpc_service=_service(names.ANSWER_PHASE),
        failure_mode_allow=True,
        allow_mode_override=True,
        processing_mode=ext_proc.ProcessingMode(
            request_header_mode=skip, response_header_mode=skip, request_trailer_mode=skip, response_trailer_mode=skip
        ),
        message_timeout=seconds(config.processor.message_timeout_s),
        metadata_options=_metadata([names.NAMESPACE]),
    )


def _request_only() -> ext_proc.ProcessingMode:
    return ext_proc.ProcessingMode(
        request_header_mode=_Headers.SEND,
        request_body_mode=_Body.BUFFERED,
        response_header_mode=_Headers.SKIP,
        request_trailer_mode=_Headers.SKIP,
        response_trailer_mode=_Headers.SKIP,
    )


def _mutation_rules() -> mutation.HeaderMutationRules:
    # The worker sets Envoy's per-try timeout; host, authority, scheme and method stay out of its reach.
    return mutation.HeaderMutationRules(allow_envoy=True, allow_all_routing=False)


def _metadata(forwarded: list[str]) -> ext_proc.MetadataOptions:
    return ext_proc.MetadataOptions(
        forwarding_namespaces=ext_proc.MetadataOptionsMetadataNamespaces(untyped=forwarded) if forwarded else None,
        receiving_namespaces=ext_proc.MetadataOptionsMetadataNamespaces(untyped=[names.NAMESPACE]),
    )


def _service(phase: str) -> core.GrpcService:
    # No timeout of the gRPC stream: it lives as long as the request, and a long answer may take an hour.
    return grpc_service(names.PROCESSOR_CLUSTER, {names.PHASE_KEY: phase}, retry=_other_worker())


def _other_worker() -> core.RetryPolicy:
    # A worker that has just died is left for another before the health check notices. Without a back-off of our own
    # Envoy would wait up to a second, longer than a decision may take.
    previous = core.RetryPolicyRetryHostPredicate(
        name="envoy.retry_host_predicates.previous_hosts", typed_config=Any.pack(previous_hosts.PreviousHostsPredicate())
    )
    return core.RetryPolicy(
        num_retries=_OPEN_TRIES,
        retry_on="connect-failure,refused-stream,unavailable",
        retry_back_off=core.BackoffStrategy(base_interval=seconds(0.001), max_interval=seconds(0.01)),
        retry_host_predicate=[previous],
        host_selection_retry_max_attempts=_HOST_PICKS,
    )

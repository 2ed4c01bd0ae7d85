"""The routes: our header picks the chain; without it a request stays on-premises.

Routes are looked up twice for an LLM request: when it arrives, to find which filters run, and again when the worker has
set its header and cleared the cached route.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any

from extproc.config import Backend, Config, Policy, chain_name, chains_of
from extproc.mesh import callers, credentials, filters, names
from extproc.mesh.message import seconds, set_header

# What the next backend may cure. 401, 402 and 403 are here because the key is the operator's, never the caller's: they
# mean that a key expired or an account is empty. 400, 404, 409, 413 and 422 are about the request and would be repeated.
FAILOVER_STATUSES = (401, 402, 403, 408, 429, 500, 502, 503, 504, 529)
# `reset` covers a peer that closes without an answer and an attempt that runs out of time; after the first byte of an
# answer nothing is tried again.
_FAILOVER_ON = "connect-failure,refused-stream,reset,retriable-status-codes"
# The next attempt goes elsewhere, so there is nothing to wait for.
_BACK_OFF_S, _MAX_BACK_OFF_S = 0.005, 0.02
_SLACK_S = 5.0

# An answer that is one JSON document is held while its usage is read, and one beyond the buffer would be lost; the largest,
# embeddings of many texts, have tens of MB. Envoy has one limit for both directions. These routes are only found once the
# request has been read and decided, so what may come in is still bounded by the listener's limit.
_ANSWER_BUFFER_BYTES = 256 * 1024 * 1024

_ABSENT_SAFE = "No on-premises backend is configured, and this request could not be decided."
_CLOSED = "The request could not be decided, and the configuration says to refuse it then."


def virtual_host(config: Config, policy: Policy) -> route.VirtualHost:
    """All routes, for every host name."""
    return route.VirtualHost(
        name="llm",
        domains=["*"],
        routes=[*_chains(config, policy), *_undecided(config, policy), *_models(config, policy), _other(config, policy)],
        request_headers_to_remove=_removed(config),
        response_headers_to_remove=list(names.RATE_LIMIT_HEADERS),  # comes before adding
        response_headers_to_add=[*_labels(), *_standings()],
        include_request_attempt_count=True,
    )


def _chains(config: Config, policy: Policy) -> Iterator[route.Route]:
    for chain in chains_of(policy):
        name = chain_name(chain)
        has_chain = _header(names.CHAIN_HEADER, matcher.StringMatcher(exact=name))
        edited = _forward(f"edited.{name}", [has_chain, _present(names.ANSWER_HEADER)], _action(chain, _stream_idle(chain, config)))
        edited.typed_per_filter_config = {filters.ANSWER_FILTER: Any.pack(filters.edited_answer())}
        yield edited
        yield _forward(f"stream.{name}", [has_chain, _present(names.STREAM_HEADER)], _action(chain, _stream_idle(chain, config)))
        yield _forward(f"chain.{name}", [has_chain], _action(chain, _answer_idle(chain, config)))


def _forward(name: str, headers: list[route.HeaderMatcher], action: route.RouteAction) -> route.Route:
    return route.Route(
        name=name,
        match=route.RouteMatch(prefix="/", headers=headers),
        route=action,
        request_body_buffer_limit=_ANSWER_BUFFER_BYTES,
    )


def _present(header: str) -> route.HeaderMatcher:
    return route.HeaderMatcher(name=header, present_match=True)


def _undecided(config: Config, policy: Policy) -> Iterator[route.Route]:
    """LLM requests without a decision: these routes are the first lookup of all, and the last of those that failed open."""
    is_post = _header(":method", matcher.StringMatcher(exact="POST"))
    for path in names.LLM_PATHS:
        match = route.RouteMatch(path=path, headers=[is_post])
        if config.processor.on_failure == "open" and policy.safe:
            yield route.Route(name=f"safe{path}", match=match, route=_action(policy.safe, _answer_idle(policy.safe, config)))
        else:
            why = _CLOSED if policy.safe else _ABSENT_SAFE
            yield route.Route(name=f"refused{path}", match=match, direct_response=_refusal(path, why))


def _refusal(path: str, message: str) -> route.DirectResponseAction:
    return route.DirectResponseAction(status=503, body=core.DataSource(inline_string=_error_text(path, message)))


def _error_text(path: str, message: str) -> str:
    if path == "/v1/messages":
        return json.dumps({"type": "error", "error": {"type": "api_error", "message": message}})
    return json.dumps({"error": {"message": message, "type": "server_error", "param": None, "code": "no_decision"}})


def _models(config: Config, policy: Policy) -> Iterator[route.Route]:
    # The worker answers these itself; where it cannot, the backend does.
    disabled = _disabled(filters.ANSWER_FILTER, filters.JSON_FILTER, filters.SSE_FILTER) | _guard(policy)
    for match in (route.RouteMatch(path=names.MODELS_PATH), route.RouteMatch(prefix=names.MODELS_PATH + "/")):
        yield route.Route(name="models", match=match, route=_other_action(config, policy), typed_per_filter_config=disabled)


def _other(config: Config, policy: Policy) -> route.Route:
    disabled = _disabled(filters.REQUEST_FILTER, filters.ANSWER_FILTER, filters.JSON_FILTER, filters.SSE_FILTER) | _guard(policy)
    return route.Route(
        name="other", match=route.RouteMatch(prefix="/"), route=_other_action(config, policy), typed_per_filter_config=disabled
    )


def _guard(policy: Policy) -> dict[str, Any]:
    return {filters.REQUEST_FILTER: Any.pack(filters.headers_only())} if callers.guards_other_paths(policy) else {}


def _other_action(config: Config, policy: Policy) -> route.RouteAction:
    backend = policy.other_paths
    action = _action((backend,), _answer_idle((backend,), config))
    if backend.base_path:
        # No worker looks at these requests, so the path prefix is added here.
        action.regex_rewrite = matcher.RegexMatchAndSubstitute(
            pattern=matcher.RegexMatcher(regex="^/"), substitution=f"{backend.base_path}/"
        )
    return action


def _action(chain: tuple[Backend, ...], idle_s: float) -> route.RouteAction:
    return route.RouteAction(
        cluster=names.chain_cluster(chain_name(chain)),
        auto_host_rewrite=True,
        timeout=seconds(0),  # none on the whole answer: what is generated may take as long as it streams
        idle_timeout=seconds(idle_s),
        retry_policy=_failover(chain),
    )


def _failover(chain: tuple[Backend, ...]) -> route.RetryPolicy:
    # The worker sets the time to the first byte with each request; this one is for requests it never saw.
    return route.RetryPolicy(
        retry_on=_FAILOVER_ON,
        retriable_status_codes=list(FAILOVER_STATUSES),
        num_retries=len(chain) - 1,
        per_try_timeout=seconds(max(backend.answer_timeout_s for backend in chain)),
        retry_back_off=route.RetryPolicyRetryBackOff(base_interval=seconds(_BACK_OFF_S), max_interval=seconds(_MAX_BACK_OFF_S)),
    )


def _answer_idle(chain: tuple[Backend, ...], config: Config) -> float:
    """Seconds of silence that are too many when the whole generation is silent, on each attempt in turn."""
    return max(config.listener.stream_idle_timeout_s, sum(backend.answer_timeout_s for backend in chain) + _SLACK_S)


def _stream_idle(chain: tuple[Backend, ...], config: Config) -> float:
    return max(config.listener.stream_idle_timeout_s, sum(backend.first_byte_timeout_s for backend in chain) + _SLACK_S)


def _removed(config: Config) -> list[str]:
    """What never leaves: our own headers, every caller's key, and where the caller sits.

    accept-encoding goes too, because a compressed answer has no usage that Envoy can read.
    """
    return [*names.OUR_REQUEST_HEADERS, *credentials.headers(config), *names.PLACE_HEADERS, "accept-encoding"]


def _labels() -> list[core.HeaderValueOption]:
    # The upstream is the one that answered, also after a failover; %UPSTREAM_CLUSTER% would name the chain here. An
    # absent value adds no header.
    def of_upstream(key: str) -> str:
        return f"%UPSTREAM_METADATA({names.NAMESPACE}:{key})%"

    return [
        set_header(names.MODEL_HEADER, of_upstream("model")),
        set_header(names.TIER_HEADER, of_upstream("tier")),
        set_header(names.BACKEND_HEADER, of_upstream("backend")),
        set_header(names.UPSTREAM_ID_HEADER, "%RESP(x-request-id?request-id)%"),
    ]


def _standings() -> list[core.HeaderValueOption]:
    # An absent value adds no header.
    return [set_header(header, f"%DYNAMIC_METADATA({names.NAMESPACE}:{header})%") for header in names.RATE_LIMIT_HEADERS]


def _disabled(*filter_names: str) -> dict[str, Any]:
    return {name: Any.pack(route.FilterConfig(disabled=True)) for name in filter_names}


def _header(name: str, value: matcher.StringMatcher) -> route.HeaderMatcher:
    return route.HeaderMatcher(name=name, string_match=value)

"""Names that Envoy's configuration and the workers must agree on.

Light on purpose: the workers import this module, and nothing else of this package.
"""

from __future__ import annotations

from pathlib import Path

# Request headers between the worker and the routes. All of ours share a prefix: whatever a client sends under it is
# dropped before anything else looks at the request, and none of it leaves.
OUR_PREFIX = "x-tiermesh-"
CHAIN_HEADER = "x-tiermesh-chain"  # the chain that serves this request; picks the route
ANSWER_HEADER = "x-tiermesh-answer"  # present: the answer goes through the worker
STREAM_HEADER = "x-tiermesh-stream"  # present: the answer is streamed, so a silence inside it is a fault
OUR_REQUEST_HEADERS = (CHAIN_HEADER, ANSWER_HEADER, STREAM_HEADER)
PER_TRY_TIMEOUT_HEADER = "x-envoy-upstream-rq-per-try-timeout-ms"  # Envoy's; the worker may set it

# Response headers that tell callers how their limits stand, from metadata of the same names. A provider's own are about the
# operator's account, and never reach a caller.
RATE_LIMIT_HEADERS = (
    *(f"x-ratelimit-{what}-{of}" for of in ("requests", "tokens") for what in ("limit", "remaining", "reset")),
    *(
        f"anthropic-ratelimit-{of}-{what}"
        for of in ("requests", "tokens", "input-tokens", "output-tokens")
        for what in ("limit", "remaining", "reset")
    ),
)

# Response headers Envoy adds from the metadata of the cluster that answered.
MODEL_HEADER = "x-tiermesh-model"
TIER_HEADER = "x-tiermesh-tier"
BACKEND_HEADER = "x-tiermesh-backend"
UPSTREAM_ID_HEADER = "x-tiermesh-upstream-request-id"  # the provider's own id, where it sent one

# Where the APIs and their SDKs put keys and account names, where browsers and proxies put theirs, and where proxies say where the
# caller sits. None of them leaves.
CALLERS_HEADERS = (
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "openai-organization",
    "openai-project",
    "cookie",
)
PLACE_HEADERS = (
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-server",
    "x-original-forwarded-for",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "forwarded",
    "via",
    "referer",
)

# gRPC initial metadata that tells the ext_proc streams apart.
PHASE_KEY = "x-tiermesh-phase"
REQUEST_PHASE = "request"
ANSWER_PHASE = "answer"
FAILOVER_PHASE = "failover"

# Dynamic metadata.
NAMESPACE = "tiermesh"  # written by the worker, read back at failover and in the access log
USAGE_NAMESPACE = "tiermesh.usage"  # written by Envoy from the answer
JWT_NAMESPACE = "envoy.filters.http.jwt_authn"  # written by Envoy's filter of that name, which is its name as a filter too
TOKEN_STATUS_KEY = "tiermesh_status"  # noqa: S105 - in that namespace: why a token was not accepted

# Attributes of a connection (Envoy's "attributes").
PEER_ATTRIBUTE = "connection.uri_san_peer_certificate"

PROCESSOR_CLUSTER = "tiermesh"
OTLP_CLUSTER = "otlp"
JWKS_CLUSTER = "jwks"
ACCESS_LOG = "tiermesh"

_BODY_SLACK_BYTES = 1024 * 1024

LLM_PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/messages")
MODELS_PATH = "/v1/models"


def body_buffer_bytes(max_body_bytes: int) -> int:
    """How much of a request Envoy holds, for the worker and for another attempt; beyond it Envoy answers 413.

    A little more than the largest body allowed, so that a body just over the limit still reaches the worker, whose answer
    says more. The worker's gRPC limit must be larger than this.
    """
    return max_body_bytes + _BODY_SLACK_BYTES


def backend_cluster(name: str) -> str:
    """The cluster of one backend; the access log names it for the attempt that answered."""
    return f"backend.{name}"


def chain_cluster(chain: str) -> str:
    """The composite cluster of a chain."""
    return f"chain.{chain}"


def worker_socket(run_dir: Path, index: int) -> Path:
    """The Unix socket the worker number `index`, from 0, listens on."""
    return run_dir / f"worker-{index}.sock"

"""The shape of `tiermesh.yaml`: what an operator may write, its defaults, its limits.

Data only. `load.py` turns text into these types with every problem reported at once; `compiled.py` turns them into the
tables that the request path reads. The configuration reference and the editor's JSON Schema are generated from here, so
each field carries the sentence that explains it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from extproc.config import spelling
from extproc.config.health import Health, Saturation
from extproc.config.identity import Access, Identity, Tls
from extproc.config.limits import Admission, Limit, Notices
from extproc.config.prices import Price
from extproc.config.residency import Audit, Residency, Sessions
from extproc.config.routing import Routing
from extproc.config.section import (
    MEBIBYTE,
    Api,
    BackendUrl,
    Capability,
    Fraction,
    Location,
    ModelName,
    Name,
    Port,
    Seconds,
    Section,
)


class Credential(Section):
    """A provider key that Envoy reads from a file and adds to each request. TierMesh itself never reads it."""

    file: str = Field(min_length=1, max_length=4096, description="File that holds the key alone. Envoy reads it again when it is replaced.")
    kind: Literal["openai", "anthropic", "header"] = Field(
        "openai",
        description=(
            "`openai`: `authorization: Bearer KEY`. `anthropic`: `x-api-key: KEY` and `anthropic-version`. "
            "`header`: as `header` and `prefix` say."
        ),
    )
    header: Annotated[str, AfterValidator(spelling.header)] = Field(
        "authorization", description="Header that carries the key when `kind` is `header`."
    )
    prefix: Annotated[str, AfterValidator(spelling.header_text)] = Field(
        "", max_length=64, description="Text before the key when `kind` is `header`."
    )


class Backend(Section):
    """One model at one address."""

    url: BackendUrl = Field(
        description="Base address, without `/v1`: the path of the request (`/v1/...`) is added. A path in it is a prefix."
    )
    model: ModelName = Field(description="The name this backend knows the model by; written into the request's body.")
    tier: Name = Field(description="The tier this backend serves.")
    apis: tuple[Api, ...] = Field(
        (Api.CHAT, Api.COMPLETIONS, Api.RESPONSES, Api.MESSAGES),
        min_length=1,
        description="The APIs it speaks. TierMesh never sends it any other.",
    )
    aliases: tuple[ModelName, ...] = Field(
        (), description="Other names callers may know this model by: for pass-through, embeddings and prices."
    )
    location: Location = Field(Location.CLOUD, description="`on_prem` or `cloud`. Cloud unless said otherwise: the safe mistake.")
    context_tokens: Annotated[int, Field(ge=256, le=100_000_000)] = Field(
        128_000, description="Prompt and answer together fit in this many tokens."
    )
    capabilities: tuple[Capability, ...] = Field((Capability.TOOLS, Capability.JSON_SCHEMA), description="What it can do beyond text.")
    price: Price | None = Field(
        None,
        description=(
            "What its tokens cost. Default: what `prices` or the price book that is shipped says of `model` (`tiermesh prices`); "
            "an on-premises backend is not in the book and then costs nothing."
        ),
    )
    force: dict[str, Any] = Field(
        default_factory=dict, description="Parameters written into every request's body, such as `temperature: 0` or `seed: 7`."
    )
    revision: str = Field(
        "", max_length=128, description="Hash of the model's weights or the provider's snapshot name; kept on every record."
    )
    credential: Credential | None = Field(None, description="The key Envoy adds. Without it the request leaves with no credentials at all.")
    ca_file: str = Field(
        "/etc/ssl/certs/ca-certificates.crt", min_length=1, description="Certificate authorities an https backend is checked against."
    )
    connect_timeout_s: Seconds = Field(2.0, description="Time to connect before the next backend of the chain is tried.")
    first_byte_timeout_s: Seconds = Field(20.0, description="Time to the first byte of a streamed answer before the next backend is tried.")
    answer_timeout_s: Seconds = Field(
        600.0, description="Time to the first byte of an answer that is not streamed, which is the whole generation."
    )
    weight: Annotated[int, Field(ge=1, le=1_000)] = Field(
        1, description="Share of its tier's conversations among backends that the tier chooses from by `weight`."
    )
    saturation: Saturation | None = Field(None, description="For vLLM: when it is too full. Without it nobody asks.")


class Tier(Section):
    """One step of the ladder from cheap to capable."""

    up_to: Fraction = Field(
        1.0, description="Requests that score up to this much are for this tier (0 trivial, 1 hardest). The last tier takes the rest."
    )
    chain: tuple[Name, ...] = Field(
        (),
        max_length=4,
        description=(
            "Backends in the order they are tried. Default: this tier's own, then the next higher ones, then the lower ones; "
            "four at most, and none that only embeds."
        ),
    )
    prefer: Literal["order", "price", "latency", "weight"] = Field(
        "order",
        description=(
            "Which of the tier's own backends is tried first: as the chain has them, the cheapest for the request, the one that was "
            "quickest to a first token of late, or by `weight`, a conversation always the same."
        ),
    )


class Models(Section):
    """Which requested model names TierMesh decides about. Patterns are shell globs; the first list that matches wins."""

    pass_through: tuple[ModelName, ...] = Field(
        (), description="Names that are not routed: the request goes to the backend that has the name, whatever its score."
    )
    routed: tuple[ModelName, ...] = Field(
        ("*",), description="Names that are routed. A name in neither list is refused with 404 in the API's own shape."
    )
    listed: tuple[ModelName, ...] = Field(("auto",), description="Names that `/v1/models` lists besides the backends' own names.")


class Listener(Section):
    """Where apps connect, and how large a request may be."""

    address: Annotated[str, AfterValidator(spelling.ip)] = Field(
        "127.0.0.1", description="IP address Envoy listens on; `0.0.0.0` is every network."
    )
    port: Port = Field(8080, description="Port Envoy listens on.")
    admin_port: Port = Field(9901, description="Envoy's admin page, always on loopback.")
    max_body_bytes: Annotated[int, Field(ge=64 * 1024, le=256 * MEBIBYTE)] = Field(
        32 * MEBIBYTE, description="Largest request body; more gets 413. Envoy's buffers and the gRPC limit follow it."
    )
    other_paths: Name | None = Field(
        None,
        description="Backend for paths that are no LLM API (files, audio ...). Default: the first on-premises one, else the first.",
    )
    stream_idle_timeout_s: Seconds = Field(300.0, description="Silence after which an answer that has begun is given up.")
    tls: Tls | None = Field(None, description="TLS to the apps. Without it they connect in the clear.")


class Processor(Section):
    """The TierMesh workers behind Envoy."""

    workers: Annotated[int, Field(ge=0, le=256)] = Field(0, description="Worker processes; 0 is one per CPU core.")
    transport: Literal["native", "grpcio"] = Field(
        "native", description="gRPC server: `native` is TierMesh's own and faster, `grpcio` is Google's."
    )
    run_dir: str = Field(
        "", description="Directory of the Unix sockets and state. Default: `$XDG_RUNTIME_DIR/tiermesh`, else `/tmp/tiermesh-UID`."
    )
    on_failure: Literal["open", "closed"] = Field(
        "open",
        description=(
            "When no worker answers: `open` sends the request, unread, to the on-premises backends; `closed` refuses it with 503. "
            "Without an on-premises backend the default is `closed`."
        ),
    )
    message_timeout_s: Seconds = Field(2.0, description="How long Envoy waits for a decision.")
    decision_timeout_s: Seconds = Field(
        1.0, description="TierMesh's own budget inside that; beyond it the rest is skipped and the default tier answers."
    )
    drain_s: Seconds = Field(10.0, description="How long a stopping worker finishes what it has begun.")


class Classifier(Section):
    """The ONNX model that scores requests."""

    path: str = Field("", description="Directory of the model. Default: the one that ships with TierMesh.")
    sha256: Annotated[str, AfterValidator(spelling.sha256)] = Field(
        "", json_schema_extra={"pattern": spelling.SHA256}, description="Digest the model must have. Default: the shipped model's."
    )
    default_score: Fraction = Field(
        1.0, description="Score of a request that could not be classified. 1 sends it to the most capable tier."
    )


class Telemetry(Section):
    """Traces, metrics and log lines; all made from the one record of each request."""

    otlp_endpoint: Annotated[str, AfterValidator(spelling.receiver_url)] = Field(
        "", description="OTLP gRPC receiver, such as `http://127.0.0.1:4317`. Empty: no export, no cost."
    )
    service_name: str = Field("tiermesh", description="`service.name` of spans and metrics.")
    trace_share: Fraction = Field(0.1, description="Share of requests Envoy traces when the caller brings no trace of its own.")
    metrics_address: Annotated[str, AfterValidator(spelling.host_port)] = Field(
        "127.0.0.1:9464", description="Where the Prometheus page is served. Empty: nowhere."
    )
    log: Literal["json", "none"] = Field("json", description="One JSON line per request on standard output, or none.")


class Store(Section):
    """Where shared state lives: anything that speaks the Redis protocol."""

    url: Annotated[str, AfterValidator(spelling.store_url)] = Field(
        "embedded",
        json_schema_extra={"pattern": spelling.STORE},
        description=(
            "`embedded` runs a private Valkey; `none` keeps nothing. Yours: `redis://host:6379/0`, `unix:///path`, "
            "`redis+sentinel://host,host/master`, `redis+cluster://host,host`; with TLS `rediss://` and so on."
        ),
    )
    username: str = Field("", max_length=256, description="The user the store knows TierMesh by, where passwords alone do not do.")
    password_file: str = Field("", max_length=4096, description="File that holds the password alone. It is read with every new connection.")
    sentinel_username: str = Field("", max_length=256, description="The user sentinels know TierMesh by, where they ask for one.")
    sentinel_password_file: str = Field("", max_length=4096, description="File that holds the sentinels' password alone.")
    ca_file: str = Field("", max_length=4096, description="Certificate authorities the store is checked against. Default: the system's.")
    certificate_file: str = Field("", max_length=4096, description="Our certificate, where the store asks for one.")
    key_file: str = Field("", max_length=4096, description="Its private key, where that is a file of its own.")
    records_kept: Annotated[int, Field(ge=0, le=10_000_000)] = Field(10_000, description="How many of the latest records the store keeps.")
    rollups_kept_days: Annotated[int, Field(ge=1, le=3_660)] = Field(400, description="How long the hourly sums behind reports are kept.")
    rollup_lines: Annotated[int, Field(ge=100, le=1_000_000)] = Field(
        5_000, description="Lines an organisation's hour may have. Further combinations of user, app, model and task share `(other)`."
    )


def _default_tiers() -> dict[str, Tier]:
    return {"simple": Tier(up_to=0.35), "standard": Tier(up_to=0.70), "complex": Tier(up_to=1.0)}


class Config(Section):
    """A whole `tiermesh.yaml`."""

    version: Literal[1] = Field(1, description="Version of this format.")
    backends: dict[Name, Backend] = Field(
        min_length=1, max_length=64, description="The models TierMesh may send requests to, by a name of your choice."
    )
    tiers: dict[Name, Tier] = Field(
        default_factory=_default_tiers, min_length=1, max_length=8, description="Tiers from cheap to capable, in this order."
    )
    models: Models = Field(default_factory=Models, description="Requested names that are routed, passed through, or listed.")
    prices: dict[ModelName, Price] = Field(
        default_factory=dict,
        description="Prices of models by name, before the price book's: for backends without one, and for what a request would have cost.",
    )
    baseline: Name | None = Field(
        None, description="Backend whose price stands for a requested model of unknown price. Default: the most capable tier's first."
    )
    identity: Identity = Field(default_factory=Identity, description="Who sends a request.")
    access: dict[Name, Access] = Field(
        default_factory=dict,
        max_length=200,
        description="Which scopes may reach what, as rules by a name of your choice. Without any, all may.",
    )
    limits: dict[Name, Limit] = Field(default_factory=dict, max_length=200, description="Who may spend how much, by a name of your choice.")
    admission: Admission = Field(default_factory=Admission, description="How requests are held to the limits.")
    notices: Notices = Field(default_factory=Notices, description="Who is told when a threshold is reached.")
    routing: Routing = Field(default_factory=Routing, description="Which tier, and which backend of it.")
    residency: Residency = Field(default_factory=Residency, description="What may not leave.")
    sessions: Sessions = Field(default_factory=Sessions, description="How conversations are remembered.")
    audit: Audit = Field(default_factory=Audit, description="The proof of what left.")
    health: Health = Field(default_factory=Health, description="When backends that fail are left alone.")
    listener: Listener = Field(default_factory=Listener, description="Where apps connect.")
    processor: Processor = Field(default_factory=Processor, description="The workers.")
    classifier: Classifier = Field(default_factory=Classifier, description="The scoring model.")
    telemetry: Telemetry = Field(default_factory=Telemetry, description="Traces, metrics, logs.")
    store: Store = Field(default_factory=Store, description="Shared state.")

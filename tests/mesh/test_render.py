"""The rendered bootstrap, as data and as Envoy judges it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from extproc.config import chain_name, chains_of, compile_config, parse
from extproc.mesh import examples, render_envoy

EXAMPLES = Path(__file__).parents[2] / "envoy"
LOCAL = '  local: {url: "http://vllm.internal:8000/v", model: q, tier: simple, location: on_prem}\n'
CLOUD = '  cloud: {url: "https://api.example.com", model: c, tier: complex, credential: {file: /keys/cloud}}\n'
KEYED = """\
  keyed:
    url: https://[2001:db8::1]:8443
    model: k
    tier: standard
    credential: {file: /keys/k, kind: header, header: Api-Key, prefix: "Key "}
"""
TLS = "listener: {tls: {certificate_file: /tls/tls.crt, key_file: /tls/tls.key, client_ca_file: /tls/ca.crt}}\n"
IDENTITY = """\
identity:
  mesh: {pattern: "spiffe://{trust}/ns/{team}/sa/{app}"}
  jwt: {claims: {user: sub}, issuer: https://login.example, audiences: [llm], jwks_url: "https://login.example/keys"}
  headers: {organisation: x-org}
  trusted_peers: ["spiffe://acme/front"]
"""
CONFIGURATIONS = {
    "one on-premises backend": "backends:\n" + LOCAL,
    "one cloud backend": "backends:\n" + CLOUD,
    "every kind, traced, closed": f"backends:\n{LOCAL}{CLOUD}{KEYED}processor: {{on_failure: closed}}\ntelemetry: {{otlp_endpoint: 'https://otlp.internal'}}\n",
    "callers by certificate, token and header, over TLS": f"backends:\n{LOCAL}{CLOUD}{TLS}{IDENTITY}",
    "a proxy's word, TLS without certificates of clients": f"backends:\n{LOCAL}{TLS.replace(', client_ca_file: /tls/ca.crt', '')}"
    + IDENTITY.replace("{pattern", "{from: xfcc, pattern").replace('["spiffe://acme/front"]', "[any]"),
    "IPv6, small bodies": f"backends:\n{LOCAL}{CLOUD}listener: {{address: '::', max_body_bytes: 65536, other_paths: cloud}}\n",
}


def rendered(text: str, run_dir: Path = Path("/run/tiermesh"), workers: int = 2) -> Any:
    return yaml.safe_load(render_envoy(parse(text), run_dir, workers=workers).bootstrap)


def clusters(text: str) -> dict[str, Any]:
    return {cluster["name"]: cluster for cluster in rendered(text)["static_resources"]["clusters"]}


@pytest.mark.dataplane
@pytest.mark.parametrize("text", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_envoy_accepts_it_and_calls_nothing_deprecated(text: str, tmp_path: Path, validate: Any) -> None:
    made = render_envoy(parse(text), tmp_path, workers=3)
    for path, companion in made.files.items():
        path.write_text(companion)
    # The certificates of this machine stand in for those of the configuration.
    said = validate(made.bootstrap, tmp_path)
    # An Envoy that only validates has no clusters to fetch an issuer's keys from.
    others = [line for line in said.splitlines() if "work-in-progress" not in line and "jwks" not in line]
    assert others == [], others


def test_the_examples_are_what_is_rendered_now() -> None:
    texts = examples.rendered_examples(EXAMPLES)
    assert len(texts) >= 4
    for path, text in texts.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: run `python -m extproc.mesh.examples`"


def test_importing_the_package_leaves_envoys_types_alone() -> None:
    check = "import sys, extproc.mesh; sys.exit(any(name.startswith(('envoy_data_plane', 'betterproto2')) for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", check], check=False, timeout=60).returncode == 0


def test_every_subsequence_of_every_chain_has_a_cluster_once() -> None:
    policy = compile_config(parse(CONFIGURATIONS["every kind, traced, closed"]))
    found = [chain_name(chain) for chain in chains_of(policy)]
    assert len(found) == len(set(found))
    assert found[:7] == ["local+keyed+cloud", "local+keyed", "local+cloud", "keyed+cloud", "local", "keyed", "cloud"]
    assert {"cloud+keyed+local", "keyed+local", "cloud+local"} <= set(found)


def test_each_member_of_a_chain_always_has_an_address() -> None:
    for name, cluster in clusters(CONFIGURATIONS["every kind, traced, closed"]).items():
        if name.startswith("backend."):
            places = [
                place["endpoint"]["address"]["socket_address"]
                for p in cluster["load_assignment"]["endpoints"]
                for place in p["lb_endpoints"]
            ]
            assert ("cluster_type" not in cluster) or {"address": "127.0.0.1", "port_value": 0} in places


def test_an_on_premises_chain_has_no_cloud_member() -> None:
    made = clusters(CONFIGURATIONS["every kind, traced, closed"])
    chains = {
        name: [entry["name"] for entry in c["cluster_type"]["typed_config"]["clusters"]]
        for name, c in made.items()
        if name.startswith("chain.")
    }
    for name, members in chains.items():
        assert [f"backend.{part}" for part in name.removeprefix("chain.").split("+")] == members


def test_the_worker_sees_a_request_before_any_key_is_on_it() -> None:
    options = clusters(CONFIGURATIONS["every kind, traced, closed"])["chain.local+keyed+cloud"]["typed_extension_protocol_options"]
    order = [item["name"] for item in options["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]["http_filters"]]
    assert order == [
        "tiermesh.credentials.remove",
        "tiermesh.failover",
        "tiermesh.credential.keyed",
        "tiermesh.credential.cloud",
        "tiermesh.tidy",
        "envoy.filters.http.upstream_codec",
    ]


def test_companion_files_name_key_files_and_hold_no_key(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("secret-value")
    made = render_envoy(parse("backends:\n" + CLOUD.replace("/keys/cloud", str(key))), tmp_path, workers=1)
    (path,) = made.files
    assert path == tmp_path / "credential.cloud.yaml"
    assert str(key) in made.files[path]
    assert "secret-value" not in made.bootstrap + made.files[path]


def test_each_worker_has_an_endpoint_and_rendering_again_gives_the_same() -> None:
    text = CONFIGURATIONS["one on-premises backend"]
    made = clusters(text)["tiermesh"]["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert [place["endpoint"]["address"]["pipe"]["path"] for place in made] == [
        "/run/tiermesh/worker-0.sock",
        "/run/tiermesh/worker-1.sock",
    ]
    assert rendered(text) == rendered(text)


def test_a_failed_worker_is_open_or_closed_as_configured() -> None:
    for word, is_open in (("open", True), ("closed", False)):
        made = rendered(f"backends:\n{LOCAL}processor: {{on_failure: {word}}}\n")
        manager = made["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        assert manager["http_filters"][0]["typed_config"].get("failure_mode_allow", False) is is_open
        safe = [r for r in manager["route_config"]["virtual_hosts"][0]["routes"] if r["name"].startswith("safe")]
        assert len(safe) == (5 if is_open else 0)


# ---- callers ----


def manager(text: str) -> Any:
    return rendered(text)["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


def request_filter(text: str) -> Any:
    return next(item["typed_config"] for item in manager(text)["http_filters"] if item["name"] == "tiermesh.request")


MESH = 'identity: {mesh: {pattern: "spiffe://{trust}/{app}"}}\n'
XFCC = 'identity: {mesh: {from: xfcc, pattern: "spiffe://{trust}/{app}"}, trusted_peers: [PEERS]}\n'
WORDS = "identity: {headers: {user: x-user}, trusted_peers: [PEERS]}\n"


@pytest.mark.parametrize(
    ("identity", "attributes", "namespaces"),
    [
        ("", [], []),
        (f"identity: {{keys: [{{sha256: {'0f' * 32}, scope: acme}}]}}\n", [], []),
        (MESH, ["connection.uri_san_peer_certificate"], []),
        (WORDS.replace("PEERS", "any"), [], []),
        (WORDS.replace("PEERS", "spiffe://a/b"), ["connection.uri_san_peer_certificate"], []),
        (XFCC.replace("PEERS", "any"), [], []),
        ("identity: {jwt: {claims: {user: sub}}}\n", [], ["envoy.filters.http.jwt_authn"]),
        (MESH.replace("{mesh", "{sources: [jwt], jwt: {claims: {user: sub}}, mesh"), [], ["envoy.filters.http.jwt_authn"]),
    ],
)
def test_envoy_is_asked_only_for_what_identity_reads(identity: str, attributes: list[str], namespaces: list[str]) -> None:
    made = request_filter("backends:\n" + LOCAL + identity)
    assert made.get("request_attributes", []) == attributes
    assert made["metadata_options"].get("forwarding_namespaces", {}).get("untyped", []) == namespaces


@pytest.mark.parametrize(
    ("identity", "details"),
    [
        ("", "SANITIZE"),
        (MESH, "SANITIZE"),
        (WORDS.replace("PEERS", "any"), "SANITIZE"),
        (XFCC.replace("PEERS", "spiffe://a/b"), "FORWARD_ONLY"),
        (XFCC.replace("PEERS", "any"), "ALWAYS_FORWARD_ONLY"),
    ],
)
def test_a_proxys_word_about_certificates_is_dropped_unless_it_is_read(identity: str, details: str) -> None:
    assert manager("backends:\n" + LOCAL + identity).get("forward_client_cert_details", "SANITIZE") == details


def test_nothing_that_names_a_caller_leaves() -> None:
    text = f"backends:\n{LOCAL}" + IDENTITY.replace("{pattern", "{from: xfcc, pattern").replace("sub}", "sub}, header: x-token")
    removed = manager(text)["route_config"]["virtual_hosts"][0]["request_headers_to_remove"]
    assert {"x-org", "x-token", "x-forwarded-client-cert"} <= set(removed)


@pytest.mark.parametrize("rules", [IDENTITY, "access: {a: {scope: acme, tiers: []}}\n"])
def test_where_it_matters_who_sends_them_requests_on_other_paths_are_seen_too_and_refused_without_a_worker(rules: str) -> None:
    def overrides(text: str) -> list[Any]:
        routes = manager(text)["route_config"]["virtual_hosts"][0]["routes"]
        return [r["typed_per_filter_config"].get("tiermesh.request", {}) for r in routes if r["name"] in ("models", "other")]

    assert [override.get("disabled", False) for override in overrides("backends:\n" + LOCAL)] == [False, False, True]
    for override in overrides("backends:\n" + LOCAL + rules):
        assert override["overrides"]["failure_mode_allow"] is False
        assert override["overrides"]["processing_mode"].get("request_body_mode", "NONE") == "NONE"


def test_certificates_of_the_listener_are_named_in_files_and_stand_in_none(tmp_path: Path) -> None:
    made = render_envoy(parse(CONFIGURATIONS["callers by certificate, token and header, over TLS"]), tmp_path, workers=1)
    names_of = {path.name: text for path, text in made.files.items()}
    assert {"listener.certificate.yaml", "listener.clients.yaml"} <= names_of.keys()
    assert "/tls/tls.key" in names_of["listener.certificate.yaml"]
    assert "/tls/ca.crt" in names_of["listener.clients.yaml"]
    assert "/tls/" not in made.bootstrap


def test_only_a_token_that_envoy_can_verify_has_a_filter() -> None:
    def filters_of(text: str) -> list[str]:
        return [item["name"] for item in manager("backends:\n" + LOCAL + text)["http_filters"]]

    assert filters_of(IDENTITY)[0] == "envoy.filters.http.jwt_authn"
    assert filters_of("identity: {jwt: {claims: {user: sub}}}\n")[0] == "tiermesh.request"
    assert "jwks" in clusters(f"backends:\n{LOCAL}{IDENTITY}")

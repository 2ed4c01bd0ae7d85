"""The rendered bootstrap, as data and as Envoy judges it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from extproc.config import chain_name, compile_config, parse
from extproc.mesh import examples, names, render_envoy

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
CONFIGURATIONS = {
    "one on-premises backend": "backends:\n" + LOCAL,
    "one cloud backend": "backends:\n" + CLOUD,
    "every kind, traced, closed": f"backends:\n{LOCAL}{CLOUD}{KEYED}processor: {{on_failure: closed}}\ntelemetry: {{otlp_endpoint: 'https://otlp.internal'}}\n",
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
    others = [line for line in said.splitlines() if "work-in-progress" not in line]
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
    found = [chain_name(chain) for chain in names.chains(policy)]
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

"""What keeps apps from going round the gateway: the shape of each resource, and what Istio's own schemas say of them."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from extproc.config import parse
from extproc.mesh import examples
from extproc.mesh.egress import Surroundings, render_egress

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "envoy"
CONFIG = """\
backends:
  local: {url: "http://vllm.models.svc.cluster.local:8000", model: q, tier: simple, location: on_prem}
  near: {url: "http://127.0.0.1:8001", model: n, tier: simple, location: on_prem}
  house: {url: "https://llm.corp.example:8443/x", model: h, tier: standard, location: on_prem}
  cloud: {url: "https://api.example.com", model: c, tier: complex, credential: {file: /keys/c}}
  other: {url: "https://api.example.com:8443/deployments", model: o, tier: complex, credential: {file: /keys/o}}
  bare: {url: "https://[2001:db8::1]:9443", model: b, tier: complex}
"""
STORE = "store: {url: 'rediss+sentinel://one.example:26379,two.example:26380/main'}\n"
AROUND = Surroundings(("shop", "search"), gateway_namespace="llm", namespace="llm")


def rendered(text: str = CONFIG, around: Surroundings = AROUND) -> list[dict[str, Any]]:
    return [made for file in render_egress(parse(text), around).values() for made in yaml.safe_load_all(file) if made]


def of_kind(kind: str, made: list[dict[str, Any]]) -> dict[tuple[str, str], Any]:
    return {(one["metadata"]["namespace"], one["metadata"]["name"]): one["spec"] for one in made if one["kind"] == kind}


def network_policies(made: list[dict[str, Any]]) -> Iterator[Any]:
    return iter(of_kind("NetworkPolicy", made).values())


# ---- service entries ----


def test_each_cloud_host_is_known_once_with_all_its_ports_and_to_the_gateway_alone() -> None:
    entries = of_kind("ServiceEntry", rendered())
    assert set(entries) == {("llm", "tiermesh-api-example-com"), ("llm", "tiermesh-2001-db8--1")}
    named = entries["llm", "tiermesh-api-example-com"]
    assert (named["hosts"], named["resolution"], named["location"]) == (["api.example.com"], "DNS", "MESH_EXTERNAL")
    assert [(port["number"], port["protocol"]) for port in named["ports"]] == [(443, "TLS"), (8443, "TLS")]
    assert all(entry["exportTo"] == ["."] for entry in entries.values())


def test_a_bare_address_is_reached_by_address() -> None:
    bare = of_kind("ServiceEntry", rendered())["llm", "tiermesh-2001-db8--1"]
    assert (bare["addresses"], bare["endpoints"], bare["resolution"]) == (["2001:db8::1"], [{"address": "2001:db8::1"}], "STATIC")
    assert bare["ports"] == [{"number": 9443, "name": "tcp-9443", "protocol": "TCP"}]


def test_entries_in_another_namespace_are_exported_to_the_gateways_by_name() -> None:
    entries = of_kind("ServiceEntry", rendered(around=Surroundings(("shop",), namespace="registry", gateway_namespace="llm")))
    assert {space for space, _ in entries} == {"registry"}
    assert all(entry["exportTo"] == ["llm"] for entry in entries.values())


# ---- sidecars ----


def test_every_app_namespace_connects_only_to_what_it_knows() -> None:
    sidecars = of_kind("Sidecar", rendered())
    assert {space for space, _ in sidecars} == {"shop", "search"}
    for spec in sidecars.values():
        assert spec["outboundTrafficPolicy"] == {"mode": "REGISTRY_ONLY"}
        assert spec["egress"] == [{"hosts": ["./*", "istio-system/*", "llm/*"]}]
        assert "workloadSelector" not in spec


@pytest.mark.parametrize(
    ("reach", "hosts"), [(("data",), ["./*", "istio-system/*", "llm/*", "data/*"]), (("shop",), None), (("data", "*"), ["*/*"])]
)
def test_apps_know_the_namespaces_they_are_to_reach(reach: tuple[str, ...], hosts: list[str] | None) -> None:
    sidecars = of_kind("Sidecar", rendered(around=Surroundings(("shop",), gateway_namespace="llm", reach=reach)))
    assert sidecars["shop", "tiermesh-egress"]["egress"] == [{"hosts": hosts or ["./*", "istio-system/*", "llm/*"]}]


def test_a_selector_of_apps_limits_both_layers_to_them() -> None:
    made = rendered(around=Surroundings(("shop",), gateway_namespace="llm", app_labels={"llm": "yes"}))
    assert of_kind("Sidecar", made)["shop", "tiermesh-egress"]["workloadSelector"] == {"labels": {"llm": "yes"}}
    assert of_kind("NetworkPolicy", made)["shop", "tiermesh-egress"]["podSelector"] == {"matchLabels": {"llm": "yes"}}


# ---- network policies ----


def peers_of(policy: Any) -> list[Any]:
    return [peer for rule in policy["egress"] for peer in rule.get("to", [None])]


@pytest.mark.parametrize("reach", [(), ("data",), ("*",)])
@pytest.mark.parametrize("guards", [False, True])
def test_no_app_may_reach_anything_outside_the_cluster(reach: tuple[str, ...], guards: bool) -> None:
    made = rendered(around=Surroundings(("shop", "search"), gateway_namespace="llm", reach=reach, guards_on_prem=guards))
    apps = {place: spec for place, spec in of_kind("NetworkPolicy", made).items() if place[0] != "llm"}
    assert set(apps) == {("shop", "tiermesh-egress"), ("search", "tiermesh-egress")}
    for spec in apps.values():
        assert spec["policyTypes"] == ["Egress"]
        assert None not in peers_of(spec)  # a rule without `to` is to everywhere
        assert all("ipBlock" not in peer and peer for peer in peers_of(spec))


def test_apps_reach_the_name_service_their_own_pods_the_mesh_and_the_gateways_pods() -> None:
    spec = of_kind("NetworkPolicy", rendered())["shop", "tiermesh-egress"]
    names, others = spec["egress"]
    assert {(port["protocol"], port["port"]) for port in names["ports"]} == {("UDP", 53), ("TCP", 53)}
    assert names["to"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "kube-system"}
    spaces = [peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name") for peer in others["to"]]
    assert spaces == [None, "istio-system", "llm"]
    assert others["to"][0] == {"podSelector": {}}
    assert others["to"][2]["podSelector"] == {"matchLabels": {"app": "tiermesh"}}


@pytest.mark.parametrize(("more", "ports"), [("", [443, 8000, 8443, 9443]), (STORE, [443, 8000, 8443, 9443, 26379, 26380])])
def test_the_gateway_reaches_the_cluster_and_outside_it_the_ports_that_are_configured(more: str, ports: list[int]) -> None:
    spec = of_kind("NetworkPolicy", rendered(CONFIG + more))["llm", "tiermesh-egress-gateway"]
    assert spec["podSelector"] == {"matchLabels": {"app": "tiermesh"}}
    outside = spec["egress"][-1]
    assert [port["port"] for port in outside["ports"]] == ports
    for peer in outside["to"]:
        block = ip_network(peer["ipBlock"]["cidr"])
        assert all(ip_network(hole).subnet_of(block) for hole in peer["ipBlock"]["except"])  # type: ignore[arg-type]
    assert {"namespaceSelector": {}} in peers_of(spec)


def test_every_network_policy_is_of_the_documented_shape() -> None:
    for spec in network_policies(rendered(around=Surroundings(("shop",), gateway_namespace="llm", reach=("data",)))):
        assert set(spec) == {"podSelector", "policyTypes", "egress"}
        for rule in spec["egress"]:
            assert set(rule) <= {"to", "ports"}
            assert all(set(peer) <= {"podSelector", "namespaceSelector"} or set(peer) == {"ipBlock"} for peer in rule["to"])
            assert all(set(port) == {"protocol", "port"} and 0 < port["port"] < 65_536 for port in rule.get("ports", []))


# ---- authorization policies ----


def test_an_egress_gateway_refuses_all_but_the_gateway_for_these_hosts_only() -> None:
    made = rendered(around=Surroundings(("shop",), gateway_namespace="llm", gateway_account="router", egress_namespace="istio-system"))
    ((place, spec),) = of_kind("AuthorizationPolicy", made).items()
    assert place == ("istio-system", "tiermesh-egress-gateway")
    assert (spec["action"], spec["selector"]) == ("DENY", {"matchLabels": {"istio": "egressgateway"}})
    for rule in spec["rules"]:
        assert rule["from"] == [{"source": {"notPrincipals": ["cluster.local/ns/llm/sa/router"]}}]
        assert set(rule) - {"from"}, "it would refuse everybody everything"
    by_name, by_host = spec["rules"]
    assert by_name["when"] == [{"key": "connection.sni", "values": ["api.example.com"]}]
    assert by_host["to"] == [{"operation": {"hosts": ["api.example.com", "api.example.com:*"], "ports": ["80", "8080"]}}]


def test_on_premises_backends_are_closed_to_apps_where_it_is_asked_for() -> None:
    assert of_kind("AuthorizationPolicy", rendered()) == {}
    made = rendered(around=Surroundings(("shop",), gateway_namespace="llm", namespace="llm", guards_on_prem=True))
    ((place, spec),) = of_kind("AuthorizationPolicy", made).items()
    assert (place, spec["action"]) == (("models", "tiermesh-egress-on-prem"), "DENY")
    assert spec["rules"][0]["to"] == [{"operation": {"ports": ["8000"]}}]
    assert ("llm", "tiermesh-llm-corp-example") in of_kind("ServiceEntry", made)  # outside the cluster: known to the gateway alone
    assert not any("127-0-0-1" in name for _, name in of_kind("ServiceEntry", made))


# ---- files ----


def test_each_file_says_what_it_does_how_to_apply_it_and_how_to_test_it() -> None:
    for name, text in render_egress(parse(CONFIG), AROUND).items():
        heading = text.partition("---")[0]
        assert all(line.startswith("#") for line in heading.splitlines())
        assert f"kubectl apply -f {name}" in heading
        assert "curl" in heading
        assert "must fail" in heading
        assert "https://2001:" not in heading  # an address in a URL has brackets


def test_without_a_cloud_backend_there_is_nothing_to_know_and_apps_are_held_all_the_same() -> None:
    made = rendered("backends:\n" + CONFIG.splitlines()[1] + "\n")
    assert {one["kind"] for one in made} == {"NetworkPolicy", "Sidecar"}


def test_the_reference_is_what_is_rendered_now() -> None:
    texts = examples.rendered_egress(EXAMPLES)
    assert {path.name for path in texts} == {path.name for path in (ROOT / "istio" / "egress").glob("*.yaml")}
    for path, text in texts.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: run `make examples`"


# ---- Istio's own schemas ----

# A folder with `tools/crd_check.py`, which reads custom resources as the API server does, and `data/crds/istio`.
SCHEMAS = Path(os.environ.get("TIERMESH_CRDS", ROOT.parent / "shared"))


@pytest.fixture(scope="module")
def schemas() -> Any:
    """Istio's resource definitions, with a checker of them."""
    path = SCHEMAS / "tools" / "crd_check.py"
    if not path.exists() or not importlib.util.find_spec("celpy"):
        pytest.skip(f"Istio's schemas are not checked: that needs {path} (TIERMESH_CRDS names the folder) and the package cel-python")
    spec = importlib.util.spec_from_file_location("crd_check", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CRDs(str(SCHEMAS / "data" / "crds" / "istio" / "*.yaml"))


@pytest.mark.parametrize("around", [AROUND, Surroundings(("shop",), reach=("*",), egress_namespace="istio-system", guards_on_prem=True)])
def test_istio_accepts_it(schemas: Any, around: Surroundings) -> None:
    made = [one for one in rendered(around=around) if "istio.io" in one["apiVersion"]]
    assert made
    assert {one["metadata"]["name"]: schemas.errors(one) for one in made if schemas.errors(one)} == {}


def test_the_check_of_schemas_can_fail(schemas: Any) -> None:
    entry = next(one for one in rendered() if one["kind"] == "ServiceEntry")
    entry["spec"]["hots"] = entry["spec"].pop("hosts")
    assert schemas.errors(entry)

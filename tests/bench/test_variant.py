"""Plain Envoy and the no-op filter get the very same listener, routes and chains."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from extproc.bench import variant
from extproc.bench.fleet import configuration
from extproc.bench.options import Options
from extproc.config import parse
from extproc.local import validate
from extproc.mesh import render_envoy


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    directory = tmp_path_factory.mktemp("run")
    text = configuration(Options(), "http://127.0.0.1:9", directory, otlp_port=4317)
    return yaml.load(render_envoy(parse(text), directory, workers=2).bootstrap, Loader=yaml.CSafeLoader)


def manager(document: dict[str, Any]) -> dict[str, Any]:
    return document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


def routes(document: dict[str, Any]) -> list[tuple[Any, Any]]:
    return [(each["match"], each.get("route")) for each in manager(document)["route_config"]["virtual_hosts"][0]["routes"]]


def chains(document: dict[str, Any]) -> list[str]:
    return [each["name"] for each in document["static_resources"]["clusters"] if each["name"] != "tiermesh"]


@pytest.mark.parametrize(
    "make", [variant.plain, lambda document: variant.with_processor(document, "/run/other.sock")], ids=["plain", "other"]
)
def test_a_variant_keeps_routes_and_chains_and_has_nothing_of_ours(make: Any, rendered: dict[str, Any]) -> None:
    before = copy.deepcopy(rendered)
    made = make(rendered)
    assert rendered == before
    assert routes(made) == routes(rendered)
    assert chains(made) == chains(rendered)
    assert "access_log" not in manager(made)
    assert "tracing" not in manager(made)
    assert "to_metadata" not in yaml.dump(made)


def test_plain_envoy_asks_nobody(rendered: dict[str, Any]) -> None:
    made = variant.plain(rendered)
    assert "ExternalProcessor" not in yaml.dump(made)
    assert [each["name"] for each in manager(made)["http_filters"]] == ["envoy.filters.http.router"]


def test_another_processor_is_asked_once_and_on_its_own_socket(rendered: dict[str, Any]) -> None:
    made = variant.with_processor(rendered, "/run/other.sock")
    assert yaml.dump(made).count("ExternalProcessor") == 1
    (cluster,) = (each for each in made["static_resources"]["clusters"] if each["name"] == "tiermesh")
    assert "/run/other.sock" in yaml.dump(cluster)
    assert "worker-" not in yaml.dump(made)
    assert "health_checks" not in cluster


def test_ports_are_all_that_moves(rendered: dict[str, Any]) -> None:
    made = variant.on_ports(rendered, 1234, 4321)
    assert made["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"] == 1234
    assert made["admin"]["address"]["socket_address"]["port_value"] == 4321
    back = variant.on_ports(
        made,
        rendered["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"],
        rendered["admin"]["address"]["socket_address"]["port_value"],
    )
    assert back == rendered


def test_a_bootstrap_without_a_processor_is_no_start() -> None:
    with pytest.raises(ValueError, match="no ext_proc filter"):
        variant.with_processor({"static_resources": {"listeners": [], "clusters": []}}, "/x")


@pytest.mark.dataplane
def test_envoy_accepts_the_variants(rendered: dict[str, Any], tmp_path: Path) -> None:
    for name, made in (("plain", variant.plain(rendered)), ("other", variant.with_processor(rendered, str(tmp_path / "s")))):
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.dump(made))
        validate(path)


def test_what_is_measured_is_complete_and_takes_the_operators_processor_settings(tmp_path: Path) -> None:
    file = tmp_path / "tiermesh.yaml"
    file.write_text("backends: {a: {url: 'http://h', model: m, tier: simple}}\nprocessor: {workers: 3}\ntelemetry: {trace_share: 0.5}\n")
    config = parse(configuration(Options(config=file, transport="grpcio"), "http://127.0.0.1:9", tmp_path, otlp_port=4317))
    assert (config.processor.workers, config.processor.transport) == (3, "grpcio")
    assert config.processor.run_dir == str(tmp_path / "run")
    assert config.telemetry.otlp_endpoint == "http://127.0.0.1:4317"
    assert (config.telemetry.trace_share, config.telemetry.log) == (0.5, "json")
    assert config.store.url == "embedded"
    assert set(config.backends) == {"small", "medium", "large"}
    assert parse(configuration(Options(trace_share=0), "http://127.0.0.1:9", tmp_path, otlp_port=None)).telemetry.otlp_endpoint == ""

"""The engine, with real Envoy in front of a stand-in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extproc.bench.engine import measure
from extproc.bench.fleet import check_answer, fleet
from extproc.bench.options import Options, Plan
from extproc.bench.system import ENVOY, OTHER, EnvoySystem
from extproc.bench.workload import Workload, requests
from extproc.errors import StartError
from extproc.local import ChildProcess
from extproc.testing import Behaviour, Standin, StandinThread

pytestmark = pytest.mark.dataplane
HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
}
PLAN = Plan(workloads=(Workload(100, 2), Workload(100, 1, chunks=20)), rounds=2, round_s=0.1, warm_up_s=0.02)


def address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def bootstrap(upstream_port: int) -> dict[str, Any]:
    hosts = [{"name": "a", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "up"}}]}]
    manager = {"@type": HCM, "stat_prefix": "l", "route_config": {"virtual_hosts": hosts}, "http_filters": [ROUTER]}
    listener = {"address": address(1), "filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}]}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address(upstream_port)}}]}]
    cluster = {"name": "up", "load_assignment": {"cluster_name": "up", "endpoints": endpoints}}
    return {"admin": {"address": address(1)}, "static_resources": {"listeners": [listener], "clusters": [cluster]}}


@pytest.fixture
def upstream() -> Iterator[StandinThread]:
    with StandinThread(Standin("up")) as standin:
        yield standin


def test_systems_are_measured_in_turns(upstream: StandinThread, tmp_path: Path) -> None:
    idle = ChildProcess("idle", (sys.executable, "-S", "-c", "import time; time.sleep(60)"), log=tmp_path / "idle.log")
    systems = (
        EnvoySystem("envoy", bootstrap(upstream.port), directory=tmp_path),
        EnvoySystem("tiermesh", bootstrap(upstream.port), directory=tmp_path, processor=idle),
    )
    steps: list[tuple[int, int, str]] = []
    try:
        for system in systems:
            system.start()
        assert set(systems[1].pids()) == {ENVOY, OTHER}
        found = measure(systems, PLAN, lambda *step: steps.append(step))
    finally:
        for system in systems:
            system.stop()
    assert [(row.workload, row.system) for row in found.rows] == [
        ("100 tokens x 2", "envoy"), ("100 tokens x 2", "tiermesh"), ("stream of 20 x 1", "envoy"), ("stream of 20 x 1", "tiermesh"),
    ]  # fmt: skip
    assert all(row.answers > 5 and row.failed == 0 and row.messages_per_request == 0 for row in found.rows)
    assert found.by_workload["100 tokens x 2"]["throughput_vs_envoy"].median > 0
    assert steps[-1] == (8, 8, "done")
    assert not idle.is_running


def test_no_round_is_begun_that_would_end_too_late(upstream: StandinThread, tmp_path: Path) -> None:
    system = EnvoySystem("envoy", bootstrap(upstream.port), directory=tmp_path)
    system.start()
    steps: list[str] = []
    try:
        measure(
            (system,), Plan((Workload(100, 1),), rounds=50, round_s=0.02, warm_up_s=0.01, limit_s=0.1), lambda *step: steps.append(step[2])
        )
    finally:
        system.stop()
    assert [step.partition(":")[0] for step in steps] == ["round 1 of 50", "round 2 of 50", "done"]


def test_a_system_that_refuses_is_not_measured(upstream: StandinThread, tmp_path: Path) -> None:
    upstream.standin.behaviour = Behaviour(status=503)
    system = EnvoySystem("envoy", bootstrap(upstream.port), directory=tmp_path)
    system.start()
    try:
        with pytest.raises(StartError, match=r"envoy does not answer as it should.*told to fail"):
            check_answer(system, requests(PLAN.workloads[0])[0])
    finally:
        system.stop()


def test_what_cannot_start_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    program = tmp_path / "broken"
    program.write_text("#!/bin/sh\necho no such luck; exit 3\n")
    program.chmod(0o755)
    with pytest.raises(StartError, match=r"(?s)the upstream ended with status 3.*no such luck"), fleet(Options(upstream=program), tmp_path):
        pass

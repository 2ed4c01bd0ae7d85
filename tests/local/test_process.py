"""Children start, say why they did not, and never outlive us."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from extproc.errors import StartError
from extproc.local import ChildProcess, check_port, free_port, private_directory
from extproc.testing import Standin, StandinThread

SLEEP = (sys.executable, "-S", "-c", "import time; print('up', flush=True); time.sleep(60)")


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def eventually(claim, timeout_s: float = 5.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(claim())


def test_a_child_is_ready_when_it_says_so_and_gone_when_stopped(tmp_path: Path) -> None:
    child = ChildProcess("sleeper", SLEEP, log=tmp_path / "log")
    with child:
        child.wait_ready(lambda: "up" in child.output(), timeout_s=10)
        assert child.is_running
        pid = child.pid
    assert not is_alive(pid)
    assert child.exit_status == -15
    assert child.stop() == -15


def test_a_child_that_ends_while_starting_is_quoted(tmp_path: Path) -> None:
    child = ChildProcess("the thing", (sys.executable, "-S", "-c", "import sys; sys.exit('the disk is on fire')"), log=tmp_path / "log")
    child.start()
    with pytest.raises(StartError, match=r"the thing ended with status 1 while starting:\nthe disk is on fire"):
        child.wait_ready(lambda: False, timeout_s=10)


def test_a_child_that_is_never_ready_is_stopped(tmp_path: Path) -> None:
    child = ChildProcess("sleeper", SLEEP, log=tmp_path / "log")
    child.start()
    with pytest.raises(StartError, match="sleeper was not ready after 0"):
        child.wait_ready(lambda: False, timeout_s=0.05)
    assert not child.is_running


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    child = ChildProcess("nothing", ("/no/such/program",), log=tmp_path / "log")
    child.start()
    with pytest.raises(StartError, match="/no/such/program: No such file"):
        child.wait_ready(lambda: False, timeout_s=10)


def test_only_this_starts_output_is_quoted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("yesterday's trouble\n")
    child = ChildProcess("quiet", (sys.executable, "-S", "-c", ""), log=log)
    child.start()
    assert child.wait(10) == 0
    assert child.output() == ""
    child.stop()


def test_a_child_that_ignores_the_request_to_end_is_killed_with_its_own_children(tmp_path: Path) -> None:
    code = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
print(grandchild.pid, flush=True)
time.sleep(60)
"""
    child = ChildProcess("stubborn", (sys.executable, "-S", "-c", code), log=tmp_path / "log")
    child.start()
    child.wait_ready(lambda: child.output().endswith("\n"), timeout_s=10)
    grandchild = int(child.output())
    assert child.stop(timeout_s=0.1) == -9
    assert eventually(lambda: not is_alive(grandchild))


def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = f"""
import sys, time
from pathlib import Path
from extproc.local.process import ChildProcess
child = ChildProcess("sleeper", {SLEEP!r}, log=Path({str(tmp_path / "log")!r}))
child.start()
child.wait_ready(lambda: "up" in child.output(), timeout_s=10)
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen((sys.executable, "-c", code), stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    assert eventually(lambda: not is_alive(pid))


def test_a_child_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    child = ChildProcess("sleeper", SLEEP, log=tmp_path / "log")
    thread = threading.Thread(target=child.start)
    thread.start()
    thread.join()
    child.wait_ready(lambda: "up" in child.output(), timeout_s=10)
    time.sleep(0.05)
    assert child.is_running
    child.stop()


def test_a_second_start_is_refused(tmp_path: Path) -> None:
    with ChildProcess("sleeper", SLEEP, log=tmp_path / "log") as child, pytest.raises(StartError, match="already running"):
        child.start()


def test_a_taken_port_is_named_with_the_setting_that_changes_it() -> None:
    with StandinThread(Standin("small")) as standin:
        expected = rf"port {standin.port} on 127\.0\.0\.1 is in use.*listener\.port"
        with pytest.raises(StartError, match=expected):
            check_port("127.0.0.1", standin.port, setting="listener.port")
    check_port("127.0.0.1", free_port(), setting="listener.port")


def test_a_private_directory_is_ours_alone(tmp_path: Path) -> None:
    path = private_directory(tmp_path / "a" / "b")
    path.chmod(0o755)
    assert private_directory(path).stat().st_mode & 0o777 == 0o700
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(StartError, match="not a directory of this user"):
        private_directory(tmp_path / "link")
    (tmp_path / "file").touch()
    with pytest.raises(StartError):
        private_directory(tmp_path / "file")

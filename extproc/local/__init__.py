"""Envoy, Valkey and workers as child processes on one machine.

What lives here: starting a program, knowing when it is ready, saying in plain words why it is not, and ending it with all
that it started, even when this process is killed. `tiermesh up`, `demo` and `bench` and the data-plane tests stand on it.
What must not: what to run with which configuration (`mesh`, `cli`), and anything of the request path.
"""

from __future__ import annotations

from extproc.local.directory import private_directory
from extproc.local.envoy import EnvoyProcess, envoy_binary, validate
from extproc.local.port import check_port, free_port
from extproc.local.process import ChildProcess
from extproc.local.valkey import ValkeyProcess, valkey_binary

__all__ = [
    "ChildProcess",
    "EnvoyProcess",
    "ValkeyProcess",
    "check_port",
    "envoy_binary",
    "free_port",
    "private_directory",
    "validate",
    "valkey_binary",
]

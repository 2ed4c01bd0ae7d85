"""Envoy itself may die; then it is started again with what it was started with."""

from __future__ import annotations

import os
import signal
import time

import pytest

from extproc.errors import StartError
from tests.dataplane.harness import running, until

pytestmark = pytest.mark.dataplane


def test_an_envoy_that_crashes_is_started_again_and_one_that_keeps_crashing_is_given_up() -> None:
    with running(workers=1) as stack:
        envoy = stack.gateway.envoy
        assert envoy is not None
        first_pid = envoy.process.pid
        began = time.monotonic()
        until(lambda: time.monotonic() - began > 5.5, "time passes")  # younger ones are taken for hopeless
        os.kill(first_pid, signal.SIGSEGV)
        until(lambda: not envoy.process.is_running, "it did not die")
        stack.gateway.watch()
        assert envoy.process.pid != first_pid
        assert stack.chat().status == 200
        os.kill(envoy.process.pid, signal.SIGSEGV)
        until(lambda: not envoy.process.is_running, "it did not die")
        with pytest.raises(StartError, match="Envoy ended with status -11"):
            stack.gateway.watch()

"""Public fakes and players, for our tests and for operators who try a configuration before they trust it.

What lives here: stand-in LLM backends that speak the real APIs over real sockets, a load player, a clock that a test moves,
scores that a test decides, a receiver of telemetry. What must not: anything the request path imports, and fakes of our own rooms.
"""

from __future__ import annotations

from extproc.testing.backend import Standin, StandinThread
from extproc.testing.behaviour import Behaviour
from extproc.testing.clock import ManualClock
from extproc.testing.http1 import Arrival
from extproc.testing.load import Load, play, request_bytes
from extproc.testing.scoring import FixedScorer, write_model

__all__ = [
    "Arrival",
    "Behaviour",
    "FixedScorer",
    "Load",
    "ManualClock",
    "Standin",
    "StandinThread",
    "play",
    "request_bytes",
    "write_model",
]

"""Which backend? Hard filters, then the tier that the score asks for: pure functions, no I/O, no clock.

What lives here decides from facts it is given. Reading a request belongs to `dialects`, scoring it to `classify`, and
telling Envoy about it to `server`.
"""

from extproc.routing.choose import Decision, Kind, choose, denied, per_try_timeout_ms, spill
from extproc.routing.loop import Loop
from extproc.routing.rules import Circumstance, fitting_rules, script_of
from extproc.routing.view import NO_PAST, PLAIN, Past, View

__all__ = [
    "NO_PAST",
    "PLAIN",
    "Circumstance",
    "Decision",
    "Kind",
    "Loop",
    "Past",
    "View",
    "choose",
    "denied",
    "fitting_rules",
    "per_try_timeout_ms",
    "script_of",
    "spill",
]

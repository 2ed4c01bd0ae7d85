"""Which backend? Hard filters, then the tier that the score asks for: pure functions, no I/O, no clock.

What lives here decides from facts it is given. Reading a request belongs to `dialects`, scoring it to `classify`, and
telling Envoy about it to `server`.
"""

from extproc.routing.choose import Decision, Kind, choose, denied, per_try_timeout_ms, spill
from extproc.routing.housekeeping import Chore, Outline, chore_of, is_housekeeping
from extproc.routing.loop import Loop, Signs, loop_of, read_loop, signs_of
from extproc.routing.rules import Circumstance, fitting_rules, script_of
from extproc.routing.view import NO_PAST, PLAIN, Past, View

__all__ = [
    "NO_PAST",
    "PLAIN",
    "Chore",
    "Circumstance",
    "Decision",
    "Kind",
    "Loop",
    "Outline",
    "Past",
    "Signs",
    "View",
    "choose",
    "chore_of",
    "denied",
    "fitting_rules",
    "is_housekeeping",
    "loop_of",
    "per_try_timeout_ms",
    "read_loop",
    "script_of",
    "signs_of",
    "spill",
]

"""Which backend? Hard filters, then the tier that the score asks for: pure functions, no I/O, no clock.

What lives here decides from facts it is given. Reading a request belongs to `dialects`, scoring it to `classify`, and
telling Envoy about it to `server`.
"""

from extproc.routing.choose import Decision, Kind, choose, denied, per_try_timeout_ms

__all__ = ["Decision", "Kind", "choose", "denied", "per_try_timeout_ms"]

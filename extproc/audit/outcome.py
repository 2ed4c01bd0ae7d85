"""What becomes of an entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reason = Literal["busy", "closed", "damaged", "full", "io", "permission", "timeout"]


@dataclass(frozen=True, slots=True)
class Written:
    """It is in the log, where no later failure takes it out, and has this number."""

    seq: int


@dataclass(frozen=True, slots=True)
class Unwritten:
    """It cannot be relied on to be in the log. After `timeout` or `io` it may be there all the same.

    `busy` too many wait; `closed` the log is; `damaged` something else has been at it; `full` no room; `permission` it may not be
    written; `timeout` not in time, also for want of the lock; `io` anything else that the disk says.
    """

    reason: Reason


Outcome = Written | Unwritten

"""Where an agent's loop stands, in one word."""

from __future__ import annotations

from enum import StrEnum


class Loop(StrEnum):
    """What the steps of an agent say: in trouble, settled into mechanical work, or neither."""

    NONE = "none"
    TROUBLE = "trouble"
    SETTLED = "settled"

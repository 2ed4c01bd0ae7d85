"""The steps that run in the store, each one atomic: reserve, settle, sweep, waive."""

from __future__ import annotations

from pathlib import Path

from extproc.store import Script

_HERE = Path(__file__).parent
_NOBODY = "-"


def _step(name: str) -> Script:
    return Script("\n".join((_HERE / part).read_text(encoding="utf-8") for part in ("books.lua", f"{name}.lua")))


RESERVE = _step("reserve")
SETTLE = _step("settle")
SWEEP = _step("sweep")
WAIVE = _step("waive")

# A sorted set of the ids of requests that were served while no worker answered, by when that was known (epoch s). What one of
# them had reserved, before the worker that asked for it died, must not be charged besides.
UNDECIDED_KEY = "tiermesh:undecided"


def key_of(organisation: str, name: str) -> str:
    """A key of an organisation; all of them share a hash slot."""
    return f"tiermesh:{{{organisation or _NOBODY}}}:{name}"


def lease_key(organisation: str) -> str:
    """The hash of an organisation's leases, which the scripts are given and know the other keys by."""
    return key_of(organisation, "lease")

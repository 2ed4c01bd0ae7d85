"""Credentials: keys and tokens of known form, private keys, what is shown at a door, connection strings, passwords."""

from __future__ import annotations

from extproc.residency.detectors import bearers, commands, connections, keys, passwords, private_keys, secrets_near

DETECTORS = (
    *keys.DETECTORS,
    *private_keys.DETECTORS,
    *bearers.DETECTORS,
    *connections.DETECTORS,
    *passwords.DETECTORS,
    *commands.DETECTORS,
    *secrets_near.DETECTORS,
)

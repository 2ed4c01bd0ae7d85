"""Credentials: keys and tokens of known form, private keys, what is shown at a door, connection strings, passwords."""

from __future__ import annotations

from extproc.residency.detectors import bearers, connections, keys, passwords, private_keys

DETECTORS = (*keys.DETECTORS, *private_keys.DETECTORS, *bearers.DETECTORS, *connections.DETECTORS, *passwords.DETECTORS)

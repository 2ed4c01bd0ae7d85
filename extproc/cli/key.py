"""`tiermesh key`."""

from __future__ import annotations

import argparse
import hashlib
import json
import secrets
import sys

from extproc.config import spelling
from extproc.errors import StartError

_BYTES = 32  # of chance: more than anyone can try


def run(args: argparse.Namespace) -> int:
    """0 with a key, or with a digest. The key itself is printed once and kept nowhere."""
    if args.hash:
        print(_digest(_given()))
        return 0
    try:
        scope, expires = spelling.scope(args.scope or ""), spelling.optional_date(args.expires)
    except ValueError as error:
        raise StartError(f"--scope or --expires {error}") from error
    key = f"tm-{secrets.token_urlsafe(_BYTES)}"
    entry = {"name": args.name, "sha256": _digest(key), "scope": scope, "expires": expires}
    print(key)
    print("Shown once: give it to its owner. The lines for tiermesh.yaml, under identity.keys:", file=sys.stderr)
    # Quoted like JSON, which is YAML too: a digest may look like a number.
    lines = [f"{name}: {json.dumps(value)}" for name, value in entry.items() if value]
    print("- " + "\n  ".join(lines), file=sys.stderr)
    return 0


def _given() -> str:
    key = sys.stdin.readline().strip()
    if not key:
        raise StartError("no key on standard input")
    return key


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()

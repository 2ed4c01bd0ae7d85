"""A checkpoint: how long a log was at a time and what its last hash was, signed. Kept elsewhere, it finds what is cut off later."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from extproc.audit.key import PublicKey
from extproc.audit.line import Sign, canonical

_SIGNED_AS = b"tiermesh audit checkpoint 1\n"
_MOST_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log had `seq` records and the last had this hash. `key` is the fingerprint of the key that says so."""

    seq: int
    hash: str
    time_us: int
    key: str
    signature: bytes = b""

    def signed(self, sign: Sign) -> Checkpoint:
        """The same with its signature."""
        return Checkpoint(self.seq, self.hash, self.time_us, self.key, sign(self.text))

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether the signature is right and this key's."""
        return self.key == key.fingerprint and key.has_signed(self.signature, self.text)

    @property
    def text(self) -> bytes:
        """What is signed."""
        return _SIGNED_AS + canonical({"hash": self.hash, "key": self.key, "seq": self.seq, "time_us": self.time_us})

    @property
    def line(self) -> bytes:
        """As it is kept: one line of canonical JSON."""
        said = {"hash": self.hash, "key": self.key, "seq": self.seq, "time_us": self.time_us}
        return canonical({"checkpoint": said, "signature": self.signature.hex()}) + b"\n"


def parse_checkpoint(text: bytes) -> Checkpoint | None:
    """The checkpoint of exactly this line; None for anything else, as for one that is spelled in another way."""
    try:
        members = json.loads(text)
        said = members["checkpoint"]
        found = Checkpoint(said["seq"], said["hash"], said["time_us"], said["key"], bytes.fromhex(members["signature"]))
        return found if found.line == text and type(found.seq) is int else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def read_checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint in a file, which may be a line of a log without its end; None otherwise. Raises OSError when it cannot be read."""
    with path.open("rb") as file:
        return parse_checkpoint(file.read(_MOST_BYTES).rstrip(b"\r\n") + b"\n")

"""One secret, and what is derived from it by HKDF (RFC 5869): the key that signs, and the key that bodies are digested with.

A plain digest of a body could be found by trying out bodies; with a key only who has the secret can say whether a given body is
the one that a record speaks of.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from extproc.errors import StartError

_BYTES = 32
_SECRET = re.compile(r"([0-9a-f]{64})\n?")
_PUBLIC = re.compile(r"ed25519 ([0-9a-f]{64})\n")
_OTHERS = 0o007
_NOT_OURS_ALONE = 0o022


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What signatures are checked with: 32 bytes of Ed25519 (RFC 8032)."""

    raw: bytes

    @property
    def line(self) -> str:
        """As `audit.pub` has it."""
        return f"ed25519 {self.raw.hex()}\n"

    @property
    def fingerprint(self) -> str:
        """What people compare: 32 hexadecimal digits of its SHA-256."""
        return sha256(self.raw).hexdigest()[:32]

    @property
    def origin(self) -> str:
        """What the first record of a log has as the hash before it, so that a log belongs to one key from its beginning."""
        return sha256(b"tiermesh audit log 1\n" + self.raw).hexdigest()

    def has_signed(self, signature: bytes, text: bytes) -> bool:
        """Whether the signature of this text is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Keys:
    """All that is derived from one secret of 32 bytes."""

    public: PublicKey
    _signing: Ed25519PrivateKey = field(repr=False)
    _digesting: bytes = field(repr=False)

    @staticmethod
    def of(secret: bytes) -> Keys:
        """The keys of this secret."""
        signing = Ed25519PrivateKey.from_private_bytes(_derived(secret, b"sign"))
        return Keys(PublicKey(signing.public_key().public_bytes_raw()), signing, _derived(secret, b"digest"))

    def sign(self, text: bytes) -> bytes:
        """Its Ed25519 signature, 64 bytes."""
        return self._signing.sign(text)

    def digest(self, body: bytes) -> str:
        """HMAC-SHA256 of a body in hexadecimal."""
        return hmac.digest(self._digesting, body, "sha256").hex()


def load_keys(path: Path, *, may_create: bool = True) -> Keys:
    """The keys of a file with the secret in hexadecimal; where there is none, one is made, for its owner's eyes alone.

    Raises StartError when it cannot be read or made, holds something else, or others may read it.
    """
    try:
        if may_create and not path.exists():
            _create(path)
        with path.open(encoding="ascii") as file:
            mode = os.fstat(file.fileno()).st_mode
            found = _SECRET.fullmatch(file.read(_BYTES * 2 + 2))
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"the audit log's key {path} cannot be read: {getattr(error, 'strerror', '') or 'it is no text'}") from error
    if mode & _OTHERS:
        raise StartError(f"the audit log's key {path} may be read or written by everyone (mode {stat.S_IMODE(mode):04o}); chmod o= it")
    if found is None:
        raise StartError(f"the audit log's key {path} must hold 64 hexadecimal digits, as `openssl rand -hex 32` prints them")
    return Keys.of(bytes.fromhex(found[1]))


def read_public_key(path: Path) -> PublicKey | None:
    """The key in a file like `audit.pub`; None where it holds anything else. Raises OSError when it cannot be read."""
    found = _PUBLIC.fullmatch(path.read_bytes().decode("ascii", "replace"))
    return PublicKey(bytes.fromhex(found[1])) if found else None


def _create(path: Path) -> None:
    """Whole or not at all, and once: of several processes that start together one makes it and all read it."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    folder = path.parent.stat()
    if folder.st_uid != os.geteuid() or (folder.st_mode & _NOT_OURS_ALONE and not folder.st_mode & stat.S_ISVTX):
        raise StartError(f"the audit log's key {path} is not there, and is not made in a directory that others may write to")
    new = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, f"{secrets.token_hex(_BYTES)}\n".encode())
        os.fsync(file)
        os.link(new, path)
    except FileExistsError:
        pass
    finally:
        os.close(file)
        new.unlink()


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_BYTES, salt=None, info=b"tiermesh audit 1 " + purpose).derive(secret)

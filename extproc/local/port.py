"""Ports of this machine: a free one, or a clear word about who has it."""

from __future__ import annotations

import errno
import socket

from extproc.errors import StartError


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port that was free a moment ago. Another process may take it first; nothing can promise more."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def check_port(address: str, port: int, *, setting: str) -> None:
    """Raises StartError when `address:port` cannot be listened on; `setting` names what to change it with."""
    # SO_REUSEPORT would let two Envoys share a port without a word, so the check is made without it.
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StartError(
                    f"port {port} on {address} is in use by another program; stop it or choose another port with {setting}"
                ) from error
            raise StartError(f"cannot listen on {address}:{port} ({error.strerror}); change it with {setting}") from error

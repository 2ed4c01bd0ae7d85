"""An authority, certificates by it, and a server's TLS: a proxy that ends it, because the servers at hand may be built without."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


def _openssl(directory: Path, *arguments: str) -> None:
    subprocess.run(("openssl", *arguments), cwd=directory, check=True, capture_output=True)


def authority(directory: Path, name: str = "ca") -> Path:
    """A new authority: `ca.pem` and its key in `directory`."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key")
    constraints = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    _openssl(directory, "req", "-x509", *key, "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}", *constraints)
    return directory / f"{name}.pem"


def certificate(directory: Path, name: str, alternative: str, *, by: str = "ca") -> tuple[Path, Path]:
    """A certificate and its key by the authority `by`."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key")
    _openssl(directory, "req", *key, "-out", f"{name}.csr", "-subj", f"/CN={name}")
    (directory / f"{name}.ext").write_text(f"subjectAltName={alternative}\n")
    signed = ("-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext")
    _openssl(directory, "x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}.pem")
    return directory / f"{name}.pem", directory / f"{name}.key"


@asynccontextmanager
async def tls_in_front_of(path: Path, chain: tuple[Path, Path], *, clients_by: Path | None = None) -> AsyncIterator[int]:
    """The port where TLS to the socket at `path` is served; with `clients_by` only to those who have a certificate of that authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*chain)
    if clients_by is not None:
        context.load_verify_locations(clients_by)
        context.verify_mode = ssl.CERT_REQUIRED
    server = await asyncio.start_server(lambda reader, writer: _forward(path, reader, writer), "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _forward(path: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    inner_reader, inner_writer = await asyncio.open_unix_connection(path)
    await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except OSError:
        pass
    finally:
        writer.close()

"""A certificate authority, tokens of an issuer, and whoever shows them: made with the `openssl` command."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def openssl(*arguments: str | Path, stdin: bytes = b"") -> bytes:
    """What the command prints."""
    return subprocess.run(["openssl", *map(str, arguments)], input=stdin, check=True, capture_output=True, timeout=60).stdout


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates for a mesh and for the gateway."""

    def __init__(self, directory: Path, name: str = "ca") -> None:
        self._directory = directory
        self.pair = Pair(directory / f"{name}.pem", directory / f"{name}.key")
        self._request(self.pair, f"/CN={name}")

    def signed(self, name: str, *names: str) -> Pair:
        """A certificate whose subject alternative names are `names`, such as `URI:spiffe://...` or `IP:127.0.0.1`."""
        pair = Pair(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        signer = ["-CA", self.pair.certificate, "-CAkey", self.pair.key]
        self._request(pair, "/CN=x", *signer, "-addext", f"subjectAltName={','.join(names)}", "-addext", "basicConstraints=CA:FALSE")
        return pair

    def shown(self, pair: Pair | None = None) -> ssl.SSLContext:
        """How a client speaks TLS that trusts this authority and, with a `pair`, shows its certificate."""
        context = ssl.create_default_context(cafile=self.pair.certificate)
        if pair is not None:
            context.load_cert_chain(pair.certificate, pair.key)
        return context

    @staticmethod
    def _request(pair: Pair, subject: str, *more: str | Path) -> None:
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl("req", "-x509", *curve, "-days", "2", "-subj", subject, "-keyout", pair.key, "-out", pair.certificate, *more)


class Issuer:
    """Signs tokens (RS256), and publishes its key as a JWKS."""

    def __init__(self, directory: Path, name: str = "https://login.example") -> None:
        self.name = name
        self._key = directory / "issuer.key"
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self._key)
        modulus = openssl("rsa", "-in", self._key, "-noout", "-modulus").decode().strip().removeprefix("Modulus=")
        key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "one", "n": _encoded(bytes.fromhex(modulus)), "e": "AQAB"}
        self.jwks = directory / "jwks.json"
        self.jwks.write_text(json.dumps({"keys": [key]}))

    def token(self, **claims: Any) -> str:
        """A token with these claims, good for an hour unless `exp` says otherwise."""
        body = {"iss": self.name, "exp": int(time.time()) + 3600, **claims}
        signed = f"{_encoded(json.dumps({'alg': 'RS256', 'kid': 'one'}).encode())}.{_encoded(json.dumps(body).encode())}"
        return f"{signed}.{_encoded(openssl('dgst', '-sha256', '-sign', self._key, stdin=signed.encode()))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

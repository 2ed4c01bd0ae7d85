"""How single values must be spelled. Each check returns the value it accepts or raises ValueError saying what it wanted.

The types in `types.py` carry these, so that a value is wrong in one place with one sentence, and nothing later has to ask.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from itertools import pairwise
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from extproc.pricebook.day import day_s
from extproc.scope import ANY, LEVELS, pattern_of
from extproc.store.address import parse_address

LONGEST_NAME = 63
NAME = r"^[A-Za-z0-9_-]{1,63}$"
SHA256 = r"^([0-9a-f]{64})?$"
STORE = r"^(embedded|none|(unix|rediss?(\+sentinel|\+cluster)?)://.+)$"
EMBEDDED, NO_STORE = "embedded", "none"
HEADER = r"^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$"

KEY_DIGEST = r"^[0-9a-f]{64}$"
REFUSE = "refuse"
TRUST = "trust"

# Headers that hold keys: a caller named by one would have its key in every record.
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"})
# Headers that a request cannot do without, or that others write: identity headers are taken off it.
_MESSAGE_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "anthropic-version",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "te",
        "traceparent",
        "transfer-encoding",
        "x-forwarded-client-cert",
        "x-request-id",
    }
)


def name(value: str) -> str:
    """A name that can be part of an Envoy cluster's name, a header's value and a metric's label."""
    if not re.fullmatch(NAME, value):
        raise ValueError(f"must be 1 to {LONGEST_NAME} letters, digits, '-' or '_'")
    return value


def http_url(value: str) -> str:
    """An http or https address without credentials, query, fragment or a slash at its end."""
    parts = _split(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http:// or https:// URL with a host")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must not carry credentials, a query or a fragment")
    if _port(parts) == 0:
        raise ValueError("has an impossible port")
    return value.rstrip("/")


def backend_url(value: str) -> str:
    """An `http_url` that does not hold the `/v1` which each request's own path brings."""
    url = http_url(value)
    if urlsplit(url).path.endswith("/v1"):
        raise ValueError("must end before `/v1`, which each request's own path brings")
    return url


def receiver_url(value: str) -> str:
    """An `http_url`, or nothing."""
    return http_url(value) if value else value


def _split(value: str) -> SplitResult:
    # urlsplit drops tabs and line breaks silently, and an IPv6 host without its bracket is an error of its own.
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("must be an http:// or https:// URL of plain ASCII characters")
    try:
        return urlsplit(value)
    except ValueError as error:
        raise ValueError("must be an http:// or https:// URL with a host") from error


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError as error:
        raise ValueError("has an impossible port") from error


def ip(value: str) -> str:
    """An IPv4 or IPv6 address; Envoy does not resolve the names of its own listeners."""
    try:
        ip_address(value)
    except ValueError as error:
        raise ValueError("must be an IP address, such as 127.0.0.1, or 0.0.0.0 for every network") from error
    return value


def host_port(value: str) -> str:
    """`host:port`, or nothing."""
    if not value:
        return value
    parts = _split(f"//{value}")
    if parts.netloc != value or not parts.hostname or not _port(parts) or parts.username is not None:
        raise ValueError("must be a host and a port, such as 127.0.0.1:9464")
    return value


def header(value: str) -> str:
    """The name of an HTTP header, in small letters."""
    small = value.lower()
    if not re.fullmatch(HEADER, small):
        raise ValueError("must be the name of an HTTP header")
    return small


def token_header(value: str) -> str:
    """A header that carries a token, or nothing."""
    small = header(value)
    if small.startswith(("x-tiermesh-", "x-envoy-")) or small in _MESSAGE_HEADERS:
        raise ValueError("must not be a header of TierMesh's, of Envoy's or of HTTP's own")
    return small


def identity_header(value: str) -> str:
    """A header that names somebody and that no backend needs, or nothing."""
    if not value:
        return value
    small = token_header(value)
    if small in _SECRET_HEADERS:
        raise ValueError("must not be a header that holds a key or a session, because its value is recorded")
    return small


def header_text(value: str) -> str:
    """Text that can stand in a header."""
    if not value.isascii() or not (value.isprintable() or not value):
        raise ValueError("must be plain ASCII on one line")
    return value


def sha256(value: str) -> str:
    """A sha256 in hex, or nothing."""
    if not re.fullmatch(SHA256, value):
        raise ValueError("must be 64 hex digits in small letters")
    return value


def store_url(value: str) -> str:
    """Where a Redis-speaking store is, or one of the two words."""
    if value not in (EMBEDDED, NO_STORE):
        try:
            parse_address(value)
        except ValueError as error:
            raise ValueError(str(error).replace("must be a redis://", "must be `embedded`, `none` or a redis://")) from None
    return value


def scope_pattern(value: str) -> str:
    """A path of names that says whom something is for."""
    pattern_of(value)
    return value


def timezone(value: str) -> str:
    """The name of a time zone, as the IANA database has it."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("must be the name of a time zone, such as Europe/Berlin or UTC") from error
    return value


def ascending(value: tuple[int, ...]) -> tuple[int, ...]:
    """Numbers that rise."""
    if any(later <= earlier for earlier, later in pairwise(value)):
        raise ValueError("must rise from one to the next")
    return value


def scope(value: str) -> str:
    """A path of names that says who somebody is."""
    if ANY in pattern_of(value):
        raise ValueError("must name one caller, so without `*`")
    return value


def scope_or_refuse(value: str) -> str:
    """A `scope`, or the word that means none."""
    return value if value == REFUSE else scope(value)


def workload_pattern(value: str) -> str:
    """A SPIFFE ID some of whose parts stand for levels."""
    if not value.startswith("spiffe://") or value.endswith("/") or not value.isascii() or not value.isprintable():
        raise ValueError("must begin with `spiffe://` and not end with a slash")
    parts = value.removeprefix("spiffe://").split("/")
    levels = [part[1:-1] for part in parts if part.startswith("{") and part.endswith("}")]
    for part in parts:
        if not part or (("{" in part or "}" in part or "*" in part) and part != "*" and part[1:-1] not in (*LEVELS, TRUST)):
            known = ", ".join(f"{{{level}}}" for level in (*LEVELS, TRUST))
            raise ValueError(f"must be made of plain parts, `*`, and {known}, each whole between slashes")
    if len(set(levels)) != len(levels):
        raise ValueError("must name each level once")
    return value


def key_digest(value: str) -> str:
    """The sha256 of a key."""
    if not re.fullmatch(KEY_DIGEST, value):
        raise ValueError("must be the key's sha256, 64 hex digits in small letters; `tiermesh key --hash` prints it")
    return value


def optional_date(value: str) -> str:
    """A day of the calendar, or nothing."""
    if value:
        day_s(value)
    return value


def optional_header(value: str) -> str:
    """The name of an HTTP header, or nothing."""
    return header(value) if value else value


def network(value: str) -> str:
    """An IP network, as `address/bits`."""
    try:
        ip_network(value)
    except ValueError as error:
        raise ValueError("must be a network, such as 10.20.0.0/16, with no bits beyond its prefix") from error
    return value

"""Where a store is: one URL, taken apart. What must not be shown (user, password) is never in the text of these types."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

Kind = Literal["single", "unix", "sentinel", "cluster"]
Node = tuple[str, int]

PATTERN = r"^(unix|rediss?(\+sentinel|\+cluster)?)://.+$"

_PORT, _SENTINEL_PORT = 6379, 26379
_MOST_DATABASES = 100_000
_FORMS = "redis://, rediss://, unix://, redis+sentinel:// or redis+cluster:// (rediss+... for TLS) address"


@dataclass(frozen=True, slots=True)
class Access:
    """Whom we trust, and who we are, as far as that is in files: they are read again with every connection, so may be replaced.

    As a URL's query: `?password_file=...&ca_file=...`. Without a `ca_file` the system's authorities are trusted.
    """

    password_file: str = ""
    sentinel_username: str = field(default="", repr=False)
    sentinel_password_file: str = ""
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""


_ACCESS = tuple(asdict(Access()))


@dataclass(frozen=True, slots=True)
class Address:
    """`nodes` are the servers of `single`, the sentinels of `sentinel`, the seeds of `cluster`; `path` is the socket of `unix`.

    A password in `access` counts more than `password`.
    """

    kind: Kind
    nodes: tuple[Node, ...] = ()
    path: str = ""
    database: int = 0
    master: str = ""
    is_tls: bool = False
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    access: Access = field(default_factory=Access)

    def __str__(self) -> str:
        """The URL without credentials, for messages and logs."""
        if self.kind == "unix":
            return f"unix://{self.path}"
        scheme = ("rediss" if self.is_tls else "redis") + ("" if self.kind == "single" else f"+{self.kind}")
        end = "/".join(part for part in (self.master, str(self.database) if self.database else "") if part)
        return f"{scheme}://{','.join(map(node_text, self.nodes))}" + (f"/{end}" if end else "")


def node_text(node: Node) -> str:
    """`host:port`, with brackets around an IPv6 address."""
    host, port = node
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def with_access(url: str, username: str, access: Access) -> str:
    """`url` with `username`, unless that is empty, and with all that `access` says."""
    scheme, separator, rest = url.partition("://")
    rest, _, query = rest.partition("?")
    if username:
        rest = f"{quote(username, safe='')}@{rest.rpartition('@')[2]}"
    said = {**dict(parse_qsl(query)), **{name: value for name, value in asdict(access).items() if value}}
    return f"{scheme}{separator}{rest}" + (f"?{urlencode(said, safe='/')}" if said else "")


def parse_address(url: str) -> Address:
    """The address `url` spells. Raises ValueError that says what is wrong and does not repeat the URL."""
    if not re.fullmatch(PATTERN, url) or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"must be a {_FORMS}")
    scheme, _, rest = url.partition("://")
    rest, _, query = rest.partition("?")
    userinfo, at, rest = rest.rpartition("@")
    user, _, password = userinfo.partition(":")
    access = _access(query)
    username, password = unquote(user), unquote(password)
    if at and not password and not access.password_file:
        raise ValueError("must carry a password where it carries a user, or have a file for it: redis://user:password@host")
    is_tls = scheme.startswith("rediss")
    if scheme == "unix":
        return Address("unix", path=_socket(rest), username=username, password=password, access=access)
    hosts, _, path = rest.partition("/")
    kind: Kind = "sentinel" if scheme.endswith("+sentinel") else "cluster" if scheme.endswith("+cluster") else "single"
    nodes = tuple(_node(host, _SENTINEL_PORT if kind == "sentinel" else _PORT) for host in hosts.split(","))
    if kind == "single" and len(nodes) > 1:
        raise ValueError("must name one host; several are for redis+sentinel:// and redis+cluster://")
    master, database = _path(kind, path)
    return Address(kind, nodes, "", database, master, is_tls, username, password, access)


def _access(query: str) -> Access:
    if "#" in query:
        raise ValueError("must not carry a fragment")
    said = parse_qsl(query, keep_blank_values=True)
    if len({name for name, _ in said}) < len(said) or not all(value and name in _ACCESS for name, value in said):
        raise ValueError(f"must ask after `?` for nothing but {', '.join(_ACCESS)}, each once")
    return Access(**dict(said))


def _socket(path: str) -> str:
    if not path.startswith("/") or path == "/" or "#" in path:
        raise ValueError("must be unix:// and the absolute path of a socket, so three slashes in a row")
    return unquote(path)


def _path(kind: Kind, path: str) -> tuple[str, int]:
    master, slash, database = path.partition("/") if kind == "sentinel" else ("", "", path)
    if kind == "sentinel" and not re.fullmatch(r"[A-Za-z0-9._-]+", master):
        raise ValueError("must name the master after the sentinels, such as redis+sentinel://host1,host2/mymaster")
    if kind == "cluster" and path:
        raise ValueError("must end after the hosts; a cluster has no numbered databases")
    if (slash or database) and not (re.fullmatch(r"[0-9]{1,6}", database) and int(database) < _MOST_DATABASES):
        raise ValueError("must end with the number of a database, such as /0, or without one")
    return master, int(database or 0)


def _node(text: str, default_port: int) -> Node:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port == 0 or parts.netloc != text or parts.username is not None:
        raise ValueError("must have a host, and a port from 1 to 65535 if any, at each place")
    return host, port or default_port

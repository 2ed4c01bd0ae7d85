"""redis-py's clients: every command that no request waits for, and which server the sentinels call the master."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import RedisClusterException, RedisError, ResponseError

from extproc.errors import StoreError
from extproc.store.address import Address, Node
from extproc.store.dial import credentials, sentinel_credentials

_SENTINEL_PATIENCE_S = 0.5  # for each sentinel, so that a dead one does not use up the time of the others
_LONGEST_WORDS = 200


class Commands:
    """One client for the store at `address`; it connects when it is used, and sends nothing twice."""

    def __init__(self, address: Address, connect_timeout_s: float) -> None:
        self._sentinel = _sentinel(address, connect_timeout_s) if address.kind == "sentinel" else None
        self._client = _client(address, connect_timeout_s, self._sentinel)

    async def execute(self, *arguments: str | bytes | int) -> Any:
        """The answer in redis-py's shape. Raises StoreError."""
        try:
            return await self._client.execute_command(*arguments)
        except ResponseError as error:
            raise StoreError("refused", str(error)[:_LONGEST_WORDS], code=_code(error)) from None
        except MasterNotFoundError:
            raise StoreError("away", "the sentinels name no master") from None
        except (RedisError, RedisClusterException, OSError) as error:
            raise StoreError("lost", type(error).__name__) from None

    async def close(self) -> None:
        """Ends it."""
        await self._client.aclose()
        if self._sentinel is not None:
            await _close(self._sentinel)


async def master_of(address: Address) -> Node:
    """Where the sentinels say the master is. Raises redis.RedisError or OSError."""
    sentinel = _sentinel(address, _SENTINEL_PATIENCE_S)
    try:
        host, port = await sentinel.discover_master(address.master)
    finally:
        await _close(sentinel)
    return str(host), int(port)


def _code(error: ResponseError) -> str:
    """The first word of the server's answer, where redis-py has left it there."""
    word = str(error).partition(" ")[0]
    return word if word.isupper() else ""


def _client(address: Address, connect_timeout_s: float, sentinel: Sentinel | None) -> Redis | RedisCluster:
    options = _options(address, connect_timeout_s)
    if address.access.password_file or address.password:
        options["credential_provider"] = _Login(lambda: credentials(address))
    if address.kind == "unix":
        return Redis(unix_socket_path=address.path, **options)
    if address.kind == "cluster":
        nodes = [ClusterNode(host, port) for host, port in address.nodes]
        # A shard without a master must not keep the others from being asked. The nodes named are asked every time: they may be
        # names, and what they stood for at the start may all be gone.
        return RedisCluster(startup_nodes=nodes, require_full_coverage=False, dynamic_startup_nodes=False, **options)
    if sentinel is not None:
        client: Redis = sentinel.master_for(address.master, db=address.database, **options)
        return client
    host, port = address.nodes[0]
    return Redis(host=host, port=port, db=address.database, **options)


def _sentinel(address: Address, timeout_s: float) -> Sentinel:
    options = {**_options(address, timeout_s), "socket_timeout": timeout_s}
    if address.access.sentinel_password_file:
        options["credential_provider"] = _Login(lambda: sentinel_credentials(address.access))
    return Sentinel(address.nodes, sentinel_kwargs=options)  # type: ignore[no-untyped-call]


async def _close(sentinel: Sentinel) -> None:
    await asyncio.gather(*[client.aclose() for client in sentinel.sentinels], return_exceptions=True)


class _Login(CredentialProvider):
    """Reads user and password with every connection, so that their file may be replaced."""

    def __init__(self, read: Callable[[], tuple[str, str]]) -> None:
        self._read = read

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        username, password = self._read()
        return (username, password) if username else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()


def _options(address: Address, connect_timeout_s: float) -> dict[str, Any]:
    options: dict[str, Any] = {
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),  # a command whose fate is unknown is its caller's to send again
        "socket_connect_timeout": connect_timeout_s,
        "socket_timeout": None,  # the caller's time is watched where it is known
        "client_name": "tiermesh",
    }
    if address.kind != "unix":
        options["socket_keepalive"] = True
    access = address.access
    if address.is_tls:
        options |= {
            "ssl": True,
            "ssl_ca_certs": access.ca_file or None,
            "ssl_certfile": access.certificate_file or None,
            "ssl_keyfile": access.key_file or None,
        }
    return options

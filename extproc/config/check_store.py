"""What no single field of the store can tell."""

from __future__ import annotations

from collections.abc import Iterator

from extproc.config.place import Finding, Place
from extproc.config.spelling import EMBEDDED, NO_STORE
from extproc.config.types import Config, Store
from extproc.store.address import Address, parse_address

_URL: Place = ("store", "url")
_SENTINEL = ("sentinel_username", "sentinel_password_file")
_TLS = ("ca_file", "certificate_file", "key_file")
_USER = ("username", "password_file")


def findings(config: Config) -> Iterator[Finding]:
    """Everything wrong with the store of `config`."""
    store = config.store
    if store.url in (EMBEDDED, NO_STORE):
        for name in (*_USER, *_SENTINEL, *_TLS):
            if getattr(store, name):
                yield _finding(name, f"is for a store of your own, and `store.url` is `{store.url}`")
        return
    address = parse_address(store.url)
    yield from _misplaced(store, address)
    yield from _incomplete(store, address)


def _misplaced(store: Store, address: Address) -> Iterator[Finding]:
    for name in _TLS:
        if getattr(store, name) and not address.is_tls:
            yield _finding(name, "is for TLS, and `store.url` does not begin with `rediss`")
    for name in _SENTINEL:
        if getattr(store, name) and address.kind != "sentinel":
            yield _finding(name, "is for sentinels, and `store.url` names none")
    for name in _USER:
        if getattr(store, name) and (address.username or address.password):
            yield _finding(name, "is for a URL without credentials; name the user and the password in one place")


def _incomplete(store: Store, address: Address) -> Iterator[Finding]:
    access = address.access
    for name, needed, is_there in (
        ("username", "password_file", store.password_file or access.password_file or address.password),
        ("sentinel_username", "sentinel_password_file", store.sentinel_password_file or access.sentinel_password_file),
        ("key_file", "certificate_file", store.certificate_file or access.certificate_file),
    ):
        if getattr(store, name) and not is_there:
            yield Finding(("store", name), f"needs `{needed}` beside it", (_URL, ("store", name), ("store", needed)))


def _finding(name: str, message: str) -> Finding:
    return Finding(("store", name), message, (_URL, ("store", name)))

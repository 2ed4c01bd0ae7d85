"""The store's address as workers use it: all of its section in one URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from extproc.config import parse
from extproc.server.settlement import store_url
from extproc.store import Access, parse_address

HEAD = "backends: {a: {url: 'http://127.0.0.1:1', model: m, tier: simple, location: on_prem}}\nstore: "


@pytest.mark.parametrize(
    ("store", "url"),
    [
        ("{url: embedded}", "unix:///run/a%20b/valkey.sock"),
        ("{url: none}", ""),
        ("{url: 'redis://h/2'}", "redis://h/2"),
        ("{url: 'redis://u:p%40@h'}", "redis://u:p%40@h"),
    ],
)
def test_an_address_alone_stays_as_it_is(store: str, url: str) -> None:
    assert store_url(parse(HEAD + store), Path("/run/a b")) == url


def test_every_field_has_its_place_in_it() -> None:
    files = {name: f"/{name}" for name in ("password_file", "sentinel_password_file", "ca_file", "certificate_file", "key_file")}
    section = {"url": "rediss+sentinel://a,b/m/1", "username": "me", "sentinel_username": "watch", **files}
    config = parse(HEAD + str(section))
    address = parse_address(store_url(config, Path("/run")))
    assert (address.kind, address.nodes, address.master, address.database) == ("sentinel", (("a", 26379), ("b", 26379)), "m", 1)
    assert (address.username, address.access) == ("me", Access(**files, sentinel_username="watch"))
    # A field that is added has to be thought of here.
    assert {*section} | {"records_kept", "rollups_kept_days", "rollup_lines"} >= {*type(config.store).model_fields}

"""URLs taken apart, and what must not be shown not shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.store import Access, Address, parse_address

GOOD = {
    "redis://h": Address("single", (("h", 6379),)),
    "redis://h:1/": Address("single", (("h", 1),)),
    "redis://h:1/3": Address("single", (("h", 1),), database=3),
    "rediss://H.example": Address("single", (("h.example", 6379),), is_tls=True),
    "redis://[::1]:7": Address("single", (("::1", 7),)),
    "redis://user:pa%40ss@h": Address("single", (("h", 6379),), username="user", password="pa@ss"),
    "redis://:p/w@h": Address("single", (("h", 6379),), password="p/w"),
    "unix:///run/v.sock": Address("unix", path="/run/v.sock"),
    "unix://u:p@/run/v.sock": Address("unix", path="/run/v.sock", username="u", password="p"),
    "redis+sentinel://a,b:1/m": Address("sentinel", (("a", 26379), ("b", 1)), master="m"),
    "rediss+sentinel://u:p@a/my-master/2": Address(
        "sentinel", (("a", 26379),), master="my-master", database=2, is_tls=True, username="u", password="p"
    ),
    "redis+cluster://a,b:7,[::1]": Address("cluster", (("a", 6379), ("b", 7), ("::1", 6379))),
    "rediss+cluster://:p@a": Address("cluster", (("a", 6379),), is_tls=True, password="p"),
}


@pytest.mark.parametrize("url", GOOD)
def test_an_address_is_read(url: str) -> None:
    assert parse_address(url) == GOOD[url]


@pytest.mark.parametrize("url", GOOD)
def test_its_text_reads_back_as_the_same_place_without_credentials(url: str) -> None:
    again = parse_address(str(GOOD[url]))
    assert (again.username, again.password) == ("", "")
    assert (again.kind, again.nodes, again.path, again.database, again.master, again.is_tls) == (
        GOOD[url].kind,
        GOOD[url].nodes,
        GOOD[url].path,
        GOOD[url].database,
        GOOD[url].master,
        GOOD[url].is_tls,
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "must be a redis://"),
        ("http://h", "must be a redis://"),
        ("redis://", "must be a redis://"),
        ("redis://h\n", "must be a redis://"),
        ("redis://ä", "must be a redis://"),
        ("unix+sentinel:///a", "must be a redis://"),
        ("redis://h?db=1", "query"),
        ("redis://h#1", "fragment"),
        ("redis://user@h", "password where it carries a user"),
        ("redis://a,b", "one host"),
        ("redis://:1", "host"),
        ("redis://h:0", "port"),
        ("redis://h:65536", "port"),
        ("redis://h:x", "port"),
        ("redis://[::1", "host"),
        ("redis://h/one", "number of a database"),
        ("redis://h/1/2", "number of a database"),
        ("redis+sentinel://a", "name the master"),
        ("redis+sentinel://a/m/x", "number of a database"),
        ("redis+sentinel://a/m/", "number of a database"),
        ("redis+sentinel://a,/m", "host"),
        ("redis+cluster://a/0", "no numbered databases"),
        ("unix://run/v.sock", "three slashes"),
        ("unix:///", "three slashes"),
    ],
)
def test_what_is_wrong_is_said(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_address(url)


@given(st.sampled_from(["redis://u:{}@h", "redis+sentinel://u:{}@h", "x://u:{}@h", "redis://u:{}@h?x", "redis://u:{}@h:p", "redis://{}@h"]))
def test_a_secret_is_in_no_message(form: str) -> None:
    secret = "hunter2hunter2"
    try:
        address = parse_address(form.format(secret))
    except ValueError as error:
        assert secret not in str(error)
    else:
        assert secret not in str(address) + repr(address)
    access = Access(username=secret, sentinel_username=secret)
    assert secret not in repr(access)


@given(st.text(max_size=40) | st.from_regex(r"(redis|rediss|unix|redis\+sentinel|redis\+cluster)://[ -~]{0,30}", fullmatch=True))
def test_any_text_is_an_address_or_a_value_error(url: str) -> None:
    try:
        address = parse_address(url)
    except ValueError:
        return
    assert str(parse_address(str(address))) == str(address)

"""URLs taken apart, and what must not be shown not shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.store import Access, Address, Store, parse_address, with_access

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
    "redis://u@h?password_file=/run/p%20w": Address("single", (("h", 6379),), username="u", access=Access("/run/p w")),
    "rediss://h/1?ca_file=/ca&certificate_file=c&key_file=k": Address(
        "single", (("h", 6379),), database=1, is_tls=True, access=Access(ca_file="/ca", certificate_file="c", key_file="k")
    ),
    "unix:///s?password_file=/p": Address("unix", path="/s", access=Access("/p")),
    "redis+sentinel://a/m?sentinel_username=s&sentinel_password_file=/f": Address(
        "sentinel", (("a", 26379),), master="m", access=Access(sentinel_username="s", sentinel_password_file="/f")
    ),
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
        ("redis://h?db=1", "nothing but password_file, "),
        ("redis://h?ca_file=", "nothing but"),
        ("redis://h?ca_file", "nothing but"),
        ("redis://h?ca_file=/a&ca_file=/b", "each once"),
        ("redis://h?ca_file=/a#1", "fragment"),
        ("redis://h#1", "host"),
        ("unix:///s#1", "three slashes"),
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


FORMS = ["redis://u:{}@h", "redis+sentinel://u:{}@h", "x://u:{}@h", "redis://u:{}@h?x", "redis://u:{}@h:p", "redis://{}@h", "unix://:{}@/"]


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_in_no_message_and_no_text(form: str) -> None:
    secret = "hunter2hunter2"
    try:
        said = repr(parse_address(form.format(secret))) + str(parse_address(form.format(secret)))
    except ValueError as error:
        said = str(error)
    access = Access(sentinel_username=secret)
    assert secret not in said + repr(access) + repr(Store.connect(with_access("redis://h", secret, Access("/file"))))


@pytest.mark.parametrize("url", GOOD)
def test_a_user_and_files_can_be_added_to_any(url: str) -> None:
    access = Access("/a b", "s@", "/ä&=", "/ca?", "/c#", "/k")
    address = parse_address(with_access(url, "me@:/?", access))
    assert (address.username, address.access) == ("me@:/?", access)
    assert (address.kind, address.nodes, address.path, str(address)) == (GOOD[url].kind, GOOD[url].nodes, GOOD[url].path, str(GOOD[url]))


@pytest.mark.parametrize("url", GOOD)
def test_nothing_added_changes_nothing(url: str) -> None:
    assert parse_address(with_access(url, "", Access())) == GOOD[url]


@given(st.text(max_size=40) | st.from_regex(r"(redis|rediss|unix|redis\+sentinel|redis\+cluster)://[ -~]{0,30}", fullmatch=True))
def test_any_text_is_an_address_or_a_value_error(url: str) -> None:
    try:
        address = parse_address(url)
    except ValueError:
        return
    assert str(parse_address(str(address))) == str(address)

"""`x-forwarded-client-cert` as proxies write it, and as nobody should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.identity.xfcc import uris

A, B, C = (f"spiffe://acme.example/ns/n/sa/{name}" for name in "abc")
HASH = "Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688"
# As Envoy's documentation of the header has them, and Istio's sidecars write them.
SUBJECT = 'Subject="/C=US/ST=CA/L=San Francisco/OU=Lyft/CN=Test Client"'


@pytest.mark.parametrize(
    ("header", "hops", "found"),
    [
        ("", 1, ()),
        (f"URI={A}", 1, (A,)),
        (f"By={B};{HASH};{SUBJECT};URI={A}", 1, (A,)),
        (f'By={B};{HASH};Subject="";URI={A}', 1, (A,)),
        (f"By={B};{HASH};URI={A};DNS=lyft.com;DNS=www.lyft.com", 1, (A,)),
        (f"By={B};{HASH};URI={A};URI={C}", 1, (A, C)),
        (f"URI={A},By={C};URI={B}", 1, (B,)),
        (f"URI={A},By={C};URI={B}", 2, (A,)),
        (f"URI={A},By={C};URI={B}", 3, ()),
        (f"URI={A}, By={C} ;URI={B}", 1, (B,)),
        (f"URI={A},{HASH};URI=", 1, ("",)),
        (f"URI={A},{HASH}", 1, ()),
        (f'URI="{A}"', 1, (A,)),
        (f"uri={A}", 1, (A,)),
        # What stands in quotes is text, whatever it looks like.
        (f'URI={A};Subject="CN=x,URI={B};URI={C}"', 1, (A,)),
        (f'URI={A};Subject="CN=\\"x\\",URI={B}"', 1, (A,)),
        (f'Cert="-----BEGIN%20CERTIFICATE-----%0A;,=";URI={A}', 1, (A,)),
        # What cannot be read is not guessed at.
        (f'URI={A};Subject="CN=x,URI={B}', 1, ()),
        (f'URI={A};Subject="x"y', 1, ()),
        (f'URI={A};Subject="x\\"', 1, ()),
        (f"URI={A},", 1, ()),
        (f"URI={A};", 1, ()),
        (f"{A}", 1, ()),
        (f"=x;URI={A}", 1, ()),
        (f";URI={A}", 1, ()),
        (f'URI=a"b;URI={A}', 1, ()),
        (f"URI={A}" + f",URI={B}" * 500, 1, (B,)),
    ],
)
def test_the_uris_of_one_element(header: str, hops: int, found: tuple[str, ...]) -> None:
    assert uris(header, hops) == found


def quoted(value: str) -> tuple[str, str]:
    """As it is written, and what it is."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"', value


_values = st.text(max_size=12).map(quoted) | st.text(st.sampled_from("abc:/.-_%@=\\"), max_size=12).map(lambda plain: (plain, plain))
_pairs = st.tuples(st.sampled_from(["By", "Hash", "Cert", "Subject", "DNS", "URI"]), _values)
_elements = st.lists(st.lists(_pairs, min_size=1, max_size=4), min_size=1, max_size=4)


@given(_elements, st.integers(1, 5))
def test_whatever_is_written_is_read_again(elements: list[list[tuple[str, tuple[str, str]]]], hops: int) -> None:
    header = ",".join(";".join(f"{key}={written}" for key, (written, _) in element) for element in elements)
    expected = [value for key, (_, value) in elements[-hops] if key == "URI"] if hops <= len(elements) else []
    assert list(uris(header, hops)) == expected


@given(st.text(st.sampled_from('URI=a,;"\\ \n'), max_size=60), st.integers(1, 10))
def test_no_header_is_too_odd_to_be_looked_at(header: str, hops: int) -> None:
    assert all(isinstance(uri, str) for uri in uris(header, hops))


@pytest.mark.parametrize("header", ['URI="' + "\\" * 60_000, "URI=" + " " * 60_000 + '"', ";" * 60_000, "A=;" * 20_000 + '"'])
def test_a_hostile_header_is_read_in_no_time(header: str) -> None:
    # The pattern never goes back over what it has read: quadratic time would take minutes here.
    assert uris(header, 1) == ()

"""Which of a tier's own backends is tried first."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.routing import View
from extproc.routing.equals import preferred, share_of
from tests.routing.ladder import STANDARD, demand, policy


def tier_of(prefer: str):
    return policy(f"tiers: {{simple: {{up_to: 0.35}}, standard: {{up_to: 0.7, prefer: {prefer}}}, complex: {{}}}}\n").tiers[STANDARD]


def session(number: int) -> str:
    return hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest()


@pytest.mark.parametrize(
    ("prefer", "view", "first", "word"),
    [
        ("order", View(), "mid", ""),
        ("price", View(), "mid2", "prefer:price"),  # nothing is kept anywhere, and its input is cheaper
        ("price", View(turns_ahead=10), "mid", "prefer:price"),  # over ten requests a cache is cheaper
        ("latency", View(first_byte_ms={"mid": 900.0, "mid2": 200.0}), "mid2", "prefer:latency"),
        ("latency", View(first_byte_ms={"mid": 90.0}), "mid2", "prefer:latency"),  # nobody knows about it yet
    ],
)
def test_by_order_price_or_speed(prefer: str, view: View, first: str, word: str) -> None:
    tier = tier_of(prefer)
    kept, said = preferred(tier, tier.chain, demand(), view)
    assert (kept[0].name, said) == (first, word)
    assert sorted(backend.name for backend in kept) == sorted(backend.name for backend in tier.chain)
    assert [backend.name for backend in kept[2:]] == [backend.name for backend in tier.chain[2:]], "other tiers' stay where they are"


def test_weights_are_shares_of_conversations() -> None:
    tier = tier_of("weight")
    firsts = [preferred(tier, tier.chain, demand(), View(session=session(number)))[0][0].name for number in range(4_000)]
    assert 0.72 < firsts.count("mid") / 4_000 < 0.78
    assert set(firsts) == {"mid", "mid2"}


@given(number=st.integers())
def test_a_conversation_is_always_drawn_alike(number: int) -> None:
    tier, view = tier_of("weight"), View(session=session(number))
    assert preferred(tier, tier.chain, demand(), view) == preferred(tier, tier.chain, demand(900), view)
    assert 0 <= share_of(view.session) < 1


def test_who_is_alone_is_first() -> None:
    tier = tier_of("weight")
    assert preferred(tier, tier.chain[:1], demand(), View()) == (tier.chain[:1], "")

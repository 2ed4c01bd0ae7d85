"""Payment cards as they are written, and the numbers that only look like them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.residency.detectors.cards import is_card, passes_luhn
from tests.residency.detectors.finding import kinds_in

CARDS = r"""
4111 1111 1111 1111
4111111111111111
4111-1111-1111-1111
4111.1111.1111.1111
4111  1111  1111  1111
Visa 4012888888881881
378282246310005
3782 822463 10005
3782-822463-10005
3714 496353 98431
30569309025904
3056 930902 5904
6011111111111117
6011 0009 9013 9424
3530111333300000
5555 5555 5555 4444
5105105105105100
2223 0000 4841 0010
2223003122003222
6200000000000005
4222222222222
my card is 4242424242424242, exp 12/29
{"card_number": 4242424242424242}
{"pan":"4000056655665556","cvv":"123"}
card: 4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2
4-2-4-2-4-2-4-2-4-2-4-2-4-2-4-2
card number 4242/4242/4242/4242
Kreditkarte: 5500005555555559
carte bancaire 4970 1000 0000 0014
tarjeta 4548812049400004
cartão 5555666677778884
card no. 42424242\t42424242
card 4242 4242\n4242 4242
card number: 424242424242\n4242
please charge 4000 0000 0000 0002 again
信用卡 6222 0212 3456 7890 128
card: four two four two, four two four two, four two four two, four two four two
vier zwei vier zwei vier zwei vier zwei vier zwei vier zwei vier zwei vier zwei
invoice paid by card 4242424242424242
CVV: 123
cvc 4321
"cvv2": "987"
security code is 842
""".strip().splitlines()

CLEAN = r"""
4111 1111 1111 1112
4111111111111112
Is 378282246310006 a plausible invoice number?
order 4111111111111111
invoice number: 4012888888881881
tracking 6011111111111117
IMEI 490154203237518
ISBN 978-3-16-148410-0
EAN 4006381333931
0000 0000 0000 0000
1234 5678 9012 3456
1712345678901
1712345678901234
timestamp 1712345678901234567
id=123e4567-e89b-12d3-a456-426614174000
41111111-1111-4111-8111-411111111111
sha256 4111111111111111a4111111111111111b
0.4111111111111111
4111111111111111.5
3.14159265358979323846
4111 1111 1111 XXXX
**** **** **** 1111
card ending in 4242
what is a CVV?
the cvv has three digits
cvv_length = len(cvv)
call 4155550132 or 4155550133
2024 2025 2026 2027
one two three four five six seven eight nine ten eleven twelve
10 20 30 40 50 60 70 80
5.0.0.1 4.2.4.2
phone +4930123456789
the visa office opens at 9
github.com/org/repo/issues/4111111111
commit 4242424242424242424242424242424242424242
0x4242424242424242
Visa cards start with a 4 and have 16 digits
""".strip().splitlines()


@pytest.mark.parametrize("text", CARDS)
def test_a_card_is_found(text: str) -> None:
    assert kinds_in(text.replace("\\n", "\n").replace("\\t", "\t"), "cards") == {"payment_card"}


@pytest.mark.parametrize("text", CLEAN)
def test_what_looks_like_a_card_is_not_one(text: str) -> None:
    assert kinds_in(text, "cards") == set()


def _with_check_digit(body: str) -> str:
    return next(body + digit for digit in "0123456789" if passes_luhn(body + digit))


PREFIXES = st.sampled_from(["4", "51", "55", "2221", "2720", "6011", "65", "3528"])
VALID = st.builds(lambda prefix, rest: _with_check_digit((prefix + rest)[:15]), PREFIXES, st.text("0123456789", min_size=15, max_size=15))
WORDS = st.text("abcdefghij .,\n", max_size=60)


@settings(deadline=None)  # the first example compiles the patterns
@given(VALID, st.sampled_from(["", " ", "-", ".", "  "]), WORDS, WORDS)
def test_any_valid_number_is_found_anywhere(number: str, gap: str, before: str, after: str) -> None:
    written = gap.join(number[at : at + 4] for at in range(0, 16, 4))
    assert kinds_in(f"{before}\n{written} {after}", "cards") == {"payment_card"}


@settings(deadline=None)  # the first example compiles the patterns
@given(VALID, st.integers(0, 15), st.integers(1, 9))
def test_one_wrong_digit_makes_it_no_card(number: str, at: int, add: int) -> None:
    wrong = number[:at] + str((int(number[at]) + add) % 10) + number[at + 1 :]
    assert not is_card(wrong)
    assert kinds_in(f"a number {wrong} here", "cards") == set()


@settings(deadline=None)  # the first example compiles the patterns
@given(st.text("0123456789-. ", max_size=300))
def test_any_digits_are_read_without_an_error(text: str) -> None:
    kinds_in(text, "cards")

"""IBANs in any grouping, national accounts beside their cue, and what banks publish."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.residency.detectors.bank import is_iban
from tests.residency.detectors.finding import kinds_in

IBANS = r"""
ES91 2100 0418 4502 0005 1332
DE89370400440532013000
DE89 3704 0044 0532 0130 00
de89370400440532013000
de 89 3704 0044 0532 0130 00
GB82 WEST 1234 5698 7654 32
gb82west12345698765432
GB82-WEST-1234-5698-7654-32
FR14 2004 1010 0505 0001 3M02 606
NL91ABNA0417164300
BE68 5390 0754 7034
CH93 0076 2011 6238 5295 7
IT60X0542811101000000123456
PL61109010140000071219812874
SE45 5000 0000 0583 9825 7466
NO9386011117947
DK5000400440116243
FI2112345600000785
AT611904300234573201
PT50000201231234567890154
IE29AIBK93115212345678
MT84MALT011000012345MTLCAST001S
BR1800360305000010009795493C1
AE070331234567890123456
SA0380000000608010167519
TR330006100519786457841326
my account is ES91 2100 0418 4502 0005 1332, thanks
{"iban":"DE89370400440532013000"}
IBAN:DE89.3704.0044.0532.0130.00
IBAN DE89 3704 0044\n0532 0130 00 is his
DE89370400440532013000 and more words
""".strip().splitlines()

ACCOUNTS = r"""
routing number 021000021, account 123456789012
ABA 021000021 acct 000123456789
account number: 12345678
Account No. 000123456789
acct # 4400112233
{"account_number": "000123456789", "routing_number": "110000000"}
sort code 20-00-00 account 55779911
sort code: 200000, account number: 55779911
BSB 062-000 account 1234 5678
IFSC SBIN0001234 a/c 30123456789
Kontonummer 532013000, BLZ 37040044
BLZ 37040044 Kto. 532013000
número de cuenta 2100 0418 45 0200051332
CLABE 032180000118359719
agência 1234 conta 56789-0
conta corrente 12345-6 banco 341
口座番号 1234567
みずほ銀行 渋谷支店 普通 1234567
银行账号: 6222021234567890
계좌번호 110-123-456789
wire it to account 000123456789 at First Bank
direct deposit to account 88812345678
numer konta 1090 1014 0000 0712 1981 2874
""".strip().splitlines()

CLEAN = r"""
DE89370400440532013001
ES91 2100 0418 4502 0005 1333
GB82 TEST 1234 5698 7654 32
what is an IBAN?
an IBAN begins with two letters, such as DE
BIC: DEUTDEFF
SWIFT code COBADEFFXXX
IFSC SBIN0001234
routing number 021000021
in 2024 we did 20 things with 30 others
at 30 degrees 2000 people
is 12 months enough for 300 people and 400 others
account balance 1500
my account has 250000 dollars
account: alice
{"account_id": "acc_12345678"}
log in to your account 3 times
accounts 2024-05-01
sort code is six digits
the ABA published a report in 2023
sha1 de89370400440532013000aa
a bank account needs 2 documents
AWS account id format
conta de luz 120
user account created 2024-05-01T12:00:00
""".strip().splitlines()


@pytest.mark.parametrize("text", IBANS)
def test_an_iban_is_found(text: str) -> None:
    assert "iban" in kinds_in(text.replace("\\n", "\n"), "bank")


@pytest.mark.parametrize("text", ACCOUNTS)
def test_an_account_beside_its_cue_is_found(text: str) -> None:
    assert "bank_account" in kinds_in(text, "bank")


@pytest.mark.parametrize("text", CLEAN)
def test_what_banks_publish_and_what_only_looks_like_an_account_is_clean(text: str) -> None:
    assert kinds_in(text, "bank") == set()


def _iban(country: str, account: str) -> str:
    number = "".join(str(int(character, 36)) for character in account + country + "00")
    return f"{country}{98 - int(number) % 97:02}{account}"


LENGTHS = {"DE": 18, "ES": 20, "BE": 12, "PL": 24, "AT": 16, "SE": 20}
VALID = st.sampled_from(sorted(LENGTHS)).flatmap(
    lambda country: st.text("0123456789", min_size=LENGTHS[country], max_size=LENGTHS[country]).map(lambda account: _iban(country, account))
)


@settings(deadline=None)  # the first example compiles the patterns
@given(VALID, st.sampled_from(["", " ", "-", "."]), st.text("abcdef .,\n", max_size=40), st.booleans())
def test_any_valid_iban_is_found_in_any_grouping(number: str, gap: str, around: str, is_lower: bool) -> None:
    written = gap.join(number[at : at + 4] for at in range(0, len(number), 4))
    assert "iban" in kinds_in(f"{around} {written.lower() if is_lower else written} {around}", "bank")


@settings(deadline=None)  # the first example compiles the patterns
@given(VALID, st.data())
def test_one_wrong_digit_makes_it_no_iban(number: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(4, len(number) - 1))
    wrong = number[:at] + str((int(number[at]) + data.draw(st.integers(1, 9))) % 10) + number[at + 1 :]
    assert not is_iban(wrong)
    assert kinds_in(f"see {wrong} there", "bank") == set()

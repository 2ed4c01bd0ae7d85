"""Numbers of states, in their own formats and beside their names, and numbers of other things."""

# ruff: noqa: RUF001 - punctuation of other scripts
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.residency.detectors.finding import kinds_in

FOUND = r"""
us_ssn|078-05-1120
us_ssn|SSN: 123-45-6789
us_ssn|ssn 078051120
us_ssn|{"ssn": "078051120"}
us_ssn|social security number 078 05 1120
us_ssn|her social is 219.09.9999
us_ssn|ITIN 912-70-1234
us_ssn|SSN 0-7-8-0-5-1-1-2-0
us_ssn|customer_ssn: 219099999
uk_nino|AB 12 34 56 C
uk_nino|AB123456C
uk_nino|NI number qq123456c
uk_nino|National Insurance: JG 10 37 59 A
national_id|RSSMRA85T10A562S
national_id|codice fiscale: rssmra85t10a562s
national_id|C.F. RSS MRA 85T10 A562 S
national_id|HEGG560427MVZRRL04
national_id|RFC GODE561231GR8
national_id|131052-308T
national_id|henkilötunnus 131052-308T
national_id|DNI 12345678Z
national_id|54362315K
national_id|X-1234567-L
national_id|811218-9876
national_id|personnummer 8112189876
national_id|19811218-9876
national_id|CPR 211062-5629
national_id|85.07.30-033.28
national_id|756.9217.0769.85
national_id|390.533.447-05
national_id|CPF: 39053344705
national_id|30.686.957-4
national_id|20-05536168-2
national_id|2 95 10 99 126 111 93
national_id|295109912611193
national_id|numéro de sécurité sociale 2 95 10 99 126 111 93
national_id|BSN: 111222333
national_id|burgerservicenummer 1112.22.333
national_id|Steuer-ID: 36 574 261 809
national_id|steuer_id: 36574261809
national_id|Personalausweisnummer L01X00T471
national_id|Rentenversicherungsnummer 65 170839 J 003
national_id|PESEL 44051401359
national_id|"pesel": "44051401359"
national_id|Aadhaar 2341 2341 2346
national_id|2341 2341 2346
national_id|ABCPE1234F
national_id|PAN card AAACB1234C
national_id|身份证号码 11010519491231002X
national_id|11010519491231002X
national_id|マイナンバー: 123456789018
national_id|주민등록번호 900101-1234567
national_id|S1234567D
national_id|A123456(3)
national_id|A123456789
national_id|social insurance number 046 454 286
national_id|my SIN is 130-692-544
national_id|tax file number 123 456 782
national_id|TC kimlik no 10000000146
national_id|rodné číslo 710319/2745
national_id|CNP 1630615123457
national_id|ЕГН 7523169263
national_id|AMKA 01013099997
national_id|PPS number 6433435F
national_id|OIB 33392005961
national_id|СНИЛС 112-233-445 95
national_id|RUT 12.531.909-2
national_id|South African ID 7503305044089
national_id|fødselsnummer 15108695088
national_id|NIF 123456789
national_id|cédula 1.020.304.050
national_id|national id number 44051401359
national_id|NHS number 943 476 5919
passport|passport number X1234567
passport|Passport No: 533380006
passport|Reisepass C01X00T47
passport|n° de passeport : 12AB34567
passport|pasaporte AAA123456
passport|护照号码：E12345678
passport|"passport_number": "L898902C3"
passport|P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<
driving_licence|driving licence MORGA753116SM9IJ
driving_licence|MORGA753116SM9IJ
driving_licence|Führerschein-Nr. B072RRE2I55
driving_licence|driver's license: D1234567
driving_licence|driver license number F255-9215-0094
driving_licence|permis de conduire 123456789012
driving_licence|prawo jazdy 12345/67/8901
""".strip().splitlines()

CLEAN = r"""
000-12-3456
666-12-3456
123-00-4567
order 078-05-1120
078-05-11201
1078-05-1120
2024-05-1120
id: 12345678901
user_id: 44051401359x
SO-555-0188
12345678A
git show 1234567f
X1234567A
123.456.789-00
390.533.447-06
756.9217.0769.86
85.07.30-033.29
RSSMRA85T10A562T
HEGG560427MVZRRL05
131052-308U
711018-9876
2345 6789 0123
2019 2020 2021 2022
1000 2000 3000 4000
BSN 111222334
PESEL 44051401358
Aadhaar 2341 2341 2347
what is a social security number?
the DNI has 8 digits and a letter
passport photos cost 12 dollars
how long is a passport number?
passport.js 0.6.0
my passport expires in 2027
driving licence since 2009
a driver license test has 40 questions
tax id validation
sin 30 degrees is 0.5
fin 2024
run 12345678 times
docker run -p 6379:6379 -it redis
RFC 9110, 15.5.2: a 401
build 850101-1236x
ticket AB123456C
part number AB123456C
11222333000181
12.345.678/0001-95
12345/678
version 756.1.2
2024/1234
UTC+02 2024-05-01 12:34:56.789
S1234567A
A123456(4)
2 95 10 99 126 111 94
11010519491231002Y
110105194912310021
isbn 9783161484100
phone 555
a1b2c3d4e5f6a7b8c9d0
0123456789abcdef
P<0.05 was significant
""".strip().splitlines()


@pytest.mark.parametrize("line", FOUND)
def test_a_persons_number_is_found(line: str) -> None:
    kind, text = line.split("|", 1)
    assert kind in kinds_in(text, "national_ids", "health_ids")


@pytest.mark.parametrize("text", CLEAN)
def test_other_numbers_are_clean(text: str) -> None:
    assert kinds_in(text, "national_ids") == set()


@settings(deadline=None)  # the first example compiles the patterns
@given(st.integers(1, 899).filter(lambda area: area != 666), st.integers(1, 99), st.integers(1, 9999), st.text("abcxyz .,\n", max_size=50))
def test_any_number_the_united_states_give_out_is_found(area: int, group: int, serial: int, around: str) -> None:
    number = f"{area:03}-{group:02}-{serial:04}"
    assert "us_ssn" in kinds_in(f"{around} {number} {around}", "national_ids")
    assert "us_ssn" in kinds_in(f"{around} SSN: {number.replace('-', '')} {around}", "national_ids")


@settings(deadline=None)  # the first example compiles the patterns
@given(st.integers(0, 10**8 - 1), st.integers(1, 22))
def test_a_spanish_letter_is_checked(number: int, shift: int) -> None:
    letters = "TRWAGMYFPDXBNJZSQVHLCKE"
    assert "national_id" in kinds_in(f"un {number:08}{letters[number % 23]} aquí", "national_ids")
    assert kinds_in(f"un {number:08}{letters[(number + shift) % 23]} aquí", "national_ids") == set()


@settings(deadline=None)  # the first example compiles the patterns
@given(st.text("0123456789", min_size=9, max_size=11))
def test_bare_digits_without_a_name_are_clean_but_for_norways_two_check_digits(digits: str) -> None:
    found = kinds_in(f"count {digits} rows", "national_ids")
    assert found <= ({"national_id"} if len(digits) == 11 else set())


@settings(deadline=None)  # the first example compiles the patterns
@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    kinds_in(text, "national_ids", "health_ids", "bank", "contact", "hosts", "markings")

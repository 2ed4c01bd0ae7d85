"""E-mail, telephone, birth and home, in a dozen countries; and what is none of them."""

# ruff: noqa: RUF001 - punctuation of other scripts
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.residency.detectors.finding import kinds_in

FOUND = r"""
email|jim.public@example.com
email|write to <jane.doe+news@mail.example.co.uk>.
email|"email": "j_smith@corp.example.org"
email|EMAIL:olga.marin@example.ro
email|mailto:gabi@example.hu?subject=keys
email|jörg@müller.de
email|john (at) example (dot) com
email|john [at] example.com
email|john.smith[at]example[dot]com
email|john{at}example{dot}org
email|reach me via john dot smith at example dot com
email|maria arroba ejemplo punto es
email|jim @ example.com
email|JANE@EXAMPLE.COM
email|o'brien@example.ie
email|a.b-c_d@sub-domain.example.io, thanks
email|user=anna.k@example.at;
email|To: "Ann Lee" <ann.lee@example.net>
phone|Put (202) 555-0160 into a vCard
phone|202-555-0160
phone|202.555.0160
phone|call 202 555 0160
phone|+1 202-555-0160
phone|1-202-555-0160
phone|+1 (202) 555-0160
phone|+12025550160
phone|+44 7700 900123
phone|07700 900123
phone|020 7946 0958
phone|+44 (0)20 7946 0958
phone|+49 30 901820
phone|+49 (0) 30 901820
phone|Tel. 030 901820
phone|Telefon 0151/23456789
phone|0151 23456789
phone|06 12 34 56 78
phone|01.99.00.12.34
phone|+33 1 99 00 12 34
phone|móvil 612 345 678
phone|+34 612 345 678
phone|llámame al 612345678
phone|cell. 347 1234567
phone|06-12345678
phone|+31 6 12345678
phone|komórka 601 234 567
phone|+48 601 234 567
phone|+55 (11) 91234-5678
phone|(11) 91234-5678
phone|090-1234-5678
phone|電話番号: 090-1234-5678
phone|电话：13800138000
phone|手机 138 0013 8000
phone|전화 010-1234-5678
phone|+91 98765 43210
phone|mobile 9876543210
phone|call me on 98765 43210
phone|0049 30 901820
phone|{"phone": "2025550160"}
phone|{"phoneNumber": "+1-555-123-4567"}
phone|tel:+12025550160
phone|TEL;TYPE=CELL:+40 721 555 010
phone|my cell is four one five, five five five, oh one four four
phone|звоните +7 912 345-67-89
phone|κινητό 6937654391
phone|נייד 0527654391
phone|เบอร์โทร: 0897654391
phone|điện thoại 0987654391
phone|फ़ोन: 98765 43912
date_of_birth|nar. 14. 2. 1981
date_of_birth|Zofia Nowak, ur. 7 grudnia 1949 r.
date_of_birth|můj pacient, narozen 3. března 1981
date_of_birth|född 3 mars 1981, mijn cliënt
date_of_birth|syntymäaika: 14. helmikuuta 1981
date_of_birth|дата народження 14 лютого 1981
date_of_birth|народилася 14.02.1981
date_of_birth|d. tarihi: 14.02.1981
date_of_birth|Ημερομηνία γέννησης: 14/02/1981
date_of_birth|γεννημένος 14.2.1981
date_of_birth|născută pe 14.02.1981
date_of_birth|szül.: 1981. 02. 14.
date_of_birth|生年月日 S56.2.14
date_of_birth|生年月日：昭和56年2月14日
date_of_birth|تاريخ الميلاد: 14 فبراير 1981
date_of_birth|תאריך לידה: 14/2/1981
date_of_birth|जन्म तिथि: 14 फरवरी 1981
date_of_birth|วันเกิด: 14 กุมภาพันธ์ 2524
date_of_birth|Tempat/tgl lahir: Bandung, 14-02-1981
date_of_birth|sinh ngày 14 tháng 2 năm 1981
date_of_birth|DOB: 1985-03-12
date_of_birth|dob 03/12/1985
date_of_birth|date_of_birth: 12.03.1985
date_of_birth|"dateOfBirth": "1985-03-12"
date_of_birth|date of birth 12 March 1985
date_of_birth|Date of Birth: March 12, 1985
date_of_birth|D.O.B. 12/3/85
date_of_birth|birthday: 19850312
date_of_birth|my son was born on August 4, 2011
date_of_birth|the patient, born 12.03.1985
date_of_birth|geboren am 12.03.1985
date_of_birth|Geburtsdatum: 12. März 1985
date_of_birth|geb. 12.3.1985
date_of_birth|né le 12/03/1985
date_of_birth|date de naissance : 12 mars 1985
date_of_birth|fecha de nacimiento: 12 de marzo de 1985
date_of_birth|nacida el 12/03/1985
date_of_birth|data di nascita 12/03/1985
date_of_birth|nato il 12/03/1985
date_of_birth|data de nascimento: 12/03/1985
date_of_birth|geboortedatum 12-03-1985
date_of_birth|data urodzenia: 12.03.1985
date_of_birth|ur. 12.03.1985
date_of_birth|född 1985-03-12
date_of_birth|生年月日：1985年3月12日
date_of_birth|出生日期: 1985-03-12
date_of_birth|생년월일 1985년 3월 12일
date_of_birth|дата рождения: 12.03.1985
date_of_birth|doğum tarihi: 12.03.1985
address|she lives at 742 Evergreen Terrace, Springfield, IL 62704
address|742 Evergreen Terrace, Springfield, IL 62704
address|ship to 12 Elm Street, Boston
address|my address is 5 Oak Ave, Apt 3
address|i live at 12 high street, leeds
address|flat 3, 12 High Street, Leeds LS1 4AB
address|221 King's Road, London SW3 5EQ
address|deliver to 14 St Mary's Lane, Galway
address|home address: 5 Oak Ave
address|Hauptstraße 12, 10115 Berlin
address|Frau Weber, Lindenweg 5a, 80331 München
address|wohnhaft Lindenweg 5
address|12 rue de la Paix, 75002 Paris
address|j'habite 4 bis avenue Foch, Nancy
address|Calle Mayor 5, 28013 Madrid
address|vivo en la calle de Alcalá 120, piso 3
address|via Roma 10, 00184 Roma
address|abita in via Garibaldi 7
address|Prinsengracht 263, 1016 GV Amsterdam
address|ul. Długa 10/5, 00-001 Warszawa
address|Rua das Flores, 123, 01234-567 São Paulo
address|Flat No 4, 12 Gandhi Road, Chennai 600 028, home of Mr Rao
address|〒150-0001 東京都渋谷区神宮前1-2-3
address|我的地址：北京市朝阳区建国路88号
address|доставка: ул. Ленина, д. 5, кв. 12, адрес Иванова
address|Street: Oakfield Rd 5\nZIP: 60614\nCity: Chicago
""".strip().splitlines()

CLEAN = r"""
support@acme.com
noreply@example.com
user@example.com
your.name@example.com
info@company.com
git@github.com:org/repo.git
git clone git@gitlab.com:team/app.git
npm i lodash@4.17.21
@types/node@18.0.0
react@18.2.0-rc.1
ssh deploy@db01.example.com
root@web1.example.com:~# ls
@app.route("/users")
y = a @ b.T
z = x@y.data
@dataclass
meet me @ noon
we met at noon at the dot com office
the dot at the end
what is a valid e-mail address?
foo@bar
SO-555-0188
order 112-555-0160
112-1234567-1234567
192.168.1.100
10.0.0.1:8080
2024-05-01 12:30:45
2024-05-01T12:30:45.123456
01/02/2024
lat 52.520008, lon 13.404954
ISBN 978-3-16-148410-0
version 1.202.555.0160
1712345678901
+100
+10000000000
a += 1234567890
1 + 12345678
x = 3 +447
C++20 2024 0101
123-456-7890-1234
call 1-800-555-0199 today
04 11 23 32 45 49
there are 20 phones and 30 chargers
my phone has 128 GB
phone 15 2024
tel aviv 2024
UTC+02:00
total 0123456789
page 202 of 555
tool_call_id: call_3b74489a a7,1736935200,21.44
500 000 000
1 000 000 000
3.141 592 653
mobile first design in 2024-05-01
Mozart was born on 27 January 1756
Barack Obama was born August 4, 1961
Ada Lovelace, born 10 December 1815
she was born in 1985
version 4.2 was born on 2019-11-30
born to run
date of birth is a required field
dob must be before 2020
in 5 years we found a way
the 3 best places to drive
10 Downing Street, London SW1A 2AA
Who lives at 10 Downing Street besides the prime minister?
1600 Pennsylvania Avenue is famous
our store is at 5 Main Street
Which canal is Keizersgracht 101 on?
there are 12 people on the road
step 3: follow the path
Chapter 4 Green Hill
ip address 10.0.0.1
memory address 0x7fff5fbff8c0
ship to 5 countries
street food in 2024
300 Baker Street museum
via port 8080
use rue 3
Musterfirma GmbH, Hauptstraße 12, 10115 Berlin
the square of 12 is 144
the 5 Whys way
""".strip().splitlines()


@pytest.mark.parametrize("line", FOUND)
def test_what_leads_to_a_person_is_found(line: str) -> None:
    kind, text = line.split("|", 1)
    assert kind in kinds_in(text.replace("\\n", "\n"), "contact")


@pytest.mark.parametrize("text", CLEAN)
def test_what_leads_to_nobody_is_clean(text: str) -> None:
    assert kinds_in(text, "contact") == set()


@settings(deadline=None)  # the first example compiles the patterns
@given(
    st.from_regex(r"[a-z]{3,8}\.[a-z]{4,9}", fullmatch=True),
    st.sampled_from(["example.com", "mail.example.org", "acme.de", "acme.co.jp"]),
    st.text("abc .,\n", max_size=40),
)
def test_any_persons_mailbox_is_found(local: str, host: str, around: str) -> None:
    assert "email" in kinds_in(f"{around} {local}@{host} {around}", "contact")


@settings(deadline=None)
@given(
    st.integers(201, 989).filter(lambda area: area not in {800, 833, 844, 855, 866, 877, 888}), st.integers(200, 999), st.integers(0, 9999)
)
def test_any_north_american_number_is_found_as_it_is_written(area: int, exchange: int, line: int) -> None:
    for written in (f"({area}) {exchange}-{line:04}", f"{area}-{exchange}-{line:04}", f"{area}.{exchange}.{line:04}"):
        assert "phone" in kinds_in(f"it is {written}, ok", "contact")


@settings(deadline=None)
@given(st.uuids(), st.integers(10**12, 10**18), st.floats(0, 1000, allow_nan=False))
def test_other_numbers_of_programs_are_clean(uuid: object, number: int, fraction: float) -> None:
    assert kinds_in(f"id {uuid} n={number} v={fraction}", "contact") == set()


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    kinds_in(text, "contact", "health_ids", "bank", "hosts", "markings")

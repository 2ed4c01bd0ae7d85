"""Postal addresses of people: a street and a number in the order of a dozen countries, with what makes them somebody's.

A street and a number alone may be a shop's, a ministry's or a question about geography. They count with a postal code beside
them, or with a word for living, delivering or belonging to a person; not where a word says that everybody may go there.
"""

# ruff: noqa: RUF001 - words of other languages, and their punctuation
from __future__ import annotations

import re

from extproc.residency.detector import Detector
from extproc.residency.detectors.cues import beside, cue
from extproc.residency.hit import Hit

_LONG_SUFFIXES = "street|avenue|ave|road|lane|boulevard|blvd|crescent|parkway|pkwy|terrace|nagar|marg|highway|gardens"
# Words of every text, unless they are a name.
_SHORT_SUFFIXES = (
    "St|Rd|Ln|Drive|Dr|Court|Ct|Place|Pl|Way|Ter|Close|Cres|Square|Sq|Gdns|Grove|Circle|Cir|Mews|Row|Trail|Trl|Hwy|Walk|"
    "Green|Park|Hill|Rise|Alley|Loop|Path|"
    "Colony|Layout|Salai|Esplanade|Parade|Quay|Crossing|View|Heights|Plaza|Broadway"
)
_US_TAIL = (
    r"\b(?:A[LKZR]|C[AOT]|D[CE]|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|PA|PR|RI|S[CD]|T[NX]|UT|V[TA]|"
    r"W[AVIY])\.?,?\s+\d{5}(?:-\d{4})?\b"
)
_POSTCODE = re.compile(
    rf"{_US_TAIL}|\b[A-Z]{{1,2}}\d[A-Z\d]? ?\d[A-Z]{{2}}\b|\b[A-Z]\d[A-Z] ?\d[A-Z]\d\b|"
    rf"(?<![\d.,-])(?:[A-Z]{{1,2}}-)?\d{{4,5}},?(?: [A-Z]{{2}}\b)?,? [A-ZÀ-Þ][a-zà-ÿ]{{2,}}|"
    r"\b\d{2}-\d{3} [A-ZÀ-ž]|\b\d{5}-\d{3}\b|\b\d{3} \d{2} [A-ZÀ-Þ]|〒\s?\d{3}-\d{4}|\b[1-9]\d{2} ?\d{3}\b(?!\d)|\b(?:NSW|"
    r"VIC|QLD|TAS|ACT|NT|SA|WA) \d{4}\b|[A-Za-z], \d{5}\b"
)
_HOME = cue(
    "квартира", "улица", "收件人", "收件", "寄到", "送到", "室", "栋", "单元", "받는 ?사람", "수령인", "보내", "送り先", "宛先",
    "様", "号室", "paket\\w*",
    "schick\\w*", "chez", "colis", "étage", "etage", "presso", "interno", "mevrouw", "meneer", "evi", "daire", "wohnung", "stiege", "lgh",
    "drop", "parcel", "shipped", "stay(?:s|ing)?", "rent(?:s|ing)?", "para", "بيت", "شقة", "منزل", "घर", "फ्लैट", "nombre",
    "lives?", "living", "lived", "resid(?:e|es|ed|ing|ent|ence|ents)", "home", "ship(?: to|ping|ped)?", "deliver(?:y|ed)?",
    "address(?: is)?", "patient", "customer", "client", "employee", "apt", "apartment", "flat", "unit", "moved?(?: to)?", "moving",
    "mail(?:ing)?(?: it)?(?: to)?", "send(?: it)?(?: to)?", "tenant", "landlord", "house", "my", "her", "his", "mr", "mrs", "ms",
    "claimant", "suspect", "neighbou?r", "billing", "recipient", "bill to", "occupant", "dob", "born", "ssn", "phone", "tel", "name",
    "email", "pick (?:me|her|him) up", "wohnt", "wohnhaft", "wohne", "anschrift", "adresse", "zuhause", "lieferadresse", "lieferung",
    "liefern", "kunde", "kundin", "herrn?", "frau", "patientin", "mieter", "habite", "domicile", "domicilié", "livrer", "livraison",
    "madame", "monsieur", "mme", "m", "client", "vive", "vivo", "domicilio", "dirección", "direccion", "envío", "enviar", "señora?",
    "sra?", "paciente", "cliente", "piso", "abita", "residente", "indirizzo", "spedire", "consegna", "sig", "signora", "woont", "adres",
    "bezorgen", "klant", "mora", "endereço", "entregar", "apto", "mieszka", "zamieszkał[ya]", "klient", "bor", "adress", "asuu", "住所",
    "住址", "地址", "收货", "家住", "届け", "お届け先", "주소", "배송", "거주", "адрес", "проживает", "кв",
)  # fmt: skip
_PUBLIC = cue(
    "headquarter(?:s|ed)?", "hq", "head office", "registered office", "museum", "hotel", "restaurant", "cafe", "café", "bar", "store",
    "shop", "theatre", "theater", "embassy", "station", "airport", "university", "school", "library", "cathedral", "church",
    "white house", "downing", "baker street", "landmark", "building", "tower", "stadium", "gallery", "gmb ?h", "inc", "ltd", "llc", "corp",
    "s\\.?a\\.?r?\\.?l?\\.?", "ag", "historic", "famous", "tourists?", "located at", "hauptsitz", "firmensitz", "rathaus", "siège",
    "mairie", "musée", "sede", "ayuntamiento", "museo", "ministry", "court ?house", "parliament", "palace", "impressum", "imprint",
    "supreme court", "city hall", "town hall", "bahnhof", "sherlock", "pennsylvania avenue", "amphitheatre parkway", "infinite loop",
)  # fmt: skip
_FOR_SOMEBODY = cue(
    "lives?",
    "home",
    "ship to",
    "my",
    "patient",
    "customer",
    "deliver(?: to)?",
    "her",
    "his",
    "employee",
    "wohnhaft",
    "habite",
    "domicilio",
    "client",
    "tenant",
    "kunde",
)
_VALUE = re.compile(r"(?=[^\n]{0,60}[^\W\d_]{3})[^\n@{}<>=]{0,60}")
_STREETLIKE = re.compile(
    r"\d{1,5}\s?[A-Za-z]?(?:/\d+)?,?\s+(?:[A-ZÀ-Þ][\w'.-]+|\d+(?:st|nd|rd|th)\b)|"
    r"[^\W\d]{3,}\.?,? \d{1,4}\s?[a-zA-Z]?\b(?:,|\n|\Z|\s\d{4,5}\b)"
)


_LANDMARK = re.compile(r"downing street|pennsylvania ave|baker st|amphitheatre p|infinite loop|champs.[ée]lys[ée]es", re.IGNORECASE)


def _is_somebodys(hit: Hit) -> bool:
    """A street and a number with a postal code or a word for a person beside them."""
    before, after = hit.before(110), hit.after(80)
    if _PUBLIC.search(hit.text) or (_PUBLIC.search(before[-90:] + " " + after) and not _FOR_SOMEBODY.search(before[-60:])):
        return False
    return (
        _POSTCODE.search(after) is not None
        or _POSTCODE.search(before[-20:]) is not None
        or _HOME.search(before)
        or _HOME.search(after[:40])
    )


_NUMBER_AND_NAMES = re.compile(r"(?<![\w.,/])\d{1,5}[A-Za-z]?,? (?:[\w.'’\-]+ ){1,4}[A-Za-z]+\Z")


def _is_english(hit: Hit) -> bool:
    found = _NUMBER_AND_NAMES.search(hit.before(50) + hit.text)
    if found is None:
        return False
    number, *names = found[0].split()[:-1]
    hit = Hit(hit.data, hit.end - len(found[0].encode()), hit.end)
    is_name = bool(names) and all(word[:1].isupper() or word[:1].isdigit() or word in {"of", "the", "and"} for word in names)
    # In a text without capitals a street's name cannot be told from any other word; only the full form counts.
    is_full = _POSTCODE.search(hit.after(80).upper()) is not None or re.search(
        r"\b(?:live|lives|live at|my address|ship to|deliver to|home is)\b", hit.before(60), re.IGNORECASE
    )
    return (
        is_name or (bool(is_full) and number + " ".join(names) == (number + " ".join(names)).lower() and len(names) <= 3)
    ) and _is_somebodys(hit)


def _is_street_first(hit: Hit) -> bool:
    """The word for street, its name, the number: "calle Mayor 5", "ul. Długa 7/3"."""
    found = _NAME_AND_NUMBER.match(hit.text[-1:] + hit.after(60))
    return found is not None and _is_somebodys(Hit(hit.data, hit.start, hit.end + len(found[0].encode()) - 1))


def _is_eastern(hit: Hit) -> bool:
    """A Japanese address in figures with a person's or a parcel's word near it."""
    return not _PUBLIC.search(hit.text) and (_HOME.search(hit.before(60)) or _HOME.search(hit.after(40)) or hit.text.count("-") > 1)


_NAME_AND_NUMBER = re.compile(r"(?:(?:[^\W\d_]|[.'’\-])++ ?+|\d{1,2} (?:de |di )){1,5}+,? ?(?:n[.º°o]{1,3} ?|#)?\d{1,5}(?:/\d+)?\b")


def _is_labelled(hit: Hit) -> bool:
    """What follows "home address" and its like: words and a house number on one line."""
    value = hit.data[max(hit.start, hit.end - 40) : hit.end].decode(errors="ignore")[:-1][-40:] + hit.text[-1:] + hit.after(60)
    line = value.split("\n")[-1 if "\n" in value[:30] else 0]
    if _LANDMARK.search(line):
        return False
    return _VALUE.match(line) is not None and _STREETLIKE.search(line) is not None and re.search(r"0x|https?:|\d+\.\d+\.\d+", line) is None


def _is_form(hit: Hit) -> bool:
    """A postal code's field with a street's field near it."""
    return _STREET_FIELD.search(hit.before(150)) is not None or _STREET_FIELD.search(hit.after(150)) is not None


_STREET_FIELD = re.compile(
    r"(?:street|addr(?:ess)?(?:[ _]?line)?[ _]?1?|stra(?:ß|ss)e|rue|voie|calle|direcci[oó]n|indirizzo|via|straat|rua|"
    r"logradouro|ulica|gatuadress|住所|地址|주소)[\"']?\s?:\s?[\"']?(?=[^\n]{0,40}[^\W\d_]{3})(?=[^\n]{0,40}\d)",
    re.IGNORECASE,
)
_POSTAL_FIELD = (
    "zip",
    "zip ?code",
    "postcode",
    "postal_?code",
    "post code",
    "plz",
    "postleitzahl",
    "code postal",
    "código postal",
    "codigo postal",
    r"\bcap\b",
    r"\bcep\b",
    "kod pocztowy",
    "postnummer",
    "邮编",
    "郵便番号",
    "우편번호",
)
_RESIDENCE = (
    "home address", "street address", "shipping address", "delivery address", "billing address", "mailing address", "postal address",
    "residential address", "my address", "current address", "her address", "his address", "lives at", "live at", "living at",
    "residing at", "resides at", "ship (?:it )?to", "deliver (?:it )?to", "wohnanschrift", "anschrift", "wohnhaft", "lieferadresse",
    "meine adresse", "rechnungsadresse", "adresse personnelle", "adresse de livraison", "mon adresse", "domicilié", "demeurant",
    "j'habite", "habite au", "domicilio", "mi dirección", "dirección de envío", "vivo en", "residente in", "il mio indirizzo",
    "indirizzo di casa", "meu endereço", "endereço residencial", "woonachtig", "mijn adres", "bezorgadres", "adres zamieszkania",
    "zamieszkał[ya]", "mój adres", "bostadsadress", "adresse privée",
    "ev adresi", "адрес проживания", "домашний адрес", "家庭住址", "收货地址",
    "我的地址", "自宅", "住所", "집 주소", "배송지",
)  # fmt: skip

DETECTORS: tuple[Detector, ...] = (
    Detector("address", rf"[a-z0-9.'] (?:{_LONG_SUFFIXES})\b", _is_english),
    Detector("address", rf"[A-Za-z0-9.'] (?:{_SHORT_SUFFIXES})\b", _is_english, caseless=False),
    Detector(
        "address",
        r"(?:stra(?:\xc3\x9f|ss)e|str\.|weg|gasse|platz|allee|damm|ufer|chaussee|straat|laan|gracht|plein|kade|singel|dijk|"
        r"vej|gade|gatan|v\xc3\xa4gen|veien|gata|katu|utca|steenweg) ?\d{1,4} ?[a-h]?\b",
        _is_somebodys,
    ),
    Detector(
        "address",
        r"\b\d{1,4}(?: ?bis| ?ter| ?[a-d])?,? (?:rue|avenue|av\.|boulevard|bd|place|chemin|impasse|all\xc3\xa9e|quai|route|"
        r"cours|passage|ruelle|faubourg) (?:d[eu] |des |d'|de la |de l')?[a-z\x80-\xff]",
        _is_somebodys,
    ),
    Detector(
        "address",
        r"\b(?:calle|c/|avenida|avda\.?|paseo|plaza|rua|travessa|pra\xc3\xa7a|alameda|via|viale|corso|piazza|largo|ul\.|ulica|"
        r"ulicy|os\.|cra\.?|carrera|jl\.|jalan) ?[a-z0-9\x80-\xff]",
        _is_street_first,
    ),
    Detector("address", r"\xe3\x80\x92 ?\d{3}-\d{4}", None),
    Detector(
        "address",
        r"\d(?:\xe5\x8f\xb7|\xe8\x99\x9f)[^\n]{0,24}(?:\xe5\xae\xa4|\xe5\x8d\x95\xe5\x85\x83|\xe6\xa0\x8b|\xe6\xa5\xbc|\xe6\xa8\x93)",
        None,
    ),
    Detector("address", r"(?:\xeb\xa1\x9c|\xea\xb8\xb8) ?\d{1,4}(?:-\d{1,3})?[^\n]{0,24}\d{1,4}\xed\x98\xb8", None),
    Detector(
        "address", r"(?:\xe5\x8c\xba|\xe5\xb8\x82|\xe7\x94\xba|\xe6\x9d\x91)[^\x00-\x7f]{3,30}\d{1,3}-\d{1,3}(?:-\d{1,4})?", _is_eastern
    ),
    Detector(
        "address", r"\d(?:\xe7\x95\xaa|\xe4\xb8\x81\xe7\x9b\xae)[^\n]{0,12}\d{1,3}(?:\xe5\x8f\xb7|\xe8\x99\x9f)[^\n]{0,30}\d{3}\b", None
    ),
    Detector(
        "address", r"\b(?:\xd0\xb4\xd0\xbe\xd0\xbc|\xd0\xb4\.) ?\d{1,4}[^\n]{0,16}\xd0\xba\xd0\xb2(?:\.|\xd0\xb0\xd1\x80)[^\n]{0,8}\d", None
    ),
    Detector(
        "address", r"(?:cad|cadde|sok|sokak|mah)(?:\.|\b|\w{2,4})[^\n]{0,20}no ?[:.] ?\d{1,4}[^\n]{0,8}(?:d|daire|kat) ?[:.]? ?\d", None
    ),
    Detector("address", r"(?:\xd8\xb4\xd9\x82\xd8\xa9|\xe0\xa4\xab\xe0\xa5\x8d\xe0\xa4\xb2\xe0\xa5\x88\xe0\xa4\x9f)[^\n0-9]{0,6}\d", None),
    Detector("address", r"\bp\.? ?o\.? ?box \d{1,6}\b|\bpostfach \d|\bapartado \d", _is_somebodys),
    Detector("address", r"(?:\xe4\xb8\x81\xe7\x9b\xae|\xe7\x95\xaa\xe5\x9c\xb0|\d\xe5\x8f\xb7|\d\xe8\x99\x9f)", _is_somebodys),
    Detector("address", r"(?:\xeb\xa1\x9c|\xea\xb8\xb8) ?\d{1,4}(?:-\d{1,3})?", _is_somebodys),
    Detector("address", r"(?:\xd0\xba\xd0\xb2|\xd0\xb4)\. ?\d{1,4}", _is_somebodys),
    *beside("address", _POSTAL_FIELD, r"[\"']? ?[:=][^0-9\n]{0,5}[0-9]", _is_form),
    *beside("address", _RESIDENCE, r"[^0-9\n]{0,40}[0-9]", _is_labelled),
)

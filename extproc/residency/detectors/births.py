"""Dates of birth: a date behind a word for being born, in the languages of a dozen countries.

A label ("date of birth", a form's field) is enough. The verb alone ("was born on") is also how biographies begin: there, the
sentence has to be about somebody at hand, or the date be written in figures.
"""

from __future__ import annotations

import re

from extproc.residency.detector import Detector
from extproc.residency.detectors.cues import beside, cue
from extproc.residency.hit import Hit

_FIGURES = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d\s?[-./ ]\s?(?:0?[1-9]|1[0-2])\s?[-./ ]\s?(?:3[01]|[12]\d|0?[1-9])|(?:3[01]|[12]\d|"
    r"0?[1-9])\s?[-./ ]\s?(?:3[01]|[12]\d|0?[1-9])\s?[-./ ]\s?(?:(?:19|20|24|25)?\d\d)|"
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:3[01]|[12]\d|0[1-9])|(?:(?:19|20)\d\d|明治\d+|大正\d+|昭和\d+|平成\d+|"
    r"令和\d+|\d\d?)\s?[年년]\s?\d{1,2}\s?[月월]\s?\d{1,2}\s?[日일]?)(?!\d)"
)
_MONTHS = (
    "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mai|okt|dez|janv|févr|fevr|avr|juin|juil|août|aout|déc|ene|abr|"
    "ago|dic|gen|mag|giu|lug|set|ott|"
    "mrt|mei|fev|out|sty|lut|kwi|maj|cze|lip|sie|wrz|paź|lis|gru|янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек|"
    "led|úno|bře|dub|kvě|čer|srp|zář|říj|pros|tammi|helmi|maalis|huhti|touko|kesä|heinä|elo|syys|loka|marras|joulu|"
    "січ|лют|бер|квіт|трав|черв|лип|серп|верес|жовт|листоп|груд|ιαν|φεβ|μαρ|απρ|μα[ιΐΐ]|ιουν|ιουλ|αυγ|σεπ|οκτ|νοε|δεκ|"  # noqa: RUF001
    "oca|şub|nis|haz|tem|ağu|eyl|eki|kas|ara|ian|iun|iul|noi|már|ápr|máj|jún|júl|sze|pebr|"
    "ינואר|פברואר|מרץ|אפריל|מאי|יוני|יולי|אוגוסט|ספטמבר|אוקטובר|נובמבר|דצמבר|"
    "يناير|فبراير|مارس|أبريل|مايو|يونيو|يوليو|أغسطس|سبتمبر|أكتوبر|نوفمبر|ديسمبر"
)
_WRITTEN = re.compile(
    rf"(?<!\d)(?:\d{{1,2}}(?:st|nd|rd|th|er|\.|º)?\s?(?:of |de |-|ב)?\s?(?:{_MONTHS})\w{{0,8}}\.?,?\s?(?:de |del |of |"
    rf"-)?\s?(?P<a>(?:19|20)\d\d)|"
    rf"(?:{_MONTHS})\w{{0,8}}\.?\s\d{{1,2}}(?:st|nd|rd|th)?,?\s(?P<b>(?:19|20)\d\d)|"
    rf"(?:19|20)\d\d\.?\s(?:{_MONTHS})\w{{0,8}}\.?\s\d{{1,2}}(?!\d))",
    re.IGNORECASE,
)
_SIX = re.compile(r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?![\d.,-])")
# A day, a word or Roman numeral for the month, and a year, behind a label.
_ANY_MONTH = re.compile(
    r"(?<!\d)\d{1,2}(?:st|nd|rd|th|er|º|ª|\.)?[\s./-]{1,2}(?:de |of |the )?"
    r"(?:[^\W\d_]{1,12}|[\u0900-\u0dff]{2,12}|[\u0e00-\u0e7f][\u0e00-\u0e7f.]{1,12}|tháng \d{1,2})\.?"
    r"[\s./,-]{1,2}(?:de |del |năm )?'?(?:(?:19|20|24|25)?\d\d)(?!\d)"
)
_YEAR = re.compile(r"(?:19|20|24|25)\d\d")  # the latter of the Buddhist era
_ERA_AHEAD = re.compile(r"[MTSHR]\.?\s?\d{1,2}[./年]\d{1,2}[./月]\d{1,2}(?!\d)")
_PERSONAL = cue(
    "patients?", "pt", "i", "my", "customer", "client", "employee", "applicant", "claimant", "tenant", "member", "policy ?holder",
    "insured", "passenger", "guest", "student", "son", "daughter", "wife", "husband", "mother", "father", "child", "baby", "spouse",
    "mr", "mrs", "ms", "miss", "resident", "living", "lives", "address", "passport", "ssn", "phone", "email", "mrn", "id", "frau",
    "herr", "patientin", "kunde", "versicherte", "wohnhaft", "madame", "monsieur", "mme", "domicilié", "paciente", "señora?", "paziente",
    "residente", "defendant", "suspect", "witness", "candidate", "subject", "contact", "user", "beneficiary", "nationality", "marital",
    "years old", "hija", "hijo", "mujer", "marido", "esposa", "fille", "fils", "femme", "mari", "enfant", "tochter", "sohn", "ehefrau",
    "ehemann", "kind", "mutter", "vater", "filha", "filho", "esposa", "mulher", "figlia", "figlio", "moglie", "marito", "dochter", "zoon",
    "vrouw", "córka", "syn", "żona", "mąż", "дочь", "сын", "жена", "муж", "ابني", "ابنتي", "娘", "息子", "妻", "儿子", "女儿", "아들", "딸",
    "colleague", "tenant", "nurse", "staff", "cliënte?", "pacient\\w*", "pacjent\\w*", "potilas\\w*", "пациент\\w*", "пацієнт\\w*",
    "pasien", "hasta", "klient\\w*", "zaměstnan\\w*", "ασθεν[ήο]", "患者", "환자", "मरीज", "مريض", "ผู้ป่วย", "bệnh nhân", "מטופל", "můj",
    "moje", "moja", "mój", "mijn", "meine?", "mein", "minha", "meu", "мой", "моя", "мій", "dcera", "dotter", "datter", "tytär", "poika",
    "k[\u0131i]z[\u0131i]m", "oğlum", "annem", "babam", "anak", "ibu", "ayah", "матері", "мама", "fiul", "fiica", "lányom", "fiam",
    "pt", "brother",
    "sister", "kid", "twins?", "grandmother", "grandfather",
)  # fmt: skip
_MADE = cue(
    "versions?",
    "releases?",
    "software",
    "company",
    "project",
    "product",
    "library",
    "language",
    "brand",
    "team",
    "startup",
    "idea",
    "app",
    "branch",
    "firma",
    "release",
)
_FIRST_YEAR = 1905


def _date_behind(hit: Hit) -> tuple[str, bool] | None:
    """The date in figures or in words that follows the cue, and whether it is in words."""
    text = hit.text[-1:] + hit.after(40)
    figures = _FIGURES.match(text)
    if figures is not None:
        return figures[0], False
    written = _WRITTEN.match(text) or _WRITTEN.search(hit.text[-24:] + hit.after(24))
    return None if written is None else (written[0], True)


def _is_recent(date: str) -> bool:
    year = _YEAR.findall(date)
    return not year or int(year[-1] if not date.startswith(year[0]) else year[0]) >= _FIRST_YEAR


def _is_labelled(hit: Hit) -> bool:
    found = _date_behind(hit)
    if found is None:
        any_month = _ANY_MONTH.match(hit.text[-1:] + hit.after(40))
        if _SIX.match(hit.text[-1:] + hit.after(8)) or _ERA_AHEAD.match(hit.text[-2:] + hit.after(12)):
            return True
        return any_month is not None and _is_recent(any_month[0])
    return _is_recent(found[0])


def _is_told(hit: Hit) -> bool:
    found = _date_behind(hit)
    if found is None or not _is_recent(found[0]) or _MADE.search(hit.before(60)) or _MADE.search(hit.after(40)):
        return False
    return not found[1] or _PERSONAL.search(hit.before(100)) or _PERSONAL.search(hit.after(100))


_LABELS = (
    r"\bdob\b", "_dob", "d\\.o\\.b", "date of birth", "birth ?date", "birth day", "birthdate", "geburtsdatum", "geb\\.?-?datum",
    "geb\\.", "geburtstag", "date de naissance", "fecha de nacimiento", "fecha nacimiento", "f\\. ?nac", "data di nascita",
    "data de nascimento", "geboortedatum", "data urodzenia", "födelsedatum", "fødselsdato", "fødselsdag", "syntymäaika",
    "datum narození", "dátum narodenia", "data nașterii", "data nasterii", "születési (?:idő|dátum)", "datum rođenja", "дата рождения",
    "дата народження", "ημερομηνία γέννησης", "doğum tarihi", "生年月日",
    "出生日期", "出生年月", "生日", "생년월일", "जन्म तिथि", "जन्मतिथि", "تاريخ الميلاد",
    "תאריך לידה", "ת\\. ?לידה", "מועד לידה", "ת[\"״]ל", "[^(a-z]nar\\.", "[^(a-z]szül\\.", "[^(a-z]ur\\.", "születési dátum",
    "d\\. ?tarihi", "sinh ngày",
    "ปีเกิด", "เกิดวันที่", "เกิดเมื่อ", "tgl\\.? ?lahir", "ημ\\. ?γέννησης", "ημερ\\. ?γέννησης", "datum naroz", "rodné datum",
    "birth", "dog[uğ]um", "naissance", "nacimiento", "生年", "출생", "mijn verjaardag",
    "tanggal lahir", "tarikh lahir", "ngày sinh", "วันเกิด", r"\bd/o/b\b",
)  # fmt: skip
_VERBS = (
    r"\bborn\b", "geboren", r"\bgeb\b", r"\bné\b", r"\bnée\b", "né le", "née le", r"\bnacid[oa]\b", "nació", r"\bnat[oa] il\b",
    r"\bnat[oa] a\b", "nascid[oa]", "nasceu", "urodzon[ya]", "ur\\.", "född", "født", "syntynyt", "narozen", "születtem", "született",
    "родил(?:ся|ась)", "народи(?:вся|лася|лась)", "γεννήθηκε", "γεννημέν", "născut", "nascut", "rođen", "נולד", "lahir", "sinh năm",
    "doğumlu", "nar\\.", "szül\\.", "出生于", "生于", "مواليد", "जन्म", r"\(\*",
)  # fmt: skip
_JOINT = r"[^0-9\n]{0,40}[0-9]"
# The word behind the date: "1985年3月12日生".
_BEHIND = (
    r"[0-9]\s?(?:\xd0\xb3\.\s?\xd1\x80\.|\xd0\xb3\xd0\xbe\xd0\xb4\xd0\xb0 \xd1\x80\xd0\xbe\xd0\xb6\xd0\xb4|"
    r"(?:\xe6\x97\xa5|\xec\x9d\xbc)?(?:\xe7\x94\x9f\xe3\x81\xbe|\xe7\x94\x9f|\xec\x83\x9d|"
    r"\xe5\x87\xba\xe7\x94\x9f)|do\xc4\x9fumlu| tarihinde do\xc4\x9f)"
)
_FIGURES_BEFORE = re.compile(_FIGURES.pattern.removesuffix(r"(?!\d)") + r"\Z")
_ERA = re.compile(r"[SHTR]\d{1,2}[./]\d{1,2}[./]\d{1,2}\Z")
_PARTS = re.compile(r"(?:year|month|day|jahr|monat|tag)\W{1,5}\d", re.IGNORECASE)


def _is_before(hit: Hit) -> bool:
    """A date that a word for being born follows."""
    text = hit.before(24) + re.sub(r"[^\d日일].*", "", hit.text)
    return _FIGURES_BEFORE.search(text) is not None or _ERA.search(text.rstrip("日일")) is not None


def _is_apart(hit: Hit) -> bool:
    """Day, month and year as members of their own."""
    return len(_PARTS.findall(hit.text + hit.after(80))) >= 3


DETECTORS: tuple[Detector, ...] = (
    *beside("date_of_birth", _LABELS, _JOINT, _is_labelled),
    *beside("date_of_birth", _VERBS, _JOINT, _is_told),
    Detector("date_of_birth", _BEHIND, _is_before),
    Detector("date_of_birth", r"birth[_ \"']{0,3}[:_ ]", _is_apart),
)

"""Numbers that hospitals and health insurers give to people: medical records, prescriptions, members and policies.

None has a shape of its own but the US Medicare beneficiary's (CMS, MBI format) and the British NHS number's check digit, so
the words beside them carry the weight. A provider's number (NPI) names a doctor in public and is no finding.
"""

from __future__ import annotations

import re

from extproc.residency.detector import Detector
from extproc.residency.detectors.cues import beside, cue, digits_of, is_near, value_after
from extproc.residency.detectors.stdnum_checks import is_valid
from extproc.residency.hit import Hit

_TOKEN = re.compile(r"(?:[A-Z]{1,5}[ \-]?)?\d(?:[\-/. ]?[A-Z0-9]){3,18}(?![\w])", re.IGNORECASE)
_HEAD = re.compile(r"(?:[A-Z]{1,4}[\-]?)\Z", re.IGNORECASE)
_DATE = re.compile(r"(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])[-./]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d(?!\d)|(?:19|20)\d\d\b(?![-\d])")
_HEALTH = cue(
    "adjuster", "premium", "auto policy", "water damage", "accident", "damage", "haftpflicht", "hausrat", "kfz", "herrn?",
    "frau", "assur\\w*", "nombre", "assicur\\w*", "intestat\\w*", "delta dental", "allianz", "axa", "denied",
    "policy ?holder", "beneficiar\\w*", "aseg\\w*", "титул", "polisy", "subscriber", "insured", "versichert\\w*",
    "health\\w*", "insur\\w*", "patients?", "medical", "medicare", "medicaid", "plan", "payer", "payor", "copay", "deductible",
    "claims?", "coverage", "subscriber", "dependents?", "blue cross", "bcbs", "aetna", "cigna", "humana", "kaiser", "unitedhealth\\w*",
    "anthem", "hmo", "ppo", "bupa", "hospital", "clinic", "doctor", "physician", "diagnos\\w*", "dental", "prescription", "pharmacy",
    "rx", "krankenkasse", "krankenversicherung\\w*", "aok", "barmer", "versicher\\w*", "assurance", "mutuelle", "cpam", "ameli",
    "seguro", "sanita\\w*", "santé", "assicurazione", "zorgverzeker\\w*", "nfz", "nhs", "gp", "policy ?holder", "beneficiary",
    "group (?:no|number|id)", "dob", "date of birth",
)  # fmt: skip
_NHS = cue("nhs", "nhs (?:no|number)", "gp", "patient", "surgery")


def _token(hit: Hit) -> str:
    head = _HEAD.search(hit.text[-6:-1])
    found = _TOKEN.match(
        (head[0] if head and not hit.text[:-1].endswith(head[0].join("  ")) else "") + value_after(hit, 30)
    ) or _TOKEN.match(value_after(hit, 30))
    return found[0] if found else ""


def _is_record(hit: Hit) -> bool:
    """Four digits or more, in one token that is no date."""
    token = _token(hit)
    return len(digits_of(token)) >= 4 and not _DATE.match(token)


def _is_insured(hit: Hit) -> bool:
    token = _token(hit)
    return len(digits_of(token)) >= 5 and not _DATE.match(token) and not _AMOUNT.match(value_after(hit, 30))


def _is_member(hit: Hit) -> bool:
    """The same behind a word that clubs and databases use, too, so that health or insurance must be near."""
    if not _is_insured(hit) or _AMOUNT.match(value_after(hit, 30)):
        return False
    return is_near(hit, _HEALTH, before=120, after=100) or (_HEALTH.search(hit.text) and _TITLED.search(hit.after(60)) is not None)


_AMOUNT = re.compile(r"[\d.,]+\s?(?:km|miles?|mi|%|€|\$|usd|eur|days?|years?|people|employees|cases|users)\b", re.IGNORECASE)
_TITLED = re.compile(r"[A-ZÀ-Þ][a-zà-ÿ]+ [A-ZÀ-Þ][a-zà-ÿ]+")


def _is_nhs(hit: Hit) -> bool:
    return is_valid("gb.nhs", hit.text) and is_near(hit, _NHS, before=80, after=30)


def _is_nhs_named(hit: Hit) -> bool:
    found = re.match(r"\d(?:[ \-.]{0,2}\d){9}(?!\d)", value_after(hit, 30))
    return found is not None and is_valid("gb.nhs", digits_of(found[0]))


_RECORD = (
    r"\bnhc", "dossier patient", "n° de dossier", "patient record", "patientid", "hospital ref", "nr pacjenta", "№ карты",
    r"\bmrn", "_mrn", "medical rec(?:ord)? ?(?:no|num|number|id|#)", "medical record", "patient (?:id|no|num|number|identifier|#)",
    "chart (?:no|number|#)", "hospital (?:no|number|id)", "encounter (?:id|no|number)", "prescription (?:no|number|id|#)",
    r"\brx ?(?:no|number|#)", "patientennummer", "patienten-?(?:nr|id)", "fallnummer", "aktenzeichen der klinik",
    "numéro de dossier (?:médical|patient)?", "numéro de patient", "dossier médical", "historia clínica", "historia clinica",
    "número de paciente", "cartella clinica", "numero paziente", "prontuário", "prontuario", "patiëntnummer", "patientnummer",
    "numer pacjenta", "病历号", "病歷號", "患者番号", "患者id", "カルテ番号", "診察券番号", "환자번호",
    "차트번호", "номер карты пациента", "hasta no", "protokol no",
)  # fmt: skip
_INSURED = (
    "adhérent", "mutuelle", "afiliado", "mitgliedsnr", "nº afiliado",
    "medicare", "medicaid", "health insurance", "versicherungs-?(?:nr|num)", "versicherte[nr]?", "versichertennr", "policennummer",
    "numéro de contrat", "contrat d'assurance", "n° d'assuré", "assuré", "nº de póliza", "póliza", "poliza", "asegurad[oa]", "polizza",
    "assicurat[oa]", "apólice", "segurad[oa]", "polisnr", "polis", "polisy", "nr polisy", "polisa", "försäkringsnummer", "försäkring",
    "forsikring", "poliçe", "страховой полис", "страховк", "保险单", "保单", "保険証券", "証券番号", "被保険者", "보험증권", "증권번호",
    "بوليصة", "التأمين", "बीमा", "insured (?:no|id|person|number)", "life insurance", "car insurance", "home insurance", "policy ref",
    "insurance (?:id|no|num|number|policy|member|card)", "health (?:card|plan) ?(?:no|number|id)?", "policy (?:no|num|number|#)",
    "policy_?id", "subscriber (?:id|no|number)", "medicare (?:no|number|id|card)", "medicaid (?:no|number|id)", r"\bmbi\b", r"\bhicn\b",
    r"\bohip\b", "beneficiary (?:id|number)", "krankenversicherungs-?(?:nummer|nr)", "krankenversichertennummer",
    "versicherten-?(?:nummer|nr|id)", r"\bkvnr", "versicherungsschein(?:nummer|nr)?", "versicherungsnummer", "carte vitale",
    "numéro d'assuré", "numéro de mutuelle", "tarjeta sanitaria", "número de póliza", "numero de poliza", "número de afiliado",
    "tessera sanitaria", "numero di polizza", "apólice", "cartão nacional de saúde", "cartão sus", "polisnummer",
    "zorgverzekeringsnummer", "numer polisy", "保険証番号", "保険者番号",
    "被保険者番号", "记号番号", "医保卡号", "社保卡号", "保单号", "건강보험증", "보험증번호",
    "номер полиса", "полис омс", "ihi number", "ehic",
)  # fmt: skip
_MEMBER = (
    "subscriber",
    "member",
    "policy",
    "insured",
    "coverage",
    "claim",
    "police",
    "vertrag",
    "contract",
    "certificate",
    "blue cross",
    "bcbs",
    "aetna",
    "cigna",
    "humana",
    "kaiser",
    "anthem",
    "unitedhealth",
    "allianz",
    r"\baxa",
    "zurich",
    "geico",
    "progressive",
    "state farm",
    "delta dental",
    "metlife",
    "prudential",
    "bupa",
    r"\baok",
    "barmer",
    r"\btkk?",
    "insurance",
    "member (?:id|no|num|number|#)",
    "group (?:no|number|id|#)",
    "card (?:id|no|number)",
    "claim (?:id|no|number|#)",
    "mitgliedsnummer",
    "numéro d'adhérent",
    "número de socio",
)
_FIRST = r"[^0-9\n]{0,16}(?:\n[ \t]{0,8})?[0-9]"
_MBI = r"\b[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y]{2}[0-9]{2}\b"

DETECTORS: tuple[Detector, ...] = (
    *beside("medical_record", _RECORD, _FIRST, _is_record),
    *beside("insurance_id", _INSURED, _FIRST, _is_insured),
    *beside("insurance_id", _MEMBER, _FIRST, _is_member),
    Detector("insurance_id", _MBI, None, caseless=False),
    Detector("national_id", r"\b\d{3}[ \-]\d{3}[ \-]\d{4}\b", _is_nhs),
    *beside("national_id", (r"\bnhs",), _FIRST, _is_nhs_named),
)

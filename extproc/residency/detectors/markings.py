"""Markings of confidentiality and of legal privilege, where they mark the text they stand in.

A marking is a heading, a banner, a label's value or a footer's sentence. The same words in a question, in a request to
translate or draft something, in quotation marks or in running prose about secrets mark nothing.
"""

# ruff: noqa: RUF001 - words of other languages, and their punctuation
from __future__ import annotations

import re

from extproc.residency.detector import Detector
from extproc.residency.detectors.cues import cue
from extproc.residency.hit import Hit

_ABOUT = cue(
    "translat\\w*", "what (?:is|are|does|do|would)", "what's", "mean(?:s|ing)?", "definition", "define\\w*", "explain\\w*", "templates?",
    "synonyms?", "spell\\w*", "the word", "the term", "the phrase", "phrase", "called", "how (?:do|should|can|would|to)", "difference",
    "differ", "example of", "should (?:i|we)", "when (?:do|should|is)", "why (?:is|do|are)", "draft (?:an?|me)", "write (?:an?|me|the)",
    "boilerplate", "watermark\\w*", "stamp(?:s|ed)?", "regex\\w*", "grep", "übersetz\\w*", "bedeutet", "was (?:ist|heißt|bedeutet)",
    "tradui\\w*", "que (?:signifie|veut)", "qu'est", "traduc\\w*",
    "qué (?:es|significa)", "cosa (?:significa|vuol)", "什么意思", "翻译", "翻訳",
    "意味", "is (?:it|this|that|my|the)", "are (?:these|they|my|our)", "if", "whether", "suppose", "font", "css", "class", "enum",
    "option(?:s|al)?", "levels?", "iso ?27001", "gdpr", "generate",
)  # fmt: skip
_LABEL = re.compile(
    r"(?:classif\w*|sensitiv\w*|label|marking|handling|distribution|security|protection|status|visibility|schutzklasse|"
    r"klassifi\w*|vertraulichkeit\w*|einstufung|clasific\w*|confidentialité|confidencialidad|niveau|nivel|"
    r"riservatezza|rubricering|poufność|密级|機密区分|区分|보안등급|гриф)[\w ]{0,16}[\"']?\s?[:=|\-–—]\s?[\"'*_\[]{0,3}[\w/ ]{0,24}\Z",
    re.IGNORECASE,
)
_CODE = cue(
    "functions?",
    "methods?",
    "class",
    "api",
    "module",
    "attributes?",
    "variables?",
    "parameters?",
    "helper",
    "flag",
    "field",
    "def",
    "endpoint",
    "package",
)
_SUBJECT = re.compile(
    r"\b(?:this|the|these|dies[es]{0,2}r?|ce(?:tte|t)?|est[ea]|quest[oa]|dit|deze|"
    r"niniejsz\w*)\s+(?:[\w\-]+\s+){0,2}?(?:documents?|e-?mails?|messages?|reports?|memo(?:randum)?|presentation|file|"
    r"attachments?|communication|transmission|deck|page|"
    r"materials?|information|draft|agreement|spreadsheet|letter|dokument|nachricht|unterlagen?|mitteilung|courriel|"
    r"mensaje|documento|correo|messaggio|bericht|wiadomość|slides?|specification|software|source code|contents?|note)\b",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"(?:do not|don't|not for|no|must not be|may not be|not to be|nicht|ne pas|no|non|niet|nie)\s+(?:to be |be |zur |für |"
    r"se |la |be )?(?:re)?(?:distribut\w*|shar\w*|forward\w*|cop(?:y|ied)|disclos\w*|circulat\w*|publi\w*|release\w*|"
    r"cit\w*|quot\w*|weiter\w*|verbreit\w*|"
    r"diffus\w*|distribu\w*|divulg\w*|condivid\w*|verspreid\w*|external\w*|leave)|(?:internal|authori[sz]ed|"
    r"intended) (?:use|recipients?|eyes|personnel|distribution)|need[- ]to[- ]know|eyes only|all rights reserved|"
    r"proprietary|privileged|trade secrets?",
    re.IGNORECASE,
)
_EDGE = re.compile(r"[\s#*_=>|\-–—~\[\](){}<>/\\:.,;!&+【】「」『』〔〕（）《》、。：\"'0-9©®™•·]+")
_MARKS = frozenset(
    """strictly highly company business commercial commercially in confidence confidential proprietary private internal use only
    not for external distribution do distribute share copy forward restricted secret top and & - property of privileged draft
    page document information no unauthorized disclosure sensitive data personal need to know basis eyes all rights reserved inc
    corp ltd gmbh llc ag sa streng vertraulich nur für den internen gebrauch dienstgebrauch intern geheim persönlich und
    strictement confidentiel usage interne ne pas diffuser diffusion restreinte et personnel estrictamente confidencial uso
    interno solo distribuir reservado y e strettamente riservato riservata confidenziale esclusivo strikt vertrouwelijk alleen
    voor gebruik en ściśle poufne tylko użytku wewnętrznego i strengt fortroligt kun til internt brug konfidentiellt endast för
    bruk luottamuksellinen důvěrné szigorúan bizalmas gizli конфиденциально строго секретно для служебного пользования board
    management legal finance hr eyes-only attorney-client attorney client communication work product""".split()  # noqa: SIM905 - a word a line would be a page
)


def _line(hit: Hit) -> tuple[str, str]:
    """What stands on the hit's line before and after it, a hundred bytes at most."""
    return hit.before(100).rsplit("\n", 1)[-1], hit.after(100).split("\n", 1)[0]


def _is_talked_about(hit: Hit) -> bool:
    before, after = _line(hit)
    if before[-1:] in {'"', "'", "“", "‘", "«", "„", "`", "「"} and after[:1] in {'"', "'", "”", "’", "»", "“", "`", "」"}:
        return _LABEL.search(before.rstrip("\"'")) is None
    return "?" in after[:80] or _ABOUT.search(before) or _ABOUT.search(after[:40])


def _is_banner(hit: Hit) -> bool:
    """Whether the line is nothing but a marking, perhaps beside the name it belongs to, or a marking in capitals leads or ends it."""
    before, after = _line(hit)
    words = [word for word in _EDGE.split(before + " " + after) if word]
    if hit.text.islower() and len(words) <= 1 and not re.search(r"[#*\[(]\s?\Z", before):
        return False  # a value in a list
    others = [word for word in words if word.lower() not in _MARKS]
    is_upper = hit.text.isupper()
    if not others or (len(others) <= 3 and all(word[:1].isupper() for word in others) and len(words) <= 12 and hit.text[:1].isupper()):
        return True
    if re.search(r"[(\[|–—-]\s?\Z", before) and re.match(r"\s?[:)\]]", after):
        return True  # "Audit report - restricted: ..."
    is_edge = not _EDGE.sub("", before) or not _EDGE.sub("", after) or re.search(r"[\[(|/*#–—-]\s?(?:\w+ ){0,2}\Z", before) is not None
    return is_upper and is_edge


def _is_marking(hit: Hit) -> bool:
    """A word such as "confidential": a label's value, a banner, or a sentence of a footer or a notice."""
    before, after = _line(hit)
    if _LABEL.search(before):
        return "?" not in after and not re.search(r"[|,(\[]\s*[\"']?\w+[\"']?\s*[,|]\s*[\"']?\Z", before)
    if _is_talked_about(hit):
        return False
    return _is_banner(hit) or _SUBJECT.search(hit.before(140)) is not None or _ORDER.search(before[-60:] + "\n" + after[:80]) is not None


def _is_eastern(hit: Hit) -> bool:
    """The same in scripts without capitals and often without spaces: it leads or ends its line, or stands in brackets."""
    before, after = _line(hit)
    if _is_talked_about(hit):
        return False
    return (
        not _EDGE.sub("", before)
        or not _EDGE.sub("", after)
        or after[:1] in {"】", "]", ":", "：", ")"}
        or _ORDER.search(after) is not None
    )


def _is_notice(hit: Hit) -> bool:
    """A phrase that hardly stands anywhere but on what it marks."""
    if "internal" in hit.text.lower() and (
        _CODE.search(hit.before(80)) or re.match(r"\s(?:as|by|when|inside|within|in|to)\b", hit.after(8))
    ):
        return False  # an interface's documentation
    return not _is_talked_about(hit)


def _is_capital_notice(hit: Hit) -> bool:
    return not _is_talked_about(hit) and (_is_banner(hit) or hit.text.isupper() or _SUBJECT.search(hit.before(120)) is not None)


def _words(*words: str) -> str:
    return "(?:" + "|".join(word.replace(" ", r"[\s\-_]{1,2}") for word in words) + ")"


_CONFIDENTIAL = _words(
    r"\bconfidential\b", r"\bvertraulich\b", r"\bconfidentiel(?:le)?\b", r"\bconfidencial\b", r"\bconfidenziale\b", r"\briservat[oa]\b",
    r"\bvertrouwelijk\b", r"\bpoufne\b", r"\bfortrolig[t]?\b", r"\bkonfidentiell[t]?\b", r"\bluottamuksellinen\b",
    r"\bd\xc5\xafv\xc4\x9brn\xc3\xa9\b", r"\bbizalmas\b", r"\bgizli\b", r"G\xc4\xb0ZL\xc4\xb0", r"\brestricted\b", r"\bproprietary\b",
)  # fmt: skip
_EASTERN = (
    "(?:社外秘|対外秘|请勿外传|不得外传|严禁外传|内部机密|公司机密|商业机密|仅供内部|極秘|部外秘|取扱注意|機密情報|関係者限り|内部资料|内部文件|机密|绝密|保密文件|商业秘密|대외비|기밀|극비|конфиденциально|"
    "коммерческая тайна|для служебного пользования|строго секретно|سري للغاية|סודי ביותר|गोपनीय)"
)
_STRONG = _words(
    r"strictly (?:private (?:and|&) )?confidential", r"streng vertraulich", r"strictement confidentiel", r"estrictamente confidencial",
    r"strettamente (?:riservat|confidenzial)[oaei]", r"strikt vertrouwelijk",
    r"(?:proprietary (?:and|&) confidential|confidential (?:and|&) proprietary)", r"company confidential", r"commercial in confidence",
    r"commercially sensitive", r"business confidential", r"(?:contains|containing|includes) (?:\w+ )?(?:confidential|proprietary)",
    r"(?:subject to|under|covered by|bound by) (?:an? |our |the |strict )?(?:nda|non disclosure)", r"unter nda",
    r"unauthori[sz]ed (?:use|disclosure|copying|distribution|reproduction)", r"nur f\xc3\xbcr den (?:internen )?(?:dienst)?gebrauch",
    r"nur zum internen gebrauch", r"vs nfd", r"official sensitive", r"internal[,.;:]? do not share", r"confidential[,.;:]? do not share",
    r"for internal (?:use|distribution|circulation)", r"internal use only", r"internal only", r"usage interne", r"uso interno",
    r"uso esclusivo interno", r"alleen voor intern gebruik", r"do u\xc5\xbcytku wewn\xc4\x99trznego",
    r"not for (?:public |external |onward |further )?(?:distribution|release|circulation|disclosure)",
    r"do not (?:distribute|circulate|redistribute|disclose|forward|share (?:externally|outside|this))",
    r"ne pas (?:diffuser|divulguer)", r"non divulgare", r"no divulgar",
    r"nicht (?:weitergeben|weiterleiten|verbreiten)", r"n\xc3\xa3o divulgar", r"niet verspreiden", r"nie udost\xc4\x99pnia\xc4\x87",
    r"diffusion restreinte", r"no distribuir", r"need to know basis", r"eyes only", r"embargoed until",
    r"keep (?:this|it) (?:strictly )?(?:between us|confidential|to yourself)", r"trade secrets? of",
    r"(?:is|are|remains?) (?:the )?(?:confidential|proprietary) (?:and|property|information|to)",
)  # fmt: skip
_SECRET = (
    r"\bTLP ?: ?(?:RED|AMBER)|\b(?:TOP SECRET|SECRET//|SECRET NOFORN|VS-VERTRAULICH|VS-NUR|COMPANY SECRET|INTERNAL USE|"
    r"BOARD ONLY|HIGHLY RESTRICTED|GEHEIM|SECRET D[EÉ]FENSE)".replace("É", "E")
)
_PRIVILEGED = _words(
    r"(?:attorney|solicitor|lawyer) client (?:privileged|confidential|communication)", r"attorney work product",
    r"(?:legally|client) privileged", r"privileged (?:and|&|/) confidential", r"confidential (?:and|&|/) privileged",
    r"privileged (?:attorney|legal|communication|material|document)",
    r"protected by (?:the )?(?:attorney client|legal(?: professional)?|solicitor client) privilege",
    r"subject to (?:the )?(?:attorney client|legal(?: professional)?|litigation) privilege",
    r"prepared (?:at the (?:direction|request) of|by|for) (?:legal )?counsel", r"prepared in anticipation of litigation",
    r"without prejudice", r"anwaltsgeheimnis", r"anwaltliche schweigepflicht", r"anwaltlich privilegiert", r"secret professionnel",
    r"secreto profesional", r"segreto professionale", r"beroepsgeheim", r"sigilo profissional", r"tajemnica adwokacka",
    r"mandantengeheimnis", r"work product (?:doctrine|privileged)", r"attorneys'? eyes only", r"seek(?:ing)? legal advice",
    r"anwaltlich (?:vertraulich|gesch\xc3\xbctzt)", r"correspondance (?:avocat|entre avocat)", r"avocat (?:et )?client",
    r"mandatsgeheimnis", r"(?:within|under|keep) (?:the |our )?(?:legal )?privilege", r"abogado (?:y )?cliente",
    r"avvocato (?:e )?cliente", r"advogado cliente", r"advocaat cli\xc3\xabnt", r"adwokat klient", r"in house counsel (?:advice|only)",
    r"legal advice (?:privileged|privilege)",
)  # fmt: skip
_PRIVILEGE = _words(
    r"(?:attorney|solicitor|lawyer) client privilege", r"legal professional privilege", r"work product", r"\bprivileged\b",
)  # fmt: skip

DETECTORS: tuple[Detector, ...] = (
    Detector("confidential", _CONFIDENTIAL, _is_marking),
    Detector("confidential", _EASTERN, _is_eastern),
    Detector("confidential", _STRONG, _is_notice),
    Detector("confidential", _SECRET, _is_notice, caseless=False),
    Detector("privileged", _PRIVILEGED, _is_notice),
    Detector("privileged", r"弁護士(?:・)?依頼者|律师(?:与)?客户(?:特权|保密)|адвокатская тайна", _is_notice),
    Detector("privileged", _PRIVILEGE, _is_capital_notice),
)

"""E-mail addresses (RFC 5321), written plainly or spelled out against harvesters.

Mailboxes of a role (support@, noreply@, RFC 2142's) are nobody's, and placeholders (user@example.com) nobody's either; any
other address at example.com is treated as a person's. An at sign is also a remote's (git@host:path), a shell prompt's, a
version's (package@1.2.3) and a matrix product's.
"""

from __future__ import annotations

import re

from extproc.residency.detector import Detector
from extproc.residency.hit import Hit

_LOCAL = re.compile(r"(?<![\w.%+'&=-])[\w.%+'&=-]++\Z")
_HOST = re.compile(r"(?:[^\W_](?:[^\W_]|-)*\.)+([^\W\d_]{2,24}|xn--[a-z0-9-]+)", re.IGNORECASE)
_ROLE = re.compile(
    r"(?:(?:no|do|don'?t|donot|nao|ne|nepas)[._-]?(?:not[._-]?)?(?:reply|respond|repondre|responda)|mailer-daemon|"
    r"postmaster|hostmaster|webmaster|"
    r"abuse|support|info|help|helpdesk|sales|security|contact|press|media|privacy|legal|marketing|billing|feedback|"
    r"notifications?|"
    r"newsletter|service|kontakt|office|careers|jobs|admin|procurement|purchasing|orders?|reservations?|bookings?|accounts?|accounting|finance|hr|"
    r"recruiting|recruitment|team|hello|hi|desk|dispatch|events?|tickets?|enquiries|inquiries|customer-?(?:care|service)|frontdesk|reception|"
    r"partners?|investors?|ir|pr|community|members?|subscriptions?|donations?|volunteers?|returns|shipping|logistics|ops|oncall|devops|"
    r"it|itsupport|data-?protection|dpo|gdpr|datenschutz|presse|buchhaltung|bewerbung|vertrieb|rechnung|vente|ventas|ventes|vendite|comercial|"
    r"administracion|amministrazione|secretariat|accueil|archive|library|shop|store|webshop|updates|digest|alerts?|monitoring|"
    r"root|git|hg|svn|npm|bot|.*\[bot\])(?:[+-].*)?",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"(?:your?(?:[._-]?(?:e?mail|name|user(?:name)?|address))?|user(?:name)?|e?mail|name|someone|somebody|foo|"
    r"local(?:[._-]?part)?|recipient|sender|first\.last|"
    r"firstname\.lastname|xxx*|test|a|x)",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"(?:.*\.)?(?:example|domain|yourdomain|your-?company|company|email|mail|host|test|bar|b|y)\.(?:com|org|net|test|"
    r"invalid|example)",
    re.IGNORECASE,
)
# Top-level domains that are also what follows a dot in code are left out; any two letters may be a country's.
_TOP = frozenset(
    """com org net edu gov mil int info biz name pro aero coop museum jobs mobi travel tel cat asia post xxx arpa test example
    invalid internal local corp lan intranet home io ai app dev cloud tech online site website store shop blog email mail agency
    company solutions systems services support software digital media news live world today life group team network global
    international center clinic health care hospital dental doctor legal law lawyer bank finance money capital fund insure
    insurance energy solar farm school academy university college institute foundation charity church art design studio photo
    photography games game fun club social chat zone space city london paris berlin hamburg koeln wien nyc tokyo amsterdam
    brussels barcelona madrid moscow istanbul sydney melbourne africa swiss bayern gmbh ltd llc inc srl bzh eus gal scot wales
    eco bio green vip top xyz icu one page link click army partners consulting ventures engineering construction realty estate
    homes house immo hotel restaurant cafe bar pub beer wine coffee pizza fashion style jewelry gold auto car cars bike taxi
    flights tours holiday cruises fitness yoga run ski golf football tennis dance band music movie film video tv radio""".split()  # noqa: SIM905 - a word a line would be a page
)
_PROMPT_AFTER = re.compile(r":[~/\w]\S*|\s?[~:][^\s]{0,40}[$#%>]|:\d")
_SHELL_BEFORE = re.compile(r"(?:ssh|scp|sftp|rsync|mosh|ssh-copy-id)(?:\s+-\S+(?:\s+[\w./~-]+)?){0,4}\s+\Z|://[^\s/]*\Z", re.IGNORECASE)
_FILE = re.compile(r"\.(?:py|js|ts|md|sh|rs|so|pl|ps|cc|hs|mk)\Z", re.IGNORECASE)
_SPELLED_LOCAL = re.compile(
    r"(?:[^\W_]|[_%+-])(?:(?:[^\W_]|[_.%+-])|\s?[\[({<]\s?(?:dot|punkt|point|punto)\s?[\])}>]\s?){0,60}\s?\Z", re.IGNORECASE
)
_SPELLED_HOST = re.compile(
    r"\s?[a-z0-9-]{1,40}(?:(?:\s?[\[({<]\s?(?:dot|d0t|punkt|point|punto|ponto|\.)\s?[\])}>]\s?|\s(?:dot|punkt|point|punto|"
    r"ponto)\s|\s?\.\s?)[a-z0-9-]{1,30}){0,3}"
    r"(?:\s?[\[({<]\s?(?:dot|d0t|punkt|point|punto|ponto|\.)\s?[\])}>]\s?|\s(?:dot|punkt|point|punto|ponto)\s|"
    r"\s?\.\s?)([a-z]{2,12})\b",
    re.IGNORECASE,
)
_LAST_WORD = re.compile(r"[a-z0-9_.+-]+(?:\sdot\s[a-z0-9_]+)*\s*\Z", re.IGNORECASE)
_COMMON = frozenset(
    ("com", "org", "net", "edu", "gov", "de", "fr", "es", "it", "nl", "uk", "pl", "br", "in", "jp", "cn", "io", "eu", "at", "ch", "se")
)
_NOT_HOSTS = frozenset(
    ("the", "a", "an", "our", "your", "my", "his", "her", "their", "this", "that", "some", "every", "each", "which", "polka")
)
_NOT_NAMES = frozenset(
    ("is", "are", "was", "us", "me", "them", "look", "looking", "available", "hosted", "found", "it", "page", "site", "docs")
)


def is_address(local: str, host: str) -> bool:
    """Whether `local`@`host` is somebody's address: its domain can exist, and it is no role's and no placeholder's."""
    found = _HOST.fullmatch(host)
    if found is None or not local.strip(".") or (found[1].lower() not in _TOP and not _is_country(found[1])) or _FILE.search(host):
        return False
    return _ROLE.fullmatch(local) is None and not (_PLACEHOLDER.fullmatch(local) and _PLACE.fullmatch(host))


def _is_country(label: str) -> bool:
    return len(label) == 2 or not label.isascii() or label.startswith("xn--")


def _is_email(hit: Hit) -> bool:
    before = hit.before(64) + hit.text.split("@")[0]
    local = _LOCAL.search(before)
    host = _HOST.match(hit.text.split("@")[1] + hit.after(80))
    if local is None or host is None:
        return False
    lead = before[: local.start()]
    rest = (hit.text.split("@")[1] + hit.after(120))[host.end() :]
    if _SHELL_BEFORE.search(lead[-40:]) or lead.endswith(("/", "@")) or (_PROMPT_AFTER.match(rest) and "mailto" not in lead):
        return False
    return is_address(local[0].lstrip(".'=-&%"), host[0])


def _is_bracketed(hit: Hit) -> bool:
    local, host = _SPELLED_LOCAL.search(hit.before(64)), _SPELLED_HOST.match(hit.after(80))
    return (
        local is not None and host is not None and (host[1].lower() in _TOP or len(host[1]) == 2) and not _ROLE.fullmatch(local[0].strip())
    )


def _is_spoken(hit: Hit) -> bool:
    """ "jim at example dot com": the word before "at" is a name, and the last one is a domain."""
    local = _LAST_WORD.search(hit.before(48))
    host = hit.text.split()[1].lower()
    return (
        local is not None
        and host not in _NOT_HOSTS
        and local[0].strip().lower() not in _NOT_NAMES
        and _ROLE.fullmatch(local[0].strip()) is None
    )


def _is_spaced(hit: Hit) -> bool:
    local, host = _LOCAL.search(hit.before(64).rstrip()), _HOST.match(hit.after(80).lstrip())
    return local is not None and host is not None and host[1].lower() in _COMMON and is_address(local[0].lstrip(".'=-&%"), host[0])


DETECTORS: tuple[Detector, ...] = (
    Detector("email", r"[^\x00-\x20<>(),:;@\x22\[\]\\/]@[^\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]", _is_email),
    Detector("email", r"[\[({<] ?(?:at|@|ät|arroba|chez|kukac|malpa|chiocciola) ?[\])}>]".replace("ät", r"\xc3\xa4t"), _is_bracketed),
    Detector("email", r" (?:at|arroba|arobase) [a-z0-9\-]{2,30}(?: (?:dot|punto|ponto|point|punkt) [a-z0-9\-]{2,20}){1,3}", _is_spoken),
    Detector("email", r"[a-z0-9_] {1,2}@ ?[a-z0-9]|[a-z0-9_]@ [a-z0-9]", _is_spaced),
)

"""Internal hosts: names under suffixes that no public resolver answers, and private addresses (RFC 1918) that name one.

A private address alone says little: every textbook and every home has 192.168.1.1. One counts where something connects to it,
logs it or configures it, and not in an exercise about subnets. Names that every installation of a product has
(host.docker.internal, kubernetes.default.svc.cluster.local) name nobody's host.
"""

from __future__ import annotations

import re

from extproc.residency.detector import Detector
from extproc.residency.detectors.cues import cue
from extproc.residency.hit import Hit

_NAME_BEFORE = re.compile(r"(?:[A-Za-z0-9_\-]{1,63}\.)*[A-Za-z0-9_\-]{1,63}\Z")
_EVERYBODYS = re.compile(
    r"(?:(?:host|gateway|kubernetes|vm|model-runner)\.docker\.internal|(?:metadata|instance-data)\.(?:google|ec2|"
    r"azure)\.internal|.*(?:^|\.)(?:my|your|some)[a-z0-9_-]*\."
    r".*(?:svc\.cluster\.local|local|internal)|kubernetes\.default\.svc(?:\.cluster\.local)?|"
    r"kube-dns\.kube-system\.svc\.cluster\.local|(?:.*\.)?(?:my|your)(?:-?\w+)?\.(?:local|internal|corp|lan)|"
    r"localhost\.localdomain|(?:com|org|net|jdk|sun|java|javax|io|dev|github|golang|google|android|androidx|kotlin|react|"
    r"self|this|threading|cls|app|np|tf|torch|pkg|lib|src|node|module|config|settings|env)\..*)",
    re.IGNORECASE,
)
_CODE_AFTER = re.compile(r"[(\[{]|\s?=(?!=)|\.[A-Za-z_]|_|-[a-z]|/[\w/]*\.(?:go|js|ts|py)\b", re.IGNORECASE)
_PLACE = re.compile(
    r"(?:https?|ssh|ftp|tcp|ldaps?|jdbc:\w+|postgres(?:ql)?|mysql|redis|amqp|mongodb|nats|kafka|grpc|smb|nfs|sftp|wss?|"
    r"s3)://[^\s]*\Z|[@\\]\Z|(?:host(?:name)?|server|url|endpoint|addr(?:ess)?|broker|proxy|dns|fqdn|node|from|to|on|ping|"
    r"ssh|at|connect(?:ing|ion)?)\W{1,4}\Z",
    re.IGNORECASE,
)
_HAS_MARK = re.compile(r"[0-9\-]")

_EXERCISE = cue(
    "subnet\\w*", "netmask", "mask", "cidr", "broadcast", "prefix(?: length)?", "class [abc]", "wildcard", "rfc ?1918",
    "private (?:ip|address|range)\\w*", "usable hosts?", "network id", "host part", "exercise", "homework", "calculate", "ccna",
    "ip range", "address range", "reserved", "vlsm", "supernet\\w*", "binary", "regex\\w*", "valid ip\\w*", "parse\\w*", "subnetz\\w*",
    "netzmaske", "sous-réseau\\w*", "masque", "subred\\w*", "máscara", "sottorete", "maschera", "sub-?rede\\w*", "maska", "podsieć",
    "子网\\w*", "サブネット", "for example", "e\\.g\\.?", "example", "such as", "like", "tutorial",
)  # fmt: skip
_IN_USE = cue(
    "host(?:s|name)?", "ansible_host", "server", "srv", "ssh", "scp", "rdp", "vpn", "ip", "addr(?:ess)?", "db", "database", "node",
    "cluster", "worker", "master", "gateway", "gw", "proxy", "endpoint", "client", "upstream", "backend", "connect(?:ion|ing|ed|s)?",
    "refused", "timed? ?out", "timeout", "ping", "reach(?:able|ed)?", "unreachable", "login", "log", "error", "failed", "failover",
    "firewall", "bind", "listen(?:ing|s)?", "nameserver", "dns", "router", "switch", "vlan", "prod(?:uction)?", "staging", "jenkins",
    "gitlab", "grafana", "kafka", "redis", "postgres(?:ql)?", "mysql", "mongo(?:db)?", "elastic(?:search)?", "ldap", "printer", "nas",
    "nfs", "smb", "src", "dst", "source", "destination", "remote", "peer", "inet", "from", "accepted", "sshd", "deploy(?:ed|ment)?",
    "machine", "vm", "box", "nmap", "scan report", "our", "jump ?host", "bastion", "primary", "replica", "instance", "target", "scrape",
    "broker", "internal", "servidor", "serveur", "rechner", "接続", "服务器", "サーバー?", "сервер",
)  # fmt: skip
_DEFAULTS = frozenset(
    (
        "192.168.0.1",
        "192.168.1.1",
        "192.168.1.254",
        "192.168.0.254",
        "192.168.2.1",
        "192.168.178.1",
        "10.0.0.1",
        "10.1.1.1",
        "10.0.0.138",
        "192.168.99.100",
        "192.168.49.2",
        "192.168.64.1",
        "192.168.56.1",
    )
)
_LINE_OF_HOSTS = re.compile(r"[ \t]+[A-Za-z][\w.\-]*(?:[ \t]|$)", re.MULTILINE)
_PORT = re.compile(r":\d{2,5}\b(?!\.)")


def _name(hit: Hit) -> tuple[str, str]:
    """The whole name whose suffix was hit, and what stands before it."""
    lead = hit.before(120)
    found = _NAME_BEFORE.search(lead)
    return (found[0] if found else "") + hit.text, lead[: found.start()] if found else lead


def _is_internal_name(hit: Hit) -> bool:
    name, lead = _name(hit)
    labels = name.strip(".").split(".")
    if len(labels) < 2 or _EVERYBODYS.fullmatch(name) or not labels[0] or lead.endswith((".", "/.", "-", "_", "$", "{")):
        return False
    after = hit.after(20)
    if after.startswith(" import"):
        return False
    if re.match(r"[\w-]|\.[A-Za-z0-9_]", after) or name.startswith("_") or "_." in name or "._" in name:
        return False
    is_placed = _PLACE.search(lead) is not None or re.match(r":\d{2,5}\b", after) is not None
    if _CODE_AFTER.match(after) and not is_placed:
        return False
    if len(labels) == 2 and labels[-1] in {"lan", "local"}:
        return True  # told by its first label
    return is_placed or (len(labels) >= 3 and name == name.lower()) or _HAS_MARK.search(".".join(labels[:-1])) is not None


def _is_single_label_suffix(hit: Hit) -> bool:
    """`.local` and `.lan` need a further label or a place: printer.local is everybody's, and code has threading.local."""
    name, lead = _name(hit)
    labels = name.lower().split(".")
    is_told = (
        len(labels) >= 3
        or (labels[0] not in _FILES and _HAS_MARK.search(labels[0]) is not None and not lead.endswith("."))
        or (labels[0] in _MACHINES and _IN_USE.search(hit.after(60)))
        or (labels[-1] == "lan" and labels[0] not in _FILES and not lead.endswith("."))
        or _PLACE.search(lead) is not None
        or (labels[-1] in {"lan", "dmz"} and _HAS_MARK.search(labels[0]) is not None)
    )
    return is_told and _is_internal_name(hit)


_MACHINES = frozenset(
    ("nas", "router", "fileserver", "server", "dc", "gw", "gateway", "proxy", "wiki", "intranet", "mail", "jira", "gitlab", "jenkins", "pi")
)
_FILES = frozenset(
    ("config", "settings", "env", "docker-compose", "compose", "values", "overrides", "threading", "local", "wlan", "vlan", "application")
)


def _is_internal_zone(hit: Hit) -> bool:
    """A public domain with a label for the inside: db01.corp.example.com."""
    name, lead = _name(hit)
    host = re.match(r"[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){0,3}", hit.after(80))
    whole = name + (host[0] if host else "")
    labels = whole.lower().split(".")
    if len(labels) < 4 or not labels[-1].isalpha() or _EVERYBODYS.fullmatch(whole) or whole != whole.lower() or lead.endswith(("$", "{")):
        return False
    return labels[-1] in _TOP or len(labels[-1]) == 2


_TOP = frozenset(
    (
        "com",
        "net",
        "org",
        "io",
        "dev",
        "cloud",
        "local",
        "internal",
        "example",
        "test",
        "edu",
        "gov",
        "ai",
        "app",
        "tech",
        "info",
        "biz",
        "bank",
        "lan",
    )
)


def _is_share(hit: Hit) -> bool:
    r"""A path of Windows networks, `\\\\host\\share`: the host's name has a dot, a digit or a hyphen, unlike most escapes."""
    name = hit.text.strip("\\").split("\\")[0]
    if re.match(r"u[0-9a-f]{4}|x[0-9a-f]{2}", name, re.IGNORECASE):
        return False  # an escape
    return (
        re.search(r"[.\d-]", name) is not None
        and re.search(r"[A-Za-z]{2}", name) is not None
        and re.search(r"[\w:\\\]]\Z", hit.before(1)) is None
    )


def _is_internal_address(hit: Hit) -> bool:
    octets = [int(octet) for octet in hit.text.split(".")]
    before, after = hit.before(90), hit.after(60)
    if (
        max(octets) > 255
        or octets[3] in {0, 255}
        or re.match(r"\.?\d|/(?!32\b)\d|[\w]", after)
        or re.search(r"[\w.\-]\Z|v ?\Z|version\W*\Z", before, re.IGNORECASE)
    ):
        return False
    is_tutorials = octets[:3] == [172, 17, 0] or hit.text in _DEFAULTS
    if before.endswith(("inet ", "inet addr:", "via ", "gateway ")):
        return not is_tutorials
    if is_tutorials or _EXERCISE.search(before) or _EXERCISE.search(after):
        return False
    line = before.rsplit("\n", 1)[-1]
    if _PORT.match(after) or line.endswith(("//", "@", "=", '="', "['")) or (not line.strip() and _LINE_OF_HOSTS.match(after)):
        return True
    return _IN_USE.search(before) or _IN_USE.search(after)


def _is_unique_local(hit: Hit) -> bool:
    """An address of RFC 4193 that is whole, where something uses it."""
    address = re.match(r"[0-9a-f:]{8,39}(?![\w:])", hit.text + hit.after(40), re.IGNORECASE)
    return address is not None and ("::" in address[0] or address[0].count(":") == 7) and not _EXERCISE.search(hit.before(90))


_PRIVATE = r"\b(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d{1,3}\.\d{1,3}\b"

DETECTORS: tuple[Detector, ...] = (
    Detector(
        "internal_host",
        r"[a-z0-9]\.(?:internal|corp|intranet|intern|priv|localdomain|svc\.cluster\.local|svc|intra|consul|home\.arpa)\b",
        _is_internal_name,
    ),
    Detector("internal_host", r"[a-z0-9]\.(?:local|lan|private|int|prod|stg|dmz)\b", _is_single_label_suffix),
    Detector("internal_host", r"[a-z0-9]\.(?:internal|corp|intranet|intra|intern|int|lan|prv|priv|private|dmz)\.[a-z]", _is_internal_zone),
    Detector("internal_host", r"\\{2,4}[a-z0-9][a-z0-9.\-]{2,40}\\{1,2}[a-z0-9$]", _is_share),
    Detector("internal_ip", _PRIVATE, _is_internal_address),
    Detector("internal_ip", r"\b(?:10|192\[\.\]168|172\[\.\](?:1[6-9]|2\d|3[01]))(?:\[\.\]\d{1,3}){2,3}\b", None),
    Detector("internal_ip", r"\bf[cd][0-9a-f]{2}:[0-9a-f]{1,4}:[0-9a-f:]{4}", _is_unique_local),
)

"""What an operator names: hosts and networks of their own, patterns, dictionaries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from extproc.config.kinds import CUSTOM
from extproc.residency.detector import Detector
from extproc.residency.hit import Hit
from extproc.residency.policy import ScanPolicy

_IPV4 = r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b"
_IPV6 = r"\b[0-9a-f]{1,4}:[0-9a-f:]{2,34}"
_WORD_EDGES = re.compile(r"\w")


def detectors(policy: ScanPolicy) -> tuple[Detector, ...]:
    """The detectors `policy` asks for. Patterns are taken as they are; ValueError for a network that is none."""
    return (
        *(Detector("internal_host", _host_pattern(glob), _is_whole_host) for glob in policy.internal_hosts),
        *_networks([ip_network(network, strict=False) for network in policy.internal_networks]),
        *(Detector(CUSTOM + name, pattern) for name, pattern in policy.patterns),
        *(Detector(CUSTOM + name, _literal(word), _is_whole_word) for name, words in policy.dictionaries for word in _words(words)),
    )


def _words(words: Iterable[str]) -> list[str]:
    return [word.strip() for word in words if word.strip()]


def _literal(word: str) -> str:
    """A pattern for `word` as it stands, but for how much space is between its parts."""
    return r"\s{1,8}".join(re.escape(part) for part in word.split())


def _is_whole_word(hit: Hit) -> bool:
    text = hit.text
    is_open = not _WORD_EDGES.match(hit.before(4)[-1:]) or not _WORD_EDGES.match(text[:1])
    return is_open and (not _WORD_EDGES.match(hit.after(4)[:1]) or not _WORD_EDGES.match(text[-1:]))


def _host_pattern(glob: str) -> str:
    # A star is any run of what names of hosts are made of. Written at the front it also means none of it: the domain itself.
    glob = glob.strip().lower().rstrip(".").removeprefix("*.")
    return r"[a-z0-9._-]{0,63}".join(re.escape(part) for part in glob.split("*"))


def _is_whole_host(hit: Hit) -> bool:
    before, after = hit.before(1), hit.after(2)
    return not (before.isalnum() or before in ("-", "_")) and not re.match(r"[a-z0-9_-]|\.[a-z0-9]", after, re.IGNORECASE)


def _networks(networks: list[IPv4Network | IPv6Network]) -> list[Detector]:
    if not networks:
        return []
    is_inside = _inside(networks)
    return [Detector("internal_ip", _IPV4, is_inside), Detector("internal_ip", _IPV6, is_inside)]


def _inside(networks: list[IPv4Network | IPv6Network]) -> Callable[[Hit], bool]:
    def check(hit: Hit) -> bool:
        try:
            address = ip_address(hit.text)
        except ValueError:
            return False
        return any(address in network for network in networks)

    return check

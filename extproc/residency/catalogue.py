"""All detectors of a policy, in one list: the families', and those the operator names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from extproc.residency.detector import Detector
from extproc.residency.detectors import bank, cards, configured, contact, credentials, health_ids, hosts, markings, national_ids
from extproc.residency.policy import ScanPolicy

_FAMILIES = (credentials, cards, bank, national_ids, contact, health_ids, hosts, markings)

_BUILT_IN = frozenset(detector for family in _FAMILIES for detector in family.DETECTORS)
_CONFIGURED = 2
_WORD = re.compile(r"(?:\\b|\^|\||\(\?:|\[\^A-Za-z0-9\]|\))*(?:[A-Za-z]{3}|\\x|[^\x00-\x7f])")  # how a pattern of words begins


def detectors_of(policy: ScanPolicy) -> tuple[Detector, ...]:
    """Every detector whose kind `policy` does not ignore, the families' first. ValueError for a network that is none."""
    built_in = (detector for family in _FAMILIES for detector in family.DETECTORS)
    return tuple(detector for detector in (*built_in, *configured.detectors(policy)) if detector.kind not in policy.ignored_kinds)


def groups_of(detectors: Sequence[Detector]) -> list[int]:
    """A number for each of `detectors`: those of one number are compiled together.

    What an operator names is apart, so that the others stay compiled when it changes. So are words: the automaton of all takes half
    as long again to compile, and no less time to search.
    """
    return [_CONFIGURED if detector not in _BUILT_IN else int(_WORD.match(detector.pattern) is not None) for detector in detectors]

"""All detectors of a policy, in one list: the families', and those the operator names."""

from __future__ import annotations

from extproc.residency.detector import Detector
from extproc.residency.detectors import bank, cards, configured, contact, credentials, health_ids, hosts, markings, national_ids
from extproc.residency.policy import ScanPolicy

_FAMILIES = (credentials, cards, bank, national_ids, contact, health_ids, hosts, markings)


def detectors_of(policy: ScanPolicy) -> tuple[Detector, ...]:
    """Every detector whose kind `policy` does not ignore. ValueError for a network that is none."""
    built_in = (detector for family in _FAMILIES for detector in family.DETECTORS)
    return tuple(detector for detector in (*built_in, *configured.detectors(policy)) if detector.kind not in policy.ignored_kinds)

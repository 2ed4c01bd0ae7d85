"""All detectors of a policy, in one list: the families', and those the operator names."""

from __future__ import annotations

from importlib import import_module

from extproc.residency.detector import Detector
from extproc.residency.detectors import configured
from extproc.residency.policy import ScanPolicy

FAMILIES = ("credentials", "cards", "bank", "national_ids", "contact", "health_ids", "hosts", "markings")


def detectors_of(policy: ScanPolicy) -> tuple[Detector, ...]:
    """Every detector whose kind `policy` does not ignore. ValueError for a network that is none."""
    built_in = (detector for family in FAMILIES for detector in _family(family))
    return tuple(detector for detector in (*built_in, *configured.detectors(policy)) if detector.kind not in policy.ignored_kinds)


def _family(name: str) -> tuple[Detector, ...]:
    try:
        detectors: tuple[Detector, ...] = import_module(f"extproc.residency.detectors.{name}").DETECTORS
    except ModuleNotFoundError:
        return ()
    return detectors

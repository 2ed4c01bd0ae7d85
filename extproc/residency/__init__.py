"""What must not leave the premises: reading all text of a request, and finding in it what is sensitive.

What lives here: the reading of a body into text, its normal form, the detectors of each family, and the one pass that runs
them. The answer says kinds and counts, never text. What is done about a finding does not belong here: no tiers, no routes,
no audit, no clock but the one handed in.
"""

from extproc.residency.inspection import Inspection
from extproc.residency.policy import Allowed, ScanPolicy, scan_policy, waived
from extproc.residency.ruling import CLEAN, Found, Occasion, Ruling, found_in, rule
from extproc.residency.scanner import Scanner

__all__ = [
    "CLEAN",
    "Allowed",
    "Found",
    "Inspection",
    "Occasion",
    "Ruling",
    "ScanPolicy",
    "Scanner",
    "found_in",
    "rule",
    "scan_policy",
    "waived",
]

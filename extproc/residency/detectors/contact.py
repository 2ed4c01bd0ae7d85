"""How a person is reached, and when and where they were born and live: e-mail, telephone, date of birth, postal address."""

from __future__ import annotations

from extproc.residency.detectors import addresses, births, emails, phones

DETECTORS = (*emails.DETECTORS, *phones.DETECTORS, *births.DETECTORS, *addresses.DETECTORS)

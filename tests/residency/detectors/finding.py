"""One family's detectors run on a text, as the scanner runs all of them."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from extproc.residency import normalise
from extproc.residency.detector import Detector
from extproc.residency.engine import Engine, Pattern
from extproc.residency.hit import Hit


@cache
def _family(name: str) -> tuple[tuple[Detector, ...], Engine]:
    detectors = import_module(f"extproc.residency.detectors.{name}").DETECTORS
    return detectors, Engine([Pattern(detector.pattern, detector.caseless) for detector in detectors])


def kinds_in(text: str, *families: str) -> set[str]:
    """The kinds that the families find in `text`."""
    data = normalise.joined([text])
    kinds = set()
    for family in families:
        detectors, engine = _family(family)
        for index, start, end in engine.find(data).candidates:
            check = detectors[index].check
            if check is None or check(Hit(data, start, end)):
                kinds.add(detectors[index].kind)
    return kinds

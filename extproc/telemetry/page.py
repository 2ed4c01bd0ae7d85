"""One Prometheus page of many: each worker counts for itself, and a scrape must see their sum."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

_Labels = tuple[tuple[str, str], ...]


def merge(pages: Iterable[str], *, has_gauges: bool = True) -> str:
    """The pages as one: samples of the same name and labels are added up, gauges too; creation times are left out.

    A counter must not fall when a worker ends, so the last page of an ended worker belongs among `pages` for good; the
    merged pages of all ended ones do as well, without gauges: how things stand is nothing that the dead can say. Raises
    ValueError for text that is not a page.
    """
    families: dict[str, Metric] = {}
    sums: dict[str, dict[tuple[str, _Labels], float]] = {}
    for page in pages:
        for family in text_string_to_metric_families(page):
            if family.name.endswith("_created") or (family.type == "gauge" and not has_gauges):
                continue
            families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            values = sums.setdefault(family.name, {})
            for sample in family.samples:
                key = (sample.name, tuple(sample.labels.items()))
                values[key] = values.get(key, 0.0) + sample.value
    return generate_latest(_Sums(families, sums)).decode()


class _Sums(Collector):
    def __init__(self, families: dict[str, Metric], sums: dict[str, dict[tuple[str, _Labels], float]]) -> None:
        self._families = families
        self._sums = sums

    def collect(self) -> Iterable[Metric]:
        for name, family in self._families.items():
            for (sample, labels), value in self._sums[name].items():
                family.add_sample(sample, dict(labels), value)
            yield family

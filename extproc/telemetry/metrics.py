"""Counts and distributions of one process, kept in a Prometheus registry of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from extproc.telemetry import genai
from extproc.telemetry import instrument as i
from extproc.usage import Record

_OTHER = "other"

Child = TypeVar("Child", Counter, Histogram)


class _Series(Generic[Child]):
    """A metric's children by label values, bound once each. Past `limit` of them, new ones share a child labelled "other"."""

    def __init__(self, parent: Child, label_count: int, limit: int) -> None:
        self._parent: Child = parent
        self._other = (_OTHER,) * label_count
        self._limit = limit
        self._children: dict[tuple[str, ...], Child] = {}

    def at(self, *values: str) -> Child:
        child = self._children.get(values)
        return child if child is not None else self._bind(values)

    def _bind(self, values: tuple[str, ...]) -> Child:
        if len(self._children) >= self._limit and values != self._other:
            return self.at(*self._other)
        child: Child = self._parent.labels(*values) if values else self._parent
        self._children[values] = child
        return child


class Metrics:
    """The registry and what writes to it. `limit` bounds the label sets of each metric. For one thread; read from any."""

    def __init__(self, *, limit: int = 500) -> None:
        self.registry = CollectorRegistry()
        self._limit = limit
        self._token_usage = self._histogram(i.TOKEN_USAGE)
        self._duration = self._histogram(i.DURATION)
        self._first_token = self._histogram(i.FIRST_TOKEN)
        self._requests = self._counter(i.REQUESTS)
        self._decision = self._histogram(i.DECISION)
        self._score = self._histogram(i.SCORE)
        self._tokens = self._counter(i.TOKENS)
        self._cost = self._counter(i.COST)
        self._asked_cost = self._counter(i.ASKED_COST)
        self._saved = self._counter(i.SAVED)
        self._extra = self._counter(i.EXTRA)
        self._failovers = self._counter(i.FAILOVERS)
        self._estimated = self._counter(i.ESTIMATED)
        self._unmanaged = self._counter(i.UNMANAGED)
        self._refusals = self._counter(i.REFUSALS)
        self._limited = self._counter(i.LIMITED)
        self._thresholds = self._counter(i.THRESHOLDS)
        self._residency = self._counter(i.RESIDENCY)
        self._kinds = self._counter(i.SENSITIVE_KINDS)

    def observe(self, record: Record) -> None:
        """Counts one finished request."""
        self._requests.at(record.api, record.tier, record.last_backend, record.outcome).inc()
        if record.api:
            self._observe_genai(record)
        if record.decided_at:
            self._observe_decision(record)
        if record.cost_micro_usd or record.asked_cost_micro_usd:
            self._observe_money(record)
        if record.is_estimated:
            self._estimated.at(record.api, record.estimate_reason).inc()
        if record.outcome == "refused":
            self._refusals.at(record.refusal or str(record.status)).inc()
        if record.limit or record.shadow_limits:
            self._observe_limits(record)
        if record.residency:
            self._observe_residency(record)
        if record.outcome == "unmanaged":
            self._unmanaged.at(record.api).inc()

    def count_threshold(self, limit: str, percent: int) -> None:
        """Counts a threshold that was reached."""
        self._thresholds.at(limit, str(percent)).inc()

    def count_from(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Adds a counter to the page (`name` with `_total`) whose value is read when the page is."""
        self.registry.register(_Pulled(lambda: CounterMetricFamily(name, text, value=read())))

    def gauge_from(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Adds a gauge to the page whose value is read when the page is."""
        self.registry.register(_Pulled(lambda: GaugeMetricFamily(name, text, value=read())))

    def labelled_gauge_from(self, name: str, text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Adds a gauge to the page with a value for each `label` there is when the page is read."""

        def family() -> GaugeMetricFamily:
            made = GaugeMetricFamily(name, text, labels=(label,))
            for value, number in read().items():
                made.add_metric((value,), number)
            return made

        self.registry.register(_Pulled(family))

    def families(self) -> Iterator[Metric]:
        """Everything counted so far, without the creation times that Prometheus clients add."""
        for family in self.registry.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family

    def page(self) -> bytes:
        """The Prometheus page of this process."""
        return generate_latest(_Families(self.families()))

    def _observe_genai(self, record: Record) -> None:
        names = (genai.operation(record.api), genai.provider(record.api), record.model)
        error = genai.error_type(record.outcome, record.status, "")
        self._duration.at(*names, error).observe(record.duration_s)
        if record.is_stream and record.time_to_first_byte_s is not None and not error:
            self._first_token.at(*names).observe(record.time_to_first_byte_s)
        if record.prompt_tokens or record.completion_tokens:
            self._token_usage.at(*names, "input").observe(record.prompt_tokens)
            self._token_usage.at(*names, "output").observe(record.completion_tokens)
            self._count_tokens(record)

    def _count_tokens(self, record: Record) -> None:
        backend = record.last_backend
        self._tokens.at(backend, "prompt").inc(record.prompt_tokens)
        self._tokens.at(backend, "completion").inc(record.completion_tokens)
        if record.cached_tokens:
            self._tokens.at(backend, "cached").inc(record.cached_tokens)
        if record.cache_write_tokens:
            self._tokens.at(backend, "cache_write").inc(record.cache_write_tokens)
        if record.reasoning_tokens:
            self._tokens.at(backend, "reasoning").inc(record.reasoning_tokens)

    def _observe_decision(self, record: Record) -> None:
        self._decision.at(record.api).observe(record.decision_us / 1e6)
        if record.score is not None:
            self._score.at().observe(record.score)
        for failed, following in pairwise(record.attempts):
            self._failovers.at(failed, following).inc()

    def _observe_money(self, record: Record) -> None:
        labels = (record.tier, record.last_backend)
        self._cost.at(*labels).inc(record.cost_micro_usd)
        self._asked_cost.at(*labels).inc(record.asked_cost_micro_usd)
        saved = record.saved_micro_usd
        if saved >= 0:
            self._saved.at(*labels).inc(saved)
        else:
            self._extra.at(*labels).inc(-saved)

    def _observe_limits(self, record: Record) -> None:
        if record.limit:
            self._limited.at(record.limit, "refused" if record.outcome == "refused" else "downgraded").inc()
        for shadow in record.shadow_limits:
            limit, _, effect = shadow.partition(":")
            self._limited.at(limit, "would_downgrade" if effect else "would_refuse").inc()

    def _observe_residency(self, record: Record) -> None:
        self._residency.at(record.residency).inc()
        for found in record.kinds:
            self._kinds.at(found.rpartition(":")[0]).inc()

    def _counter(self, row: i.Instrument) -> _Series[Counter]:
        return _Series(Counter(row.page, row.help, row.labels, registry=self.registry), len(row.labels), self._limit)

    def _histogram(self, row: i.Instrument) -> _Series[Histogram]:
        parent = Histogram(row.page, row.help, row.labels, buckets=row.bounds, registry=self.registry)
        return _Series(parent, len(row.labels), self._limit)


class _Pulled(Collector):
    def __init__(self, read: Callable[[], Metric]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        return (self._read(),)


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families

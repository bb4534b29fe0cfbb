"""Sums the metrics of several processes, in Prometheus's text format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.samples import Sample

# Of these the sum is the least value: the relay is live if it is live in every process.
_MINIMUM_OF = frozenset({"comanda_relay_live"})
_CREATED = "_created"  # when a counter began


def sum_expositions(expositions: Sequence[bytes]) -> bytes:
    """Return the sum of each sample over all processes; of gauges that are no amounts, the least value."""
    families = _Families()
    for exposition in expositions:
        for family in text_string_to_metric_families(exposition.decode()):
            families.add(family)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(families)
    return generate_latest(registry)


class _Families(Collector):
    """Metric families by name, each sample with the sum so far."""

    def __init__(self) -> None:
        self._families: dict[str, Metric] = {}
        self._indexes: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}

    def add(self, family: Metric) -> None:
        """Add one process's samples to the sums."""
        known = self._families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            index = self._indexes.setdefault(key, len(known.samples))
            if index == len(known.samples):
                known.samples.append(sample)
            else:
                known.samples[index] = _combine(known.samples[index], sample)

    def collect(self) -> Iterator[Metric]:
        """Return the families with their sums."""
        return iter(self._families.values())


def _combine(one: Sample, other: Sample) -> Sample:
    """Return the sum of two samples, or the smaller one where a sum means nothing."""
    is_minimum = one.name in _MINIMUM_OF or one.name.endswith(_CREATED)
    return one._replace(value=min(one.value, other.value) if is_minimum else one.value + other.value)

"""Sums the metrics of several processes; reads and writes Prometheus's text format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.samples import Sample

# These are true of all processes if they are true of each; a sum would mean nothing.
_LEAST = frozenset({"comanda_relay_live"})
_SINCE = "_created"  # when a counter began


def summed(expositions: Sequence[bytes]) -> bytes:
    """Return the sum of each sample over all processes; for samples that are no amounts, the least value."""
    families = _Families()
    for exposition in expositions:
        for family in text_string_to_metric_families(exposition.decode()):
            families.add(family)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(families)
    return generate_latest(registry)


class _Families(Collector):
    """Families of samples by name, and the place of each sample in its family."""

    def __init__(self) -> None:
        self._families: dict[str, Metric] = {}
        self._places: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}

    def add(self, family: Metric) -> None:
        known = self._families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            place = self._places.setdefault(key, len(known.samples))
            if place == len(known.samples):
                known.samples.append(sample)
            else:
                known.samples[place] = _together(known.samples[place], sample)

    def collect(self) -> Iterator[Metric]:
        return iter(self._families.values())


def _together(one: Sample, other: Sample) -> Sample:
    least = one.name in _LEAST or one.name.endswith(_SINCE)
    return one._replace(value=min(one.value, other.value) if least else one.value + other.value)

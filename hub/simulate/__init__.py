"""Customers, a kitchen and couriers who act by themselves, through the public API like anyone else."""

from hub.simulate.client import Refused, Unreachable
from hub.simulate.figures import Latency, Report
from hub.simulate.run import demo, simulate

__all__ = ["Latency", "Refused", "Report", "Unreachable", "demo", "simulate"]

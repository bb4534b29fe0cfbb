"""Customers, a kitchen and couriers who act by themselves, through the public API like anyone else."""

from comanda import Refused, Unreachable
from hub.simulate.measurements import Latency, Report
from hub.simulate.simulation import demo, simulate

__all__ = ["Latency", "Refused", "Report", "Unreachable", "demo", "simulate"]

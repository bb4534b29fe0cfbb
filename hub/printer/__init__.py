"""Tickets on paper: a client of the hub that reads the kitchen's room and prints its orders."""

from comanda import Refused, Unreachable
from hub.printer.print_spool import SpoolUnusable
from hub.printer.printer_status import Interrupted, NotReady
from hub.printer.printing import print_kitchen, reprint

FAILURES = (Interrupted, NotReady, Refused, SpoolUnusable, Unreachable)  # with a message for an operator

__all__ = ["FAILURES", "print_kitchen", "reprint"]

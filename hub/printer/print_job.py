"""What is to be printed: one slip about one order."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime

from hub.printer.paper_order import Paper, PaperOrder


class SlipKind(StrEnum):
    """The kind of a slip."""

    TICKET = "ticket"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    RESTORED = "restored"  # no longer cancelled
    REPRINT = "reprint"
    LABEL = "label"  # for the bag


class PrintJob(Paper):
    """One slip that waits for the printer.

    Attributes:
        id: The same for the same slip, whenever it is asked for: it is printed once.
        at: The time of the event that it is about.
        reason: Of a cancellation.
        is_doubtful: It may be on paper already, wholly or in part.
    """

    id: str
    kind: SlipKind
    order: PaperOrder
    at: AwareDatetime
    reason: str = ""
    is_doubtful: bool = False


def job_id(kind: SlipKind, order_id: str, version: int = 0) -> str:
    """Return the id of a slip. An order has one ticket and one label, and a slip for each change."""
    return f"{order_id}:{kind}" if kind in (SlipKind.TICKET, SlipKind.LABEL) else f"{order_id}:{kind}:{version}"


def job_of(kind: SlipKind, order: PaperOrder, at: AwareDatetime, *, version: int = 0, reason: str = "") -> PrintJob:
    """Return a slip about an order."""
    return PrintJob(id=job_id(kind, order.id, version or order.version), kind=kind, order=order, at=at, reason=reason)

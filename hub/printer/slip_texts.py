"""The words on slips, in both languages."""

from __future__ import annotations

from hub.domain.texts import Text
from hub.printer.print_job import SlipKind

HEADINGS = {
    SlipKind.CHANGED: Text("CAMBIO", "CHANGED"),
    SlipKind.CANCELLED: Text("CANCELADO", "CANCELLED"),
    SlipKind.RESTORED: Text("YA NO ESTÁ CANCELADO", "NO LONGER CANCELLED"),
    SlipKind.REPRINT: Text("REIMPRESIÓN", "REPRINT"),
}
POSSIBLE_COPY = Text("POSIBLE COPIA", "POSSIBLE COPY")
LATE = Text("TARDE: es de las {time}", "LATE: it is of {time}")
DELIVERY = Text("A DOMICILIO", "DELIVERY")
PICKUP = Text("PARA RECOGER", "PICKUP")
ALLERGIES = Text("ALERGIAS", "ALLERGIES")
NOTE = Text("Nota", "Note")
REASON = Text("Motivo", "Reason")
ADDRESS = Text("Entregar en", "Deliver to")
TOTAL = Text("TOTAL", "TOTAL")
PLACED = Text("Pedido", "Placed")

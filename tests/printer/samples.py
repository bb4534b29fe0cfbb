"""Orders for paper."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hub.printer.paper_order import PaperOrder
from hub.printer.slips import Look

AT = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)
LOOK = Look("es", ZoneInfo("America/Mexico_City"))


def document(**changes: Any) -> dict[str, Any]:
    """An order document, with what newer hubs put into it."""
    order: dict[str, Any] = {
        "id": "PED7K3Q9X",
        "code": "3Q9X",
        "status": "received",
        "version": 1,
        "items": [
            {
                "item": 1,
                "sku": "taco-pastor",
                "name": "Taco al pastor",
                "qty": 3,
                "unit_price": 2200,
                "options": ["con piña", {"name": "tortilla de maíz"}],
                "notes": "sin cebolla, bien doradito 🔥",
                "done": False,
            },
            {
                "item": 2,
                "sku": "agua",
                "name": "Agua de jamaica de la casa, con hielo y limón recién exprimido",
                "qty": 12,
                "unit_price": 3500,
                "notes": "",
                "done": False,
            },
        ],
        "total": 48600,
        "currency": "MXN",
        "customer": {"name": "Ángela Núñez Peña"},
        "delivery": {"kind": "delivery", "address": "Av. Insurgentes Sur 1234, int. 5, Roma Norte; timbre azul"},
        "allergies": ["cacahuate", "nuez"],
        "note": "Tocar fuerte: ¿está bien? €5 de propina",
        "courier": None,
        "eta": None,
        "acknowledged": False,
        "placed_at": "2026-11-20T21:30:00.000Z",
        "updated_at": "2026-11-20T21:30:00.000Z",
        "status_since": "2026-11-20T21:30:00.000Z",
    }
    return {**order, **changes}


def an_order(**changes: Any) -> PaperOrder:
    return PaperOrder.of(document(**changes))

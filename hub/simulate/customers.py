"""Customers who know what they want, in the words of the neighbourhood."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

from comanda import Comanda, Refused
from hub.domain.lifecycle import DeliveryKind

# The taquería's corner, in the centre of Mexico City.
BRANCH = (19.4326, -99.1332)

MENU_S = 30.0

FIRST_NAMES = (
    "Ana", "Beto", "Carmen", "Chucho", "Citlali", "Diego", "Elena", "Emilia", "Fernanda", "Gael", "Inés",
    "Iván", "Jimena", "José Luis", "Lupita", "Mateo", "Memo", "Nayeli", "Paco", "Pilar", "Quetzal", "Renata",
    "Rocío", "Santiago", "Toño", "Valeria", "Xóchitl", "Yolanda", "Zoé", "Ángel",
)  # fmt: skip
LAST_NAMES = (
    "Aguilar", "Bárcenas", "Castañeda", "Domínguez", "Espinosa", "Flores", "García", "Hernández", "Ibáñez",
    "Juárez", "López", "Muñoz", "Núñez", "Ocampo", "Peña", "Quiroz", "Ramírez", "Sánchez", "Téllez", "Zúñiga",
)  # fmt: skip
NOTES = (
    "sin cebolla", "con todo", "salsa verde aparte, por favor", "bien doradito 🔥", "sin cilantro",
    "con piña extra", "tortilla de maíz", "mucho limón 🍋", "poco picante, es para un niño", "para compartir",
)  # fmt: skip
STREETS = (
    "Regina", "República de Uruguay", "Mesones", "Isabel la Católica", "Bolívar", "Donceles", "Tacuba",
    "Madero", "San Jerónimo", "Mina", "Dolores", "Ayuntamiento",
)  # fmt: skip
DOORS = ("", ", 2.º piso", ", int. 4", ", timbre azul", ", junto a la papelería")


class Customers:
    """All customers of a branch; each order comes from another one."""

    def __init__(self, hub: Comanda, chance: random.Random) -> None:
        self._hub = hub
        self._chance = chance
        self._dishes: list[str] = []
        self._read_at = 0.0

    async def order(self) -> dict[str, Any]:
        """Read the menu, choose, and order; who finds too little left of a dish settles for one of another.

        Raises:
            Refused: The hub would not take the order.
            Unreachable: It gave no answer in time.
        """
        for attempt in range(4):
            if not (dishes := await self._menu()):
                break
            try:
                placed = await self._hub.post("/api/orders", self._choose(dishes, modest=attempt > 0))
            except Refused as refused:
                if refused.code != "out_of_stock":
                    raise
                self._dishes = []
            else:
                order: dict[str, Any] = placed["order"]
                return order
        raise Refused("out_of_stock", "nothing on the menu is left")

    async def _menu(self) -> list[str]:
        """Return the skus of the available dishes, read at most half a minute ago."""
        now = time.monotonic()
        if not self._dishes or now - self._read_at > MENU_S:
            menu = await self._hub.get("/api/menu")
            self._dishes = [item["sku"] for item in menu["items"] if item["available"]]
            self._read_at = now
        return self._dishes

    def _choose(self, dishes: Sequence[str], *, modest: bool) -> Mapping[str, Any]:
        wanted = 1 if modest else self._chance.choice((1, 1, 2, 2, 2, 3, 3, 4))
        chosen = self._chance.sample(dishes, k=min(len(dishes), wanted))
        contact = {"name": f"{self._chance.choice(FIRST_NAMES)} {self._chance.choice(LAST_NAMES)}"}
        if self._chance.random() < 0.6:
            contact["phone"] = f"+52 55 0000 {self._chance.randrange(10_000):04d}"
        lines = [self._line(sku, modest=modest) for sku in chosen]
        return {"customer": contact, "items": lines, "delivery": self._delivery()}

    def _line(self, sku: str, *, modest: bool) -> dict[str, Any]:
        line: dict[str, Any] = {"sku": sku, "qty": 1 if modest else self._chance.choice((1, 1, 2, 2, 3, 4))}
        if self._chance.random() < 0.3:
            line["notes"] = self._chance.choice(NOTES)
        return line

    def _delivery(self) -> dict[str, Any]:
        if self._chance.random() < 0.35:
            return {"kind": str(DeliveryKind.PICKUP)}
        street = f"{self._chance.choice(STREETS)} {self._chance.randint(1, 140)}"
        return {
            "kind": str(DeliveryKind.DELIVERY),
            "address": f"{street}{self._chance.choice(DOORS)}, Centro",
            # Up to about 1.5 km away.
            "lat": round(BRANCH[0] + self._chance.uniform(-0.013, 0.013), 6),
            "lon": round(BRANCH[1] + self._chance.uniform(-0.013, 0.013), 6),
        }

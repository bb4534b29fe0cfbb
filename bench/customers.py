"""Orders as customers send them, and a menu that does not run out."""

from __future__ import annotations

import json
import random
import re
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.machine import ROOT

_MENU = ROOT / "hub" / "data" / "menu.toml"
_PLENTY = 100_000
_BOUNDS = (
    "COMANDA_LIMIT_ORDERS_MINUTE",
    "COMANDA_LIMIT_ORDERS_HOUR",
    "COMANDA_LIMIT_ORDER_BYTES_HOUR",
    "COMANDA_LIMIT_ORDER_PORTIONS_HOUR",
    "COMANDA_LIMIT_OPEN_ORDERS_ADDRESS",
    "COMANDA_LIMIT_OPEN_ORDERS_PHONE",
    "COMANDA_LIMIT_ACCEPT_PORTIONS_HOUR",
    "COMANDA_LIMIT_ACCEPT_TOTAL_HOUR",
)
_NAMES = ("Ana", "José Luis", "María Fernanda", "Íñigo", "Lupita", "Señora Ruiz", "Beto", "Chuy")
_NOTES = ("", "", "", "sin cebolla", "bien doradito 🌮", "con todo, por favor")


@contextmanager
def plenty() -> Iterator[dict[str, str]]:
    """Return settings of a hub that accepts every order: the largest stock of each dish, and no bounds.

    All customers here come from one address.
    """
    text = _MENU.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        menu = Path(folder) / "menu.toml"
        menu.write_text(re.sub(r"(?m)^stock = \d+", f"stock = {_PLENTY}", text), encoding="utf-8")
        yield {"COMANDA_MENU": str(menu), **dict.fromkeys(_BOUNDS, "0")}


def orders(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Orders of one to four lines, two in three to be delivered; the same ones every time."""
    drawn = random.Random(seed)
    skus = [item["sku"] for item in tomllib.loads(_MENU.read_text(encoding="utf-8"))["item"]]
    return [_order(drawn, skus) for _ in range(count)]


def encoded(order: dict[str, Any]) -> bytes:
    return json.dumps(order, ensure_ascii=False, separators=(",", ":")).encode()


def _order(drawn: random.Random, skus: list[str]) -> dict[str, Any]:
    lines = [
        {"sku": sku, "qty": drawn.randint(1, 4), "notes": drawn.choice(_NOTES)}
        for sku in drawn.sample(skus, drawn.randint(1, 4))
    ]
    delivery: dict[str, Any] = {"kind": "pickup"}
    if drawn.random() < 2 / 3:
        delivery = {"kind": "delivery", "address": f"Calle Orizaba {drawn.randint(1, 300)}, Roma Norte"}
    customer = {
        "name": drawn.choice(_NAMES),
        "phone": f"+52 55 {drawn.randint(1000, 9999)} {drawn.randint(1000, 9999)}",
    }
    return {"customer": customer, "items": lines, "delivery": delivery}

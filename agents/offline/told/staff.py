"""What the tools say of the kitchen, the day, and who is told of what, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents.offline.phrases import listed, pick
from hub.domain.lifecycle import OPEN, RULES
from hub.domain.notification_preferences import NOTIFICATION_TEXTS

if TYPE_CHECKING:
    from hub.domain.texts import Lang

Result = dict[str, Any]

_STATES = {status: RULES[status].label for status in OPEN}


def load(result: Result, lang: Lang) -> str:
    if not result["orders_active"]:
        return pick(("No hay pedidos activos.", "There are no active orders."), lang)
    states = listed([f"{n} {pick(_STATES[s], lang)}" for s, n in result["by_status"].items() if s in _STATES], lang)
    cook = listed([f"{one['qty']} × {one['name']}" for one in result["to_cook"]], lang)
    text = pick((f"{result['orders_active']} pedidos activos: ", f"{result['orders_active']} active orders: "), lang)
    text += f"{states}. "
    if cook:
        text += pick((f"Por cocinar: {cook}. ", f"To cook: {cook}. "), lang)
    oldest = result["oldest_waits_minutes"]
    return text + pick((f"El más viejo espera {oldest} min.", f"The oldest waits {oldest} min."), lang)


def late(result: Result, lang: Lang) -> str:
    if not result["late"]:
        return pick(("Nada va tarde.", "Nothing is late."), lang)
    orders = [
        f"{one['code']} (+{one['late_minutes']} min, {pick(_STATES.get(one['status'], ('', '')), lang)})"
        for one in result["orders"]
    ]
    return pick((f"Van tarde {result['late']}: ", f"{result['late']} are late: "), lang) + f"{listed(orders, lang)}."


def figures(result: Result, lang: Lang) -> str:
    today, sales, gone = result["orders_today"], result["sales_today"], result["cancelled_today"]
    text = pick(
        (
            f"Hoy: {today} pedidos, {sales} de ventas, {gone} cancelados, {result['orders_active']} activos.",
            f"Today: {today} orders, {sales} in sales, {gone} cancelled, {result['orders_active']} active.",
        ),
        lang,
    )
    minutes = result["avg_cooking_minutes"]
    if minutes is not None:
        text += pick((f" Cocinar toma unos {minutes} min.", f" Cooking takes about {minutes} min."), lang)
    return text


def counted(result: Result, lang: Lang) -> str:
    name, left = result["name"], result["left"]
    if not left:
        return pick((f"{name}: agotado. Ya lo ven todos.", f"{name}: sold out. Everybody sees it now."), lang)
    return pick((f"{name}: quedan {left}.", f"{name}: {left} left."), lang)


def published(result: Result, lang: Lang) -> str:
    title = result["title"]
    return pick((f"Publicada: «{title}». Ya la ven todos.", f"Published: “{title}”. Everybody sees it now."), lang)


def sent(result: Result, lang: Lang) -> str:
    code, message = result["code"], result["message"]
    return pick((f"Avisado en el pedido {code}: «{message}».", f"Told order {code}: “{message}”."), lang)


def notified(result: Result, lang: Lang) -> str:
    """What somebody is told of at present."""
    chosen = [NOTIFICATION_TEXTS[one] for one in NOTIFICATION_TEXTS if one in result["types"]]
    events = listed([pick(text, lang) for text in chosen], lang)
    if not events or not result["channels"]:
        return pick(("No te aviso de nada.", "I tell you of nothing."), lang)
    text = pick((f"Te aviso {events}.", f"I tell you {events}."), lang)
    if hours := result.get("quiet_hours"):
        text += pick(
            (
                f" Sin ruido de {hours['start']} a {hours['end']}.",
                f" No noise from {hours['start']} to {hours['end']}.",
            ),
            lang,
        )
    return text


def saved(result: Result, lang: Lang) -> str:
    return pick(("Guardado. ", "Saved. "), lang) + notified(result, lang)

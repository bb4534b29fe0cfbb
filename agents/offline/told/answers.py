"""What the offline model says: from tool results only, and a few plain sentences about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents.offline.intent_types import (
    ALLERGENS,
    ASKS_AGAIN,
    ASKS_HOW_MANY,
    ASKS_MENU,
    ASKS_PERSON,
    ASKS_REST,
    CANCEL,
    CHANGE,
    CONFIRM,
    HISTORY,
    MENU,
    NOTICE,
    NOTIFIED,
    NOTIFY,
    PLACE,
    PROMO,
    PROMOTIONS,
    SOLD_OUT,
    START,
    TRACK,
    WATCH,
    Intent,
)
from agents.offline.ordering.sums import summed
from agents.offline.phrases import (
    BROKEN,
    FAILED,
    PAST_BOUND,
    SAID,
    UNKNOWN,
    WHY_HOW_MANY,
    listed,
    not_known,
    not_understood,
    pick,
)
from agents.offline.told import menu as told_menu
from agents.offline.told import orders as told_orders
from agents.offline.told import staff as told_staff
from agents.offline.told.simple_questions import SIMPLE_QUESTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.domain.menu import Menu
    from hub.domain.texts import Lang

Result = dict[str, Any]


def said(intent: Intent, menu: Menu, lang: Lang) -> str:
    """What needs no tool."""
    if intent.say == "not_on_menu":
        return _not_on_menu(intent, menu, lang)
    if intent.say == "sum":
        return summed(intent, menu, lang)
    if intent.say == "diet":
        return told_menu.no_diet(intent.about[0], lang)
    if intent.say in UNKNOWN:
        return not_known(intent.say, lang)
    if intent.say == "placed_total":
        total = intent.about[0]
        return pick((f"Tu último pedido aquí suma {total}.", f"Your last order here comes to {total}."), lang)
    if intent.say in ("how_many", "how_many_each"):
        return _how_many(intent, menu, lang)
    return pick(SAID[intent.say], lang).format(restaurant=menu.name)


def answer(results: list[tuple[str, Result]], lang: Lang, intent: Intent) -> str:
    """What the tools have found, in words."""
    parts = []
    kitchen = any(tool == ALLERGENS and "error" not in result for tool, result in results)
    for tool, result in results:
        if "error" in result:
            parts.append(_failed(result, lang))
        elif tool == MENU:
            parts.append(told_menu.menu(result, lang, intent.about))
        elif tool == CONFIRM:
            parts.append(_DONE[result["confirmed"]](result, lang))
        else:
            parts.append(_ANSWERS[tool](result, lang))
    if kitchen:
        parts = ["\n".join([*parts, pick(told_menu.ONE_KITCHEN, lang)])]
    if intent.also in UNKNOWN:
        proposed = bool(results) and "person_reads" in results[-1][1]  # what asks for a yes comes last
        parts.insert(len(parts) - proposed, not_known(intent.also, lang, offer=False))
    elif intent.also:
        told = pick(SAID[intent.also], lang)
        for offer in (*ASKS_PERSON, *ASKS_MENU):  # one question at a time
            told = told.replace(offer, "")
        parts.insert(0, told.strip())
    if intent.missed:
        parts.insert(0, not_understood(intent.missed, lang))
    return "\n\n".join(parts)


def _not_on_menu(intent: Intent, menu: Menu, lang: Lang) -> str:
    """What is asked for and not to be had, each by its name; and what of the rest is."""
    count = next((at for at, name in enumerate(intent.about) if name in menu.by_sku), len(intent.about))
    marks = pick(("«{}»", "“{}”"), lang)
    unknown = listed([marks.format(name) for name in intent.about[:count]], lang)
    skus = intent.about[count:]
    text = pick((f"No tenemos {unknown} en el menú.", f"We do not have {unknown} on our menu."), lang)
    if not skus:
        return f"{text} {pick(ASKS_MENU, lang)}"
    names = listed([pick((menu.by_sku[sku].name, menu.by_sku[sku].name_en), lang) for sku in skus], lang)
    return f"{text} " + pick((f"Sí hay: {names}. {ASKS_REST[0]}", f"We do have: {names}. {ASKS_REST[1]}"), lang)


def _how_many(intent: Intent, menu: Menu, lang: Lang) -> str:
    """The number of one dish, or of each of those that share one."""
    if intent.say == "how_many":
        item = menu.by_sku[intent.about[0]]
        asks = pick((f"{ASKS_HOW_MANY[0]} «{item.name}»?", f"{ASKS_HOW_MANY[1]} “{item.name_en}”?"), lang)
        why = WHY_HOW_MANY.get(intent.about[1])
        return f"{pick(why, lang)} {asks}" if why else asks
    many, *skus = intent.about
    marks = pick(("«{}»", "“{}”"), lang)
    names = listed([marks.format(pick((menu.by_sku[sku].name, menu.by_sku[sku].name_en), lang)) for sku in skus], lang)
    return pick(
        (
            f"Son {many} entre {names}. {ASKS_HOW_MANY[0]} cada uno?",
            f"{ASKS_HOW_MANY[1]} {many} are of which: {names}?",
        ),
        lang,
    )


def _failed(result: Result, lang: Lang) -> str:
    if result["error"] == "which_order":
        return told_orders.which(result, lang)
    if code := (result.get("code") if result["error"] == "no_orders" else None):
        return pick((f"No encuentro el pedido {code} entre los tuyos.", f"I find no order {code} among yours."), lang)
    if result["error"] == "out_of_stock" and result.get("items"):
        short = listed(
            [
                pick((f"{item['name']} (quedan {item['left']})", f"{item['name']} ({item['left']} left)"), lang)
                for item in result["items"]
            ],
            lang,
        )
        return pick(
            (
                f"No alcanza: {short}. No pedí nada todavía; {ASKS_AGAIN[0]}.",
                f"There is not enough: {short}. Nothing has been ordered yet; {ASKS_AGAIN[1]}.",
            ),
            lang,
        )
    if bound := PAST_BOUND.get(result.get("limit", "")):
        return pick(bound, lang).format(most=result.get("most"))
    return pick(FAILED.get(result["error"], BROKEN), lang)


_ANSWERS: dict[str, Callable[[Result, Lang], str]] = {
    PLACE: told_orders.proposed,
    TRACK: told_orders.tracked,
    START: told_orders.started,
    WATCH: told_orders.watched,
    HISTORY: told_orders.history,
    ALLERGENS: told_menu.allergens,
    PROMOTIONS: told_menu.promotions,
    NOTIFIED: told_staff.notified,
    CANCEL: told_orders.proposed,
    CHANGE: told_orders.proposed,
    NOTIFY: told_orders.proposed,
    NOTICE: told_orders.proposed,
    SOLD_OUT: told_orders.proposed,
    PROMO: told_orders.proposed,
    **{question.tool: question.told for question in SIMPLE_QUESTIONS},
}
_DONE: dict[str, Callable[[Result, Lang], str]] = {
    PLACE: told_orders.placed,
    CHANGE: told_orders.placed,
    CANCEL: told_orders.cancelled,
    NOTIFY: told_staff.saved,
    NOTICE: told_staff.sent,
    SOLD_OUT: told_staff.counted,
    PROMO: told_staff.published,
}

"""The types that the offline rules read and decide, and the sentences that mark its own questions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PLACE, CONFIRM, CHANGE, CANCEL = "place_order", "confirm", "change_order", "cancel_order"
TRACK, START, WATCH, HISTORY = "track_order", "start_tracking", "watch_order", "order_history"
MENU, ALLERGENS, PROMOTIONS = "show_menu", "check_allergens", "show_promotions"
NOTIFIED, NOTIFY, NOTICE, PERSON = "show_notifications", "set_notifications", "send_notice", "ask_person"
LOAD, LATE, SOLD_OUT, FIGURES, PROMO = (
    "kitchen_load",
    "late_orders",
    "mark_sold_out",
    "day_figures",
    "publish_promotion",
)
STAFFS = frozenset({LOAD, LATE, SOLD_OUT, FIGURES, PROMO})


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the conversation, as the rules see it."""

    by_customer: bool
    text: str


@dataclass(frozen=True, slots=True)
class Intent:
    """A tool to call, or (without one) a thing to say: a name in `phrases`.

    `about` says what the answer is to be about: for a menu, its first word names the way it is told.
    """

    tool: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    say: str = ""
    about: tuple[str, ...] = ()
    then: tuple[dict[str, Any], ...] = ()  # the same tool once more, with these
    missed: tuple[str, ...] = ()  # what of an order was not understood
    also: str = ""  # a second thing that was asked, said besides what the tool answers


# How the offline model asks for what an order lacks; read back to know that it has asked.
ASKS_NAME = ("¿A nombre de quién?", "What name is it for?")
ASKS_DELIVERY = ("¿Pasas por él o te lo llevamos?", "Will you pick it up, or shall we deliver it?")
ASKS_ADDRESS = ("¿A qué dirección lo llevamos?", "What address should we bring it to?")
ASKS_REST = ("¿Pido lo demás?", "Shall I order the rest?")
ASKS_WHICH = ("¿De cuáles te anoto?", "Which ones would you like?")
ASKS_AGAIN = ("dime qué cambiamos", "tell me what to change")
SUMMARY = ("Tu pedido sería:", "Your order would be:")
ASKS_HOW_MANY = ("¿Cuántos de", "How many of the")
ASKS_TAKE = ("¿Te lo anoto?", "Shall I note it down?")
ASKS_MENU = ("¿Te enseño el menú?", "Shall I show you the menu?")
ASKS_HOURS = ("¿De qué hora a qué hora?", "From when until when?")
ASKS_PERSON = ("¿Te paso con una persona?", "Shall I hand you over to a person?")
# How a yes is asked for that is still wanting.
SAYS_YES = ("dime «sí» y lo mando", "say “yes” and the kitchen", "o «sí» para mandarlo", "or “yes” to send it")
IN_KITCHEN = ("ya está en la cocina", "is with the kitchen")
AWAITS_ACCEPTANCE = ("ya llegó a la taquería", "has reached the taquería")
PLACED = (*IN_KITCHEN, *AWAITS_ACCEPTANCE)

# What keeps an order in the making open.
ASKS = (
    *ASKS_NAME,
    *ASKS_DELIVERY,
    *ASKS_ADDRESS,
    *ASKS_REST,
    *ASKS_WHICH,
    *ASKS_AGAIN,
    *ASKS_HOW_MANY,
    *ASKS_TAKE,
    *SUMMARY,
)


def asked(text: str, questions: tuple[str, ...]) -> bool:
    return any(question in text for question in questions)

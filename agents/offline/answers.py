"""What the offline model says: from tool results only, and a few plain sentences about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents.offline.intents import (
    ASKS_ADDRESS,
    ASKS_DELIVERY,
    ASKS_NAME,
    ASKS_REST,
    ASKS_WHICH,
    MENU,
    PLACE,
    PROMO,
    TRACK,
    Intent,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from agents.language import Lang
    from hub.domain.menu import Menu

Result = dict[str, Any]

_STATUS = {
    "received": ("lo recibimos y espera a la cocina", "we have it; it is waiting for the kitchen"),
    "preparing": ("se está preparando", "it is being prepared"),
    "ready": ("está listo", "it is ready"),
    "en_route": ("va en camino", "it is on its way"),
    "delivered": ("ya se entregó", "it was delivered"),
    "cancelled": ("se canceló", "it was cancelled"),
}
_NEXT = {
    "preparing": ("lo que sigue es prepararlo", "next we prepare it"),
    "ready": ("lo que sigue es que esté listo", "next it will be ready"),
    "en_route": ("lo que sigue es que salga con el repartidor", "next the courier takes it"),
    "delivered": ("lo que sigue es que lo tengas", "next it is yours"),
}
_SAID = {
    "greeting": (
        "¡Hola! Soy el asistente de {restaurant}. ¿Qué te preparamos? También te digo qué hay en el menú o por dónde "
        "va tu pedido.",
        "Hello! I am the assistant of {restaurant}. What can we make you? I can also tell you what is on the menu, or "
        "where your order is.",
    ),
    "who": (
        "Soy el asistente sin conexión de {restaurant}: un programa con reglas, no un modelo de lenguaje ni una "
        "persona. Tomo pedidos, digo por dónde van y explico el menú.",
        "I am the offline assistant of {restaurant}: a program with rules, not a language model and not a person. "
        "I take orders, say where they are, and explain the menu.",
    ),
    "help": (
        "Puedo tomar tu pedido («quiero 3 tacos al pastor para llevar, soy Ana»), decirte por dónde va («¿dónde está "
        "mi pedido?») y qué hay en el menú («¿cuánto cuesta la gringa?»).",
        "I can take your order (“3 al pastor tacos to go, I'm Ana”), say where it is (“where is my order?”), "
        "and what is on the menu (“how much is the gringa?”).",
    ),
    "welcome": ("¡Con gusto! ¡Buen provecho!", "You're welcome! Enjoy your meal!"),
    "bye": ("¡Hasta luego! Aquí estamos cuando se te antoje.", "Goodbye! We are here whenever you are hungry."),
    "person": (
        "Yo no puedo pasarte con una persona desde aquí, pero el personal ve este chat y puede contestarte en él. "
        "Mientras, puedo tomar tu pedido o decirte por dónde va.",
        "I cannot connect you to a person from here, but the staff see this chat and can answer in it. Meanwhile I can "
        "take your order, or say where it is.",
    ),
    "no_changes": (
        "Eso no lo puedo hacer yo: no puedo cancelar ni cambiar un pedido. Dilo aquí o en el mostrador y una "
        "persona te ayuda.",
        "That is something I cannot do: I cannot cancel or change an order. Ask at the counter and a person will help.",
    ),
    "outside": (
        "Eso no lo sé: solo tomo pedidos, digo por dónde van y explico el menú. Una persona en el mostrador te lo "
        "puede decir.",
        "That I do not know: I only take orders, say where they are, and explain the menu. A person at the counter can "
        "tell you.",
    ),
    "promos": (
        "Las promociones del día aparecen en la página en cuanto se publican.",
        "Today's promotions appear on the page as soon as they are published.",
    ),
    "what_promotion": (
        "¿Qué debe decir la promoción? Por ejemplo: publica una promoción: 2×1 en gringas hasta las 8.",
        "What should the promotion say? For example: publish a promotion: two gringas for one until 8.",
    ),
    "not_allowed": (
        "Eso no lo puedo hacer por ti: las promociones las publica el personal.",
        "That I cannot do for you: promotions are published by the staff.",
    ),
    "order_what": (
        "¿Qué te anoto? Dime el platillo y cuántos, por ejemplo: 3 tacos al pastor y una horchata.",
        "What would you like? Tell me the dish and how many, for example: 3 al pastor tacos and a horchata.",
    ),
    "left_it": ("De acuerdo, no pedí nada. Aquí sigo por si se te antoja algo.", "All right, nothing was ordered."),
    "lost": (
        "Perdona, no te entendí: soy un asistente sencillo. Puedo tomar tu pedido, decirte por dónde va, o qué hay en "
        "el menú.",
        "Sorry, I did not understand: I am a simple assistant. I can take your order, say where it is, or tell "
        "you what is on the menu.",
    ),
}
_FAILED = {
    "unavailable": (
        "El sistema no me contestó y no sé si quedó hecho. Pregúntame por tu pedido en un momento.",
        "The system did not answer, and I do not know whether it was done. Ask me about your order in a moment.",
    ),
    "forbidden": ("Eso no lo puedo hacer por ti.", "That I cannot do for you."),
    "bad_arguments": (
        "No pude anotarlo así: de cada platillo se piden de 1 a 50. ¿Cómo lo dejamos?",
        "I could not take it like that: between 1 and 50 of a dish. How shall we do it?",
    ),
    "rate_limited": ("Son muchas cosas a la vez; inténtalo en un momento.", "That is a lot at once; try in a moment."),
}
_BROKEN = ("Algo falló de nuestro lado y no pude hacerlo.", "Something went wrong on our side, and I could not do it.")


def said(intent: Intent, menu: Menu, lang: Lang) -> str:
    """What needs no tool."""
    if intent.say == "not_on_menu":
        return _not_on_menu(intent, menu, lang)
    return _pick(_SAID[intent.say], lang).format(restaurant=menu.name)


def answer(results: list[tuple[str, Result]], question: str, lang: Lang, *, which: bool = False) -> str:
    """What the tools have found, in words; `which`: the menu was looked at to ask for a choice."""
    parts = []
    for tool, result in results:
        if "error" in result:
            parts.append(_failed(result, lang))
        elif tool == MENU:
            parts.append(_menu(result, question, lang, which=which))
        else:
            parts.append(_ANSWERS[tool](result, lang))
    return "\n\n".join(parts)


def _not_on_menu(intent: Intent, menu: Menu, lang: Lang) -> str:
    unknown, *skus = intent.about
    if not skus:
        return _pick(
            (
                f"No tenemos «{unknown}» en el menú. Pregúntame qué hay, y te lo digo.",
                f"“{unknown}” is not on our menu. Ask me what there is, and I will tell you.",
            ),
            lang,
        )
    names = _listed([_pick((menu.by_sku[sku].name, menu.by_sku[sku].name_en), lang) for sku in skus], lang)
    return _pick(
        (
            f"No tenemos «{unknown}» en el menú. Sí hay: {names}. {ASKS_REST[0]}",
            f"“{unknown}” is not on our menu. We do have: {names}. {ASKS_REST[1]}",
        ),
        lang,
    )


def _placed(result: Result, lang: Lang) -> str:
    items = _items(result["items"], lang)
    if "missing" in result:
        questions = {"customer_name": ASKS_NAME, "delivery": ASKS_DELIVERY, "address": ASKS_ADDRESS}
        asked = " ".join(_pick(questions[name], lang) for name in result["missing"])
        return _pick((f"Anotado: {items}. {asked}", f"Noted: {items}. {asked}"), lang)
    minutes = result["eta_minutes"]
    bring = result["delivery"] == "delivery"
    if lang == "es":
        text = f"¡Listo, {result['customer_name']}! Tu pedido {result['code']} ya está en la cocina: {items}. "
        text += f"Total: {result['total']}. "
        if minutes:
            text += f"{'Te llega' if bring else 'Estará listo'} en unos {_range(minutes)} minutos. "
        return text + f"Síguelo aquí: {result['tracking_url']}"
    text = f"Done, {result['customer_name']}! Your order {result['code']} is with the kitchen: {items}. "
    text += f"Total: {result['total']}. "
    if minutes:
        text += f"{'It arrives' if bring else 'It will be ready'} in about {_range(minutes)} minutes. "
    return text + f"Follow it here: {result['tracking_url']}"


def _tracked(result: Result, lang: Lang) -> str:
    if not result["orders"]:
        if code := result.get("code"):
            return _pick(
                (f"No encuentro el pedido {code} entre los tuyos.", f"I find no order {code} among yours."), lang
            )
        return _pick(
            (
                "No encuentro ningún pedido tuyo en esta conversación. Si pediste por otro lado, abre tu enlace de "
                "seguimiento; si quieres pedir, dime qué te anoto.",
                "I find no order of yours in this conversation. If you ordered elsewhere, open your tracking link; if "
                "you want to order, tell me what.",
            ),
            lang,
        )
    return "\n".join(_order(order, lang) for order in result["orders"])


def _order(order: Result, lang: Lang) -> str:
    status, following, minutes = order["status"], order["next_step"], order["eta_minutes"]
    items = _items(order["items"], lang)
    text = _pick((f"Tu pedido {order['code']} ({items}): ", f"Your order {order['code']} ({items}): "), lang)
    text += _pick(_STATUS[status], lang)
    if courier := order.get("courier"):
        text += _pick((f" con {courier}", f" with {courier}"), lang)
    if status == "ready" and order["delivery"] == "pickup":
        return text + _pick((": ya puedes pasar por él.", ": you can come for it."), lang)
    if following:
        text += f"; {_pick(_NEXT[following], lang)}"
    text += "."
    if following and minutes:
        late = _pick((" Ya casi.", " Any moment now."), lang)
        about = _pick((f" Faltan unos {_range(minutes)} minutos.", f" About {_range(minutes)} minutes to go."), lang)
        text += late if minutes[1] == 0 else about
    return text


def _menu(result: Result, question: str, lang: Lang, *, which: bool) -> str:
    items = result["items"]
    if not items:
        return _pick(
            (f"No encontré «{result['search']}» en el menú.", f"I did not find “{result['search']}” on the menu."), lang
        )
    if len(items) == 1:
        return _dish(items[0], question, lang)
    groups: dict[str, list[str]] = {}
    for item in items:
        sold_out = "" if item["available"] else _pick((" (agotado)", " (sold out)"), lang)
        groups.setdefault(item["category"], []).append(f"{item['name']} {item['price']}{sold_out}")
    lines = [f"{category}: {', '.join(dishes)}." for category, dishes in groups.items()]
    if "search" not in result:
        lines.insert(
            0, _pick((f"Esto hay en {result['restaurant']}:", f"This is what {result['restaurant']} has:"), lang)
        )
    if which:
        lines.append(_pick(ASKS_WHICH, lang))
    return "\n".join(lines)


def _dish(item: Result, question: str, lang: Lang) -> str:
    text = f"{item['name']}: {item['price']}. {item.get('description', '')}".strip()
    if item.get("allergens"):
        names = ", ".join(item["allergens"])
        text += _pick((f" Alérgenos: {names}.", f" Allergens: {names}."), lang)
    elif "aler" in question or "aller" in question:
        text += _pick(
            (" El menú no anota alérgenos en este platillo.", " The menu notes no allergens for this dish."), lang
        )
    if not item["available"]:
        text += _pick((" Ahora mismo está agotado.", " It is sold out right now."), lang)
    return text


def _published(result: Result, lang: Lang) -> str:
    return _pick(
        (
            f"Publicada: «{result['title']}». Ya la ven todos.",
            f"Published: “{result['title']}”. Everybody sees it now.",
        ),
        lang,
    )


def _failed(result: Result, lang: Lang) -> str:
    if result["error"] == "out_of_stock" and result.get("items"):
        short = _listed(
            [
                _pick((f"{item['name']} (quedan {item['left']})", f"{item['name']} ({item['left']} left)"), lang)
                for item in result["items"]
            ],
            lang,
        )
        return _pick(
            (
                f"No alcanza: {short}. No pedí nada todavía; dime qué cambiamos.",
                f"There is not enough: {short}. Nothing was ordered yet; tell me what to change.",
            ),
            lang,
        )
    return _pick(_FAILED.get(result["error"], _BROKEN), lang)


_ANSWERS: dict[str, Callable[[Result, Lang], str]] = {PLACE: _placed, TRACK: _tracked, PROMO: _published}


def _items(items: list[Result], lang: Lang) -> str:
    return _listed([f"{i['qty']} × {i['name']}" + (f" ({i['notes']})" if i.get("notes") else "") for i in items], lang)


def _listed(names: list[str], lang: Lang) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])}{' y ' if lang == 'es' else ' and '}{names[-1]}"


def _range(minutes: list[int]) -> str:
    first, last = minutes
    return str(last) if first == last else f"{first}–{last}"


def _pick(both: tuple[str, str], lang: Lang) -> str:
    return both[0] if lang == "es" else both[1]

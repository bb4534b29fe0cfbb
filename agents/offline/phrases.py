"""What the offline model says in so many words: Spanish and English side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from agents.offline.intent_types import ASKS_HOURS, ASKS_MENU, ASKS_PERSON, ASKS_WHICH

if TYPE_CHECKING:
    from hub.domain.texts import Lang

Both = tuple[str, str]

SAID: Mapping[str, Both] = {
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
        "Puedo tomar tu pedido («quiero 3 tacos al pastor para llevar, soy Ana»), cambiarlo o cancelarlo mientras no "
        "lo empiecen, decirte por dónde va («¿dónde está mi pedido?»), avisarte cuando esté listo, y qué hay en el "
        "menú, con precios y alérgenos («¿cuánto cuesta la gringa?»). También te paso con una persona.",
        "I can take your order (“3 al pastor tacos to go, I'm Ana”), change or cancel it while nobody has begun, say "
        "where it is (“where is my order?”), tell you when it is ready, and what is on the menu, with prices and "
        "allergens (“how much is the gringa?”). I can also hand you over to a person.",
    ),
    "welcome": ("¡Con gusto! ¡Buen provecho!", "You're welcome! Enjoy your meal!"),
    "bye": ("¡Hasta luego! Aquí estamos cuando se te antoje.", "Goodbye! We are here whenever you are hungry."),
    "what_change": (
        "¿Qué le cambio a tu pedido? Por ejemplo: agrega una horchata a mi pedido, o quita la gringa de mi pedido.",
        "What shall I change about your order? For example: add a horchata to my order, or remove the gringa from it.",
    ),
    "what_notice": (
        "¿De qué te aviso? Por ejemplo: avísame cuando esté listo, o avísame si hay promociones.",
        "What shall I tell you of? For example: tell me when it is ready, or notify me of promotions.",
    ),
    "outside": (
        f"Eso no lo sé: solo tomo pedidos, digo por dónde van y explico el menú. {ASKS_PERSON[0]}",
        f"That I do not know: I only take orders, say where they are, and explain the menu. {ASKS_PERSON[1]}",
    ),
    "what_promotion": (
        "¿Qué debe decir la promoción? Por ejemplo: publica una promoción: 2×1 en gringas hasta las 8.",
        "What should the promotion say? For example: publish a promotion: two gringas for one until 8.",
    ),
    "not_allowed": (
        "Eso no lo puedo hacer por ti: lo hace el personal.",
        "That I cannot do for you: only the staff can.",
    ),
    "order_what": (
        "¿Qué te anoto? Dime el platillo y cuántos, por ejemplo: 3 tacos al pastor y una horchata.",
        "What would you like? Tell me the dish and how many, for example: 3 al pastor tacos and a horchata.",
    ),
    "which_allergen": (
        "¿A qué? Dime por ejemplo «gluten», «lácteos» o «huevo», o de qué platillo, y te leo lo que dice el menú.",
        "To what? Say for example “gluten”, “dairy” or “egg”, or which dish, and I read you what the menu says.",
    ),
    "nothing_to_confirm": (
        "No tengo nada pendiente de confirmar. Dime qué te anoto.",
        "There is nothing waiting for a yes. Tell me what you would like.",
    ),
    "say_yes": (
        "Falta que lo confirmes: dime «sí» y lo mando a la cocina, o dime qué le cambio.",
        "It is waiting for your yes: say “yes” and the kitchen gets it, or tell me what to change.",
    ),
    "what_correction": (
        "No entendí qué le cambio a tu pedido. Dime por ejemplo «mejor tres», «quita el flan» o «sin cebolla»; o «sí» "
        "para mandarlo como está.",
        "I did not understand what to change. Say for example “make it three”, “remove the flan” or “without onion”; "
        "or “yes” to send it as it is.",
    ),
    "left_as_it_is": ("De acuerdo, lo dejo como está.", "All right, I leave it as it is."),
    "left_it": ("De acuerdo, no pedí nada. Aquí sigo por si se te antoja algo.", "All right, nothing was ordered."),
    "lost": (
        "Perdona, no te entendí: soy un asistente sencillo. Puedo tomar tu pedido, decirte por dónde va, o qué hay en "
        f"el menú. {ASKS_PERSON[0]}",
        "Sorry, I did not understand: I am a simple assistant. I can take your order, say where it is, or tell "
        f"you what is on the menu. {ASKS_PERSON[1]}",
    ),
    "all_right": ("De acuerdo. Aquí sigo.", "All right. I am here."),
    "no_trouble": ("No es molestia. ¿Qué te preparamos?", "No trouble at all. What can we make you?"),
    "glad": ("¡Qué gusto! Gracias por decirlo.", "Glad to hear it. Thank you for saying so!"),
    "both_ways": (
        "Sí: puedes pasar por él, o te lo llevamos a la dirección que me des.",
        "Yes: you can pick it up, or we bring it to the address that you give me.",
    ),
    "how_long": (
        "Depende de lo que haya en la cocina: en cuanto pidas te digo cuántos minutos.",
        "That depends on what the kitchen has to do: I tell you the minutes as soon as you have ordered.",
    ),
    "quiet_hours": (
        f"Puedo dejar de avisarte a ciertas horas. {ASKS_HOURS[0]} Por ejemplo: de 10 de la noche a 7 de la mañana.",
        f"I can leave you alone at certain hours. {ASKS_HOURS[1]} For example: from 10 pm to 7 am.",
    ),
    "total_of_what": (
        "¿La cuenta de qué? Dime los platillos y cuántos, y te lo sumo.",
        "The total of what? Tell me the dishes and how many, and I add it up.",
    ),
    "extras": (
        "El menú no dice con qué salsas, limones o cubiertos va cada cosa. Lo que pidas sobre un platillo («con salsa "
        f"verde aparte») lo anoto y la cocina lo lee. {ASKS_PERSON[0]}",
        "The menu does not say which salsas, limes or cutlery come with it. What you ask about a dish (“with green "
        f"salsa on the side”) I note, and the kitchen reads it. {ASKS_PERSON[1]}",
    ),
    "kids": (
        f"El menú no dice qué es para niños. {ASKS_MENU[0]}",
        f"The menu does not say what is for children. {ASKS_MENU[1]}",
    ),
    "favourite": (
        f"No sé qué gusta más, y no te lo voy a inventar. {ASKS_MENU[0]}",
        f"I do not know what people like best, and will not make it up. {ASKS_MENU[1]}",
    ),
    "spicy": (
        f"El menú no dice qué pica y qué no. Puedo anotar un deseo («poco picante»). {ASKS_PERSON[0]}",
        f"The menu does not say what is spicy. I can note a wish (“not spicy”). {ASKS_PERSON[1]}",
    ),
    "usual": (
        "No encuentro aquí ningún pedido tuyo que repetir: dime otra vez los platillos y cuántos, por favor.",
        "I find no order of yours here to repeat: tell me the dishes and how many once more, please.",
    ),
    "assorted": (
        f"Los surtidos los armas tú: dime cuántos de cada uno. {ASKS_WHICH[0]}",
        f"An assortment is up to you: tell me how many of each. {ASKS_WHICH[1]}",
    ),
    "only_yours": (
        "Aquí solo puedo ver tus pedidos. Los de otras personas no los veo, ni sus datos, y eso no se cambia por chat.",
        "I can only see your orders here. Those of other people I cannot, nor who they are; no message changes that.",
    ),
    "to_courier": (
        "Al repartidor no le puedo decir nada. Si es un pedido nuevo, dímelo junto con la dirección: esa sí la lee. "
        f"{ASKS_PERSON[0]}",
        "I cannot tell the courier anything. If it is a new order, say it together with the address: that they do "
        f"read. {ASKS_PERSON[1]}",
    ),
    "no_wish_now": (
        f"El pedido ya está hecho, y eso no lo puedo anotar ni decírselo a la cocina. {ASKS_PERSON[0]}",
        f"The order is placed already, and I can neither note that nor tell the kitchen. {ASKS_PERSON[1]}",
    ),
    "wish_for_which": (
        "¿En cuál platillo? Dímelo con su nombre, por ejemplo: los de pastor sin cebolla.",
        "On which dish? Say it with its name, for example: the gringas without onion.",
    ),
}
# What the taquería's files say nothing about, as it follows "that I do not know".
UNKNOWN: Mapping[str, Both] = {
    "other_day": ("solo tomo pedidos para ahora, no para otra hora ni otro día", "I only take orders for right now"),
    "hours": ("nadie me ha dicho el horario", "nobody has told me the opening hours"),
    "where": ("nadie me ha dicho la dirección de la taquería", "nobody has told me the taquería's address"),
    "fee": (
        "nadie me ha dicho si el envío cuesta; los totales que doy son de los platillos",
        "nobody has told me whether delivery costs anything; the totals I give are of the dishes",
    ),
    "area": ("nadie me ha dicho hasta dónde se reparte", "nobody has told me how far we deliver"),
    "minimum": ("nadie me ha dicho si hay un pedido mínimo", "nobody has told me of a minimum order"),
    "invoice": ("nadie me ha dicho nada de facturas ni recibos", "nobody has told me anything of invoices or receipts"),
    "paying": (
        "nadie me ha dicho cómo se paga, y yo no cobro",
        "nobody has told me how to pay, and I take no payments",
    ),
    "place": (
        "del local y sus mesas nadie me ha dicho nada",
        "nobody has told me anything of the place and its tables",
    ),
    "jobs": ("de trabajo no sé nada", "I know nothing of jobs"),
    "events": ("de eventos nadie me ha dicho nada", "nobody has told me anything of events"),
    "phone": ("nadie me ha dado un teléfono", "nobody has given me a phone number"),
}
# Why a number is asked for, where one was said in another way.
WHY_HOW_MANY: Mapping[str, Both] = {
    "weighed": ("Aquí se pide por pieza, no por peso ni por dinero.", "We take orders by the piece."),
    "odd": ("De cada platillo se piden piezas enteras, de 1 a 50.", "Dishes are ordered whole, from 1 to 50 of each."),
}
FAILED: Mapping[str, Both] = {
    "unavailable": (
        "El sistema no me contestó y no sé si quedó hecho. Pregúntame por tu pedido en un momento.",
        "The system did not answer, and I do not know whether it was done. Ask me about your order in a moment.",
    ),
    "forbidden": ("Eso no lo puedo hacer por ti.", "That I cannot do for you."),
    "bad_arguments": (
        "No pude anotarlo así: de cada platillo se piden de 1 a 50. ¿Cómo lo dejamos?",
        "I could not take it like that: between 1 and 50 of a dish. How shall we do it?",
    ),
    "nothing_proposed": (
        "No tengo nada pendiente de confirmar. Dime qué te anoto.",
        "There is nothing waiting for a yes. Tell me what you would like.",
    ),
    "not_confirmed": (
        "No quedó claro si lo confirmas, así que no hice nada. Dime otra vez qué quieres.",
        "It was not clear whether you said yes, so nothing was done. Tell me again what you want.",
    ),
    "not_shown": (
        "No te alcancé a decir qué confirmas, así que no hice nada. Dímelo otra vez, por favor.",
        "I had not told you what you would say yes to, so nothing was done. Please tell me again.",
    ),
    "expired": (
        "Pasó mucho tiempo desde que te lo pregunté y no lo hice. Dímelo otra vez, por favor.",
        "It is a while since I asked, and I did not do it. Please tell me again.",
    ),
    "already_done": ("Eso ya está hecho.", "That is done already."),
    "terms_changed": (
        "Algo cambió desde que te lo dije, así que no hice nada. Dímelo otra vez y te doy la cuenta nueva.",
        "Something has changed since I told you, so nothing was done. Say it again and I will add it up anew.",
    ),
    "no_orders": (
        "No encuentro ningún pedido tuyo en esta conversación. Si pediste por otro lado, abre tu enlace de "
        "seguimiento; si quieres pedir, dime qué te anoto.",
        "I find no order of yours in this conversation. If you ordered elsewhere, open your tracking link; if "
        "you want to order, tell me what.",
    ),
    "too_late": (
        "Ya no se puede: la cocina ya empezó, o el pedido ya terminó. Si quieres, te paso con una persona.",
        "It is too late for that: the kitchen has begun, or the order is over. I can hand you over to a person.",
    ),
    "conflict": (
        "Ya no se puede: el pedido avanzó mientras tanto. Si quieres, te paso con una persona.",
        "That is no longer possible: the order has moved on. I can hand you over to a person.",
    ),
    "not_in_order": ("Eso no está en tu pedido.", "That is not on your order."),
    "nothing_left": (
        "Así no quedaría nada en el pedido. Si quieres, dime «cancela mi pedido».",
        "That would leave nothing on the order. If you like, say “cancel my order”.",
    ),
    "unknown_dish": ("Eso no lo tenemos en el menú.", "That is not on our menu."),
    "not_counted": ("De ese platillo no se lleva cuenta.", "That dish is not counted."),
    "not_found": ("No lo encuentro entre lo tuyo.", "I do not find that among what is yours."),
    "too_many_calls": ("Son muchas cosas a la vez; vamos por partes.", "That is a lot at once; one thing at a time."),
    "too_much": (
        "Es demasiado de una sola vez; dímelo por partes, por favor.",
        "That is too much at once; tell me one part after the other, please.",
    ),
    "limit_reached": (
        "Eso es más de lo que puedo tomar por aquí. Si quieres, te paso con una persona.",
        "That is more than I can take here. I can hand you over to a person.",
    ),
    "rate_limited": ("Son muchas cosas a la vez; inténtalo en un momento.", "That is a lot at once; try in a moment."),
}
_MUCH_IN_AN_HOUR: Both = (
    "Ya se pidió mucho desde tu conexión en la última hora. Inténtalo más tarde, o te paso con una persona.",
    "Much has been ordered from your connection within an hour. Try later, or I can hand you over to a person.",
)
# An order past a bound, by the bound's name; `{most}` is its size.
PAST_BOUND: Mapping[str, Both] = {
    "orders_hour": _MUCH_IN_AN_HOUR,
    "order_bytes_hour": _MUCH_IN_AN_HOUR,
    "order_portions_hour": _MUCH_IN_AN_HOUR,
    "order_portions": (
        "Es un pedido muy grande para tomarlo por aquí: hasta {most} porciones. Si quieres, te paso con una persona.",
        "That is too large an order to take here: up to {most} portions. I can hand you over to a person.",
    ),
    "order_total": (
        "Es un pedido muy grande para tomarlo por aquí. Si quieres, te paso con una persona.",
        "That is too large an order to take here. I can hand you over to a person.",
    ),
    "order_bytes": (
        "Las notas del pedido son demasiado largas; dímelas más cortas, por favor.",
        "The notes of the order are too long; please make them shorter.",
    ),
    "open_orders_address": (
        "Ya hay muchos pedidos en curso desde tu conexión. Cuando se entregue uno, te tomo el siguiente.",
        "There are many orders under way from your connection already. When one is delivered, I can take the next.",
    ),
}
# Of an order that waits for acceptance, and of one that expired.
WAITS: Both = (
    "Falta que la taquería lo acepte, y te avisamos aquí.",
    "The taquería has to accept it first, and you will see it here.",
)
EXPIRED: Mapping[str, Both] = {
    "not_accepted": (
        "Nadie alcanzó a aceptarlo a tiempo. Si todavía lo quieres, pídelo otra vez.",
        "Nobody accepted it in time. If you still want it, please order again.",
    ),
    "not_ended": (
        "Estuvo abierto demasiado tiempo sin novedades. Si falta algo, te paso con una persona.",
        "It was open for too long and nothing happened. I can hand you over to a person.",
    ),
}
BROKEN: Both = (
    "Algo falló de nuestro lado y no pude hacerlo.",
    "Something went wrong on our side, and I could not do it.",
)


def pick(both: Both, lang: Lang) -> str:
    return both[0] if lang == "es" else both[1]


def not_known(name: str, lang: Lang, *, offer: bool = True) -> str:
    """That something is not known, and who knows it."""
    what = pick(UNKNOWN[name], lang)
    if offer:
        return pick((f"Eso no lo sé: {what}. {ASKS_PERSON[0]}", f"That I do not know: {what}. {ASKS_PERSON[1]}"), lang)
    ask = pick(("una persona sí te lo dice", "a person can tell you"), lang)
    return pick((f"Lo otro no lo sé: {what}; {ask}.", f"The other thing I do not know: {what}; {ask}."), lang)


def not_understood(phrases: tuple[str, ...], lang: Lang) -> str:
    """Which words of an order were passed over."""
    marks = pick(("«{}»", "“{}”"), lang)
    words = listed([marks.format(phrase) for phrase in phrases], lang)
    return pick((f"No entendí {words}, así que no lo anoté.", f"I did not understand {words}, and left it out."), lang)


def listed(names: list[str], lang: Lang) -> str:
    """`tacos, gringas y flan`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])}{' y ' if lang == 'es' else ' and '}{names[-1]}"

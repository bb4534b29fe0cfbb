"""Every sentence of the agent's tools, in the two languages; the texts of statuses and errors stand in their tables.

A name in braces is a value that the tool fills in.
"""

from __future__ import annotations

from hub.domain.lifecycle import RULES, event_type
from hub.domain.texts import Text

# Every tool.
FAILED = Text("no se pudo", "that did not work")

# Proposals and their confirmation.
DONE = Text("hecho", "done")
SOMETHING_MISSING = Text("faltan datos", "something is missing")
DOING_IT = Text("Haciéndolo", "Doing it")
DONE_BEFORE_STOP = Text("Alcanzó a hacerse antes de parar: {done}.", "This was done before it stopped: {done}.")
UNKNOWN_WHETHER_DONE = Text(
    "No sé si lo último alcanzó a hacerse. Pregúntame antes de pedirlo otra vez.",
    "I do not know whether the last thing was done. Ask me before you order it again.",
)
ASKS = Text("Voy a {summary}", "I am about to {summary}")
ASKS_YES = Text("¿Lo confirmo?", "Shall I go ahead?")
SAY_YES = Text("Dime «sí».", "Say “yes”.")
CONFIRM_TAP = Text("Confirmar {code}", "Confirm {code}")

# Ordering.
FOR_PICKUP = Text("para recoger", "for pickup")
DELIVERED_TO = Text("a domicilio en {address}", "delivered to {address}")
ORDER_PLACED = Text("pedido {code}", "order {code}")
FOR_NAME = Text("a nombre de {name}", "for {name}")
ASKS_ORDER = Text("Tu pedido sería: {summary}", "Your order would be: {summary}")
ORDER_STEPS = {
    "analysing": Text("Leyendo tu pedido", "Reading your order"),
    "checking_ingredients": Text("Revisando que haya de todo", "Checking that we have everything"),
    "pricing": Text("Haciendo la cuenta", "Adding it up"),
    "placed": Text("Mandándolo a la cocina", "Sending it to the kitchen"),
}

# Changes and cancellations.
CANCEL_ORDER = Text("cancelar el pedido {code} ({items})", "cancel order {code} ({items})")
MAY_CANCEL = Text("Viendo si se puede cancelar", "Seeing whether it can be cancelled")
ORDER_CANCELLED = Text("pedido {code} cancelado", "order {code} cancelled")
CUSTOMER_ASKED = Text("lo pidió el cliente", "the customer asked for it")
MAY_CHANGE = Text("Viendo si se puede cambiar", "Seeing whether it can be changed")
CHANGE_ORDER = Text("cambiar el pedido {code} a: {items}; ", "change order {code} to: {items}; ")

# The menu and its allergens.
LOOKING_AT_MENU = Text("Mirando el menú", "Looking at the menu")
DISHES = Text("{count} platillos", "{count} dishes")
CHECKING_ALLERGENS = Text("Revisando los alérgenos", "Checking the allergens")
WHAT_MENU_SAYS = Text("lo que dice el menú", "what the menu says")

# An order on its way.
LOOKING_FOR_ORDER = Text("Buscando tu pedido", "Looking for your order")
LOOKING_FOR_LINK = Text("Buscando tu enlace", "Looking for your link")
LINK_OF = Text("enlace del pedido {code}", "link of order {code}")
LISTENING = Text("Escuchando tu pedido", "Listening to your order")
UPDATES = Text("{count} novedades", "{count} updates")
GOING_OVER = Text("Repasando tu pedido", "Going over your order")
STEPS = Text("{count} pasos", "{count} steps")
NO_ORDERS = Text("sin pedidos", "no orders")
WATCHING = Text("Atento a tu pedido", "Listening to your order")
# What happens to an order, as its customer reads it.
WHAT_HAPPENED = {
    **{event_type(status): rule.entered for status, rule in RULES.items()},
    "order.accepted": Text("la taquería lo aceptó", "the taquería accepted it"),
    "order.expired": Text(
        "se venció el tiempo para aceptarlo o entregarlo", "the time to accept or deliver it ran out"
    ),
    "order.courier_assigned": Text("ya tiene repartidor", "it has a courier"),
    "order.recalled": Text("volvió un paso atrás", "it went back a step"),
    "order.delayed": Text("va a tardar más", "it will take longer"),
    "order.eta_changed": Text("cambió la hora estimada", "the estimate has changed"),
    "notice.sent": Text("aviso", "notice"),
}

# Notices and notifications.
LOOKING_AT_NOTIFICATIONS = Text("Viendo tus avisos", "Looking at your notifications")
NOTIFICATIONS = Text("{count} avisos", "{count} notifications")
YOUR_NOTIFICATIONS = Text("Tus avisos", "Your notifications")
NOTIFICATIONS_SAVED = Text("avisos guardados", "notifications saved")
TELL_NOTHING = Text("no avisarte de nada", "tell you of nothing")
TELL_ORDER = Text("avisar en el pedido {code}: «{message}»", "tell order {code}: “{message}”")
A_NOTICE = Text("Un aviso", "A notice")
NOTICE_SENT = Text("aviso en {code}", "notice to {code}")
TELL_YOU = Text("avisarte {where}: {types}", "tell you {where}: {types}")
QUIET_HOURS = Text("; sin ruido de {start} a {end}", "; no noise from {start} to {end}")

# Promotions.
LOOKING_AT_PROMOTIONS = Text("Viendo las promociones", "Looking at the promotions")
PROMOTIONS = Text("{count} promociones", "{count} promotions")
PUBLISH = Text("publicar a todos: «{title}» {message}", "publish to everybody: “{title}” {message}")
PROMOTION_PUBLISHED = Text("promoción publicada, «{title}»", "promotion published, “{title}”")

# The kitchen and the day's figures.
LOOKING_AT_KITCHEN = Text("Viendo la cocina", "Looking at the kitchen")
ACTIVE_ORDERS = Text("{count} pedidos activos", "{count} active orders")
LOOKING_FOR_LATE = Text("Buscando lo que va tarde", "Looking for what is late")
LATE_ORDERS = Text("{count} tarde", "{count} late")
ADDING_UP_DAY = Text("Sumando el día", "Adding up the day")
ORDERS_TODAY = Text("{count} pedidos hoy", "{count} orders today")
MARK_SOLD_OUT = Text("marcar agotado: {name}", "mark sold out: {name}")
COUNTING = Text("Contando", "Counting")
SET_LEFT = Text("poner que quedan {left}: {name}", "set {left} left: {name}")

# A person instead of the agent.
CALLING_PERSON = Text("Llamando a una persona", "Calling a person")
PERSON_ANSWERS = Text("una persona te contesta aquí", "a person will answer here")
STAFF_CALLED = Text("Un cliente pide a una persona en el chat", "A customer asks for a person in the chat")
CUSTOMER = Text("cliente", "customer")
PERSON_WILL_ANSWER = Text(
    "Le aviso al personal: una persona te contesta aquí mismo.",
    "I am calling the staff: a person will answer you right here.",
)

"""What the tools say of orders, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents.offline.intent_types import ASKS_ADDRESS, ASKS_DELIVERY, ASKS_NAME, AWAITS_ACCEPTANCE, IN_KITCHEN
from agents.offline.phrases import EXPIRED, FAILED, WAITS, listed, pick
from hub.domain.lifecycle import RULES

if TYPE_CHECKING:
    from hub.domain.texts import Lang

Result = dict[str, Any]

_STATUS = {status: rule.now for status, rule in RULES.items()}
_NEXT = {status: rule.upcoming for status, rule in RULES.items() if rule.upcoming is not None}


def proposed(result: Result, lang: Lang) -> str:
    """Return the hub's summary of the proposal, which the answer ends with; or a question for what is missing."""
    return missing(result, lang) if "missing" in result else str(result["person_reads"])


def missing(result: Result, lang: Lang) -> str:
    if "changes" in result["missing"]:
        return pick(("¿Qué le cambio?", "What shall I change?"), lang)
    questions = {"customer_name": ASKS_NAME, "delivery": ASKS_DELIVERY, "address": ASKS_ADDRESS}
    asked = " ".join(pick(questions[name], lang) for name in result["missing"])
    items = items_of(result["items"], lang)
    return pick((f"Anotado: {items}. {asked}", f"Noted: {items}. {asked}"), lang)


def placed(result: Result, lang: Lang) -> str:
    items, minutes = items_of(result["items"], lang), result["eta_minutes"]
    bring = result["delivery"] == "delivery"
    now = AWAITS_ACCEPTANCE if result.get("waits_for_acceptance") else IN_KITCHEN
    if lang == "es":
        text = f"¡Listo, {result['customer_name']}! Tu pedido {result['code']} {now[0]}: {items}. "
        text += f"Total: {result['total']}. "
        if result.get("waits_for_acceptance"):
            text += f"{WAITS[0]} "
        if minutes:
            text += f"{'Te llega' if bring else 'Estará listo'} en unos {span(minutes)} minutos. "
        return text + f"Síguelo aquí: {result['tracking_url']}"
    text = f"Done, {result['customer_name']}! Your order {result['code']} {now[1]}: {items}. "
    text += f"Total: {result['total']}. "
    if result.get("waits_for_acceptance"):
        text += f"{WAITS[1]} "
    if minutes:
        text += f"{'It arrives' if bring else 'It will be ready'} in about {span(minutes)} minutes. "
    return text + f"Follow it here: {result['tracking_url']}"


def cancelled(result: Result, lang: Lang) -> str:
    code = result["code"]
    return pick((f"Cancelé tu pedido {code}.", f"Your order {code} is cancelled."), lang)


def tracked(result: Result, lang: Lang) -> str:
    if not result["orders"]:
        if code := result.get("code"):
            return pick(
                (f"No encuentro el pedido {code} entre los tuyos.", f"I find no order {code} among yours."), lang
            )
        return pick(FAILED["no_orders"], lang)
    return "\n".join(order_of(order, lang) for order in result["orders"])


def order_of(order: Result, lang: Lang) -> str:
    status, following, minutes = order["status"], order["next_step"], order["eta_minutes"]
    items = items_of(order["items"], lang)
    text = pick((f"Tu pedido {order['code']} ({items}): ", f"Your order {order['code']} ({items}): "), lang)
    text += pick(_STATUS.get(status, (status, status)), lang)
    if courier := order.get("courier"):
        text += pick((f" con {courier}", f" with {courier}"), lang)
    if why := EXPIRED.get(order.get("expired", "")):
        return f"{text}. {pick(why, lang)}"
    if status == "ready" and order["delivery"] == "pickup":
        return text + pick((": ya puedes pasar por él.", ": you can come for it."), lang)
    if following:
        text += f"; {pick(_NEXT[following], lang)}"
    text += "."
    if following and minutes:
        late = pick((" Ya casi.", " Any moment now."), lang)
        about = pick((f" Faltan unos {span(minutes)} minutos.", f" About {span(minutes)} minutes to go."), lang)
        text += late if minutes[1] == 0 else about
    if order.get("waits_for_acceptance"):
        text += f" {pick(WAITS, lang)}"
    return text


def started(result: Result, lang: Lang) -> str:
    code, url = result["code"], result["tracking_url"]
    return pick((f"Sigue tu pedido {code} en vivo aquí: {url}", f"Follow your order {code} live here: {url}"), lang)


def watched(result: Result, lang: Lang) -> str:
    told = "".join(f"{_happened(update)}. " for update in result["updates"])
    if not told:
        told = pick(("Por ahora no hay novedades. ", "Nothing new for now. "), lang)
    return told + (order_of(result["order"], lang) if "next_step" in result["order"] else "")


def history(result: Result, lang: Lang) -> str:
    lines = [pick((f"Pedido {result['code']}:", f"Order {result['code']}:"), lang)]
    for step in result["happened"]:
        ago = pick((f"hace {step['minutes_ago']} min", f"{step['minutes_ago']} min ago"), lang)
        lines.append(f"- {_happened(step)} ({ago})")
    if others := result.get("others"):
        lines.append(pick(("También: ", "Also: "), lang) + ", ".join(f"{o['code']} ({o['total']})" for o in others))
    return "\n".join(lines)


def which(result: Result, lang: Lang) -> str:
    codes = listed([f"{order['code']} ({order['total']})" for order in result["orders"]], lang)
    return pick((f"¿De cuál pedido? Tienes {codes}.", f"Which order? You have {codes}."), lang)


def _happened(step: Result) -> str:
    why = step.get("reason") or step.get("message") or ""
    more = f" (+{step['minutes']} min)" if step.get("minutes") else ""
    return f"{step['what']}{more}" + (f": {why}" if why else "")


def items_of(items: list[Result], lang: Lang) -> str:
    return listed([f"{i['qty']} × {i['name']}" + (f" ({i['notes']})" if i.get("notes") else "") for i in items], lang)


def span(minutes: list[int]) -> str:
    first, last = minutes
    return str(last) if first == last else f"{first}–{last}"

"""The message templates of WhatsApp: what may be sent to a number that has not written for a day.

Meta approves their texts, which are files, in both languages, in the form in which they are submitted. A message names
a template, and gives its parameters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from hub.domain.texts import Text
from hub.domain.whatsapp_template import TemplateMessage

Lang = Literal["es", "en"]
REPLY = "chat.reply"  # a person's answer from `/support`; no notice has this type
LANGUAGES: Mapping[Lang, str] = {"es": "es_MX", "en": "en_US"}
MAX_PARAMETER_CHARS = 600  # a whole message has 1,024 at the most

_PARAMETER = re.compile(r"\{\{(\w+)\}\}")
_NAMES: Mapping[str, str] = {
    "order.preparing": "comanda_order_preparing",
    "order.ready": "comanda_order_ready",
    "order.en_route": "comanda_order_en_route",
    "order.delivered": "comanda_order_delivered",
    "order.cancelled": "comanda_order_cancelled",
    "order.delayed": "comanda_order_delayed",
    "order.eta_changed": "comanda_order_eta_changed",
    "notice.sent": "comanda_notice_sent",
    "promo.published": "comanda_promo_published",
    REPLY: "comanda_support_reply",
}
# What stands for a parameter that an event does not give. Meta takes no empty one.
_UNSAID: Mapping[str, Text] = {
    "minutes": Text("unos cuantos", "a few"),
    "reason": Text("no se indicó", "none was given"),
}


def template_message(type_: str, lang: Lang, values: Mapping[str, str]) -> TemplateMessage | None:
    """Return what tells of a type of notice; None if there is no template for it.

    Args:
        type_: That of a notice, or `REPLY`.
        values: What may stand in the text: `code`, and the fields of the event. More than is needed does no harm.
    """
    if (name := _NAMES.get(type_)) is None:
        return None
    parameters = {each: _value(each, values.get(each, ""), lang) for each in parameters_of(text_of(name, lang))}
    return TemplateMessage(name=name, language=LANGUAGES[lang], parameters=parameters)


@cache
def templates(lang: Lang) -> tuple[dict[str, Any], ...]:
    """Return all templates in a language, as they are submitted to Meta."""
    found = files("hub").joinpath("data", "whatsapp", f"templates.{lang}.json").read_text(encoding="utf-8")
    return tuple(json.loads(found))


@cache
def text_of(name: str, lang: Lang) -> str:
    """Return the text of a template, with its parameters in double braces."""
    [template] = [each for each in templates(lang) if each["name"] == name]
    return str(template["components"][0]["text"])


def parameters_of(text: str) -> tuple[str, ...]:
    """Return the names of the parameters in a text, in order."""
    return tuple(_PARAMETER.findall(text))


def filled(message: TemplateMessage) -> str:
    """Return a message as its reader sees it."""
    lang: Lang = "en" if message.language == LANGUAGES["en"] else "es"
    return _PARAMETER.sub(lambda found: message.parameters[found[1]], text_of(message.name, lang))


def _value(name: str, value: str, lang: Lang) -> str:
    """Return a parameter as Meta takes it: one line, not too long, without the full stop that the text has itself."""
    line = " ".join(value.split()).removesuffix(".")
    if len(line) > MAX_PARAMETER_CHARS:
        line = f"{line[: MAX_PARAMETER_CHARS - 1].rstrip()}…"
    return line or (_UNSAID[name].in_(lang) if name in _UNSAID else "–")

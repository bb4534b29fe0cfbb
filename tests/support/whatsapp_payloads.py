"""Payloads as WhatsApp's Cloud API sends them, in the shapes of Meta's documentation, and their signature."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from pydantic import SecretStr

PHONE_ID = "106540352242922"
APP_SECRET = "an app's secret"
VERIFY_TOKEN = "a verify token"
ANA = "5215512345678"
BETO = "5215587654321"
SENT_AT = 1_795_210_200  # 2026-11-20T21:30:00Z
# The settings of a hub that takes them.
WHATSAPP_SETTINGS: dict[str, Any] = {
    "whatsapp_token": SecretStr("a token"),
    "whatsapp_phone_id": PHONE_ID,
    "whatsapp_app_secret": SecretStr(APP_SECRET),
    "whatsapp_verify_token": SecretStr(VERIFY_TOKEN),
    "whatsapp_account_id": "102290129340398",
}


def signature(raw: bytes, secret: str = APP_SECRET) -> str:
    """The value of `X-Hub-Signature-256`."""
    return "sha256=" + hmac.digest(secret.encode(), raw, hashlib.sha256).hex()


def signed(payload: Any) -> tuple[bytes, dict[str, str]]:
    """The raw body of a payload, and the headers that it comes with."""
    raw = json.dumps(payload).encode()
    return raw, {"X-Hub-Signature-256": signature(raw), "Content-Type": "application/json"}


def message(id: str, kind: str, content: Any = None, *, wa_id: str = ANA, at: int = SENT_AT, **more: Any) -> Any:
    """One message; `content` stands under the name of its kind."""
    found = {"from": wa_id, "id": f"wamid.{id}", "timestamp": str(at), "type": kind}
    return {**found, **({kind: content} if content is not None else {}), **more}


def text(id: str, body: str, *, wa_id: str = ANA, at: int = SENT_AT) -> Any:
    """A message of text."""
    return message(id, "text", {"body": body}, wa_id=wa_id, at=at)


def status(id: str, name: str, *, wa_id: str = ANA, at: int = SENT_AT, **more: Any) -> Any:
    """What became of a message to a customer."""
    return {"id": f"wamid.{id}", "status": name, "timestamp": str(at), "recipient_id": wa_id, **more}


def payload(*messages: Any, statuses: tuple[Any, ...] = (), phone_id: str = PHONE_ID, names: Any = None) -> Any:
    """A payload with these messages and statuses."""
    numbers = dict.fromkeys(each["from"] for each in messages)
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "525555555555", "phone_number_id": phone_id},
    }
    if messages:
        named = {ANA: "Ana", BETO: "Beto", **(names or {})}
        value["contacts"] = [{"profile": {"name": named[number]}, "wa_id": number} for number in numbers]
        value["messages"] = list(messages)
    if statuses:
        value["statuses"] = list(statuses)
    change = {"value": value, "field": "messages"}
    return {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [change]}]}


IMAGE = {"caption": "", "mime_type": "image/jpeg", "sha256": "SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI=", "id": "24"}
LOCATION = {"latitude": 19.4326, "longitude": -99.1332, "name": "Oficina", "address": "Madero 10, Centro"}
CONTACTS = [{"name": {"formatted_name": "Beto", "first_name": "Beto"}, "phones": [{"phone": "+52 55 8765 4321"}]}]
ORDER = {
    "catalog_id": "194836987003835",
    "text": "",
    "product_items": [{"product_retailer_id": "di9", "quantity": 2, "item_price": 30, "currency": "MXN"}],
}
VOICE = {"mime_type": "audio/ogg; codecs=opus", "sha256": "x", "id": "25", "voice": True}
EDIT = {"original_message_id": "wamid.0", "message": text("0", "Tres de pastor")}
UNSUPPORTED = [
    {
        "code": 131051,
        "title": "Message type unknown",
        "message": "Message type unknown",
        "error_data": {"details": "Message type is currently not supported."},
    }
]


def button(id: str, says: str, title: str = "Confirmar") -> Any:
    """A tap on a reply button."""
    reply = {"type": "button_reply", "button_reply": {"id": says, "title": title}}
    return message(id, "interactive", reply, context={"from": "525555555555", "id": "wamid.asked"})


def row(id: str, says: str) -> Any:
    """A tap on a row of a list."""
    reply = {"type": "list_reply", "list_reply": {"id": says, "title": "Tacos", "description": "al pastor"}}
    return message(id, "interactive", reply, context={"from": "525555555555", "id": "wamid.asked"})


def template_button(id: str, payload_: str, title: str = "Baja") -> Any:
    """A tap on a button of a template."""
    content = {"payload": payload_, "text": title}
    return message(id, "button", content, context={"from": "525555555555", "id": "wamid.asked"})

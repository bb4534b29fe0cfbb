"""Reads one message of a customer with pywa's models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hub.outbound.whatsapp_inbox.incoming import Kind, Place

Content = tuple[Kind, str, Place | None]
Value = Mapping[str, Any]
_REFUSED: Content = (Kind.REFUSED, "", None)
_QUIET = frozenset({"reaction", "system", "request_welcome", "revoke"})
_FAULTS = (KeyError, IndexError, TypeError, ValueError, AttributeError)


class MessageReader:
    """Reads what a message says. A kind that Meta adds tomorrow is refused politely, as voice is today.

    pywa's models read the first message of an update, with its contact, and expect fields that only newer payloads
    have. So each message comes as an update of its own, in which they are filled in.

    Raises:
        ImportError: pywa is not installed.
    """

    def __init__(self, phone_id: str) -> None:
        # A hub does without pywa: it comes with an extra.
        from pywa_async.client import WhatsApp
        from pywa_async.types.callback import CallbackButton, CallbackSelection
        from pywa_async.types.message import Message

        self._client = WhatsApp(phone_id=phone_id, token="none")  # it sends nothing; pywa's models want one
        self._message, self._button, self._row = Message, CallbackButton, CallbackSelection
        self._readers: Mapping[str, Callable[[Any], Content]] = {
            "text": self._read_text,
            "edit": self._read_edit,
            "image": self._read_media,
            "video": self._read_media,
            "document": self._read_media,
            "location": self._read_place,
            "button": self._read_button,
            "interactive.button_reply": self._read_button,
            "interactive.list_reply": self._read_row,
        }

    def read(self, message: Value, contact: Value, value: Value) -> Content:
        """Return what is done with a message, its words, and its place.

        Args:
            contact: The contact that sent it.
            value: The part of the payload that holds it.
        """
        if message.get("type") in _QUIET:
            return Kind.IGNORED, "", None
        read = self._readers.get(_key(message))
        if read is None:
            return _REFUSED
        try:
            return read({"entry": [{"id": "", "changes": [{"value": _alone(message, contact, value)}]}]})
        except _FAULTS:  # a shape that neither pywa nor this version knows
            return _REFUSED

    def _read_text(self, update: Any) -> Content:
        return Kind.SAID, str(self._message.from_update(self._client, update).text), None

    def _read_edit(self, update: Any) -> Content:
        """Read a message that takes another one's place: it is said like a new one."""
        text = self._message.from_update(self._client, update, is_edit=True).text
        return _REFUSED if text is None else (Kind.SAID, text, None)

    def _read_media(self, update: Any) -> Content:
        return Kind.REFUSED, str(self._message.from_update(self._client, update).caption or ""), None

    def _read_place(self, update: Any) -> Content:
        found = self._message.from_update(self._client, update).location
        if found is None:
            return _REFUSED
        place = Place(float(found.latitude), float(found.longitude), str(found.name or ""), str(found.address or ""))
        return Kind.PLACE, "", place

    def _read_button(self, update: Any) -> Content:
        tapped: Any = self._button.from_update(self._client, update)
        return Kind.SAID, str(tapped.data or tapped.title), None

    def _read_row(self, update: Any) -> Content:
        tapped: Any = self._row.from_update(self._client, update)
        return Kind.SAID, str(tapped.data or tapped.title), None


def _alone(message: Value, contact: Value, value: Value) -> dict[str, Any]:
    named = {"user_id": "", **contact}
    context = {"id": "", **(message.get("context") or {})}
    return {"metadata": value["metadata"], "contacts": [named], "messages": [{**message, "context": context}]}


def _key(message: Value) -> str:
    """Return a message's kind; of an answer to buttons or a list, also which of them."""
    kind = str(message.get("type"))
    interactive = message.get("interactive")
    return f"{kind}.{interactive.get('type')}" if isinstance(interactive, Mapping) else kind

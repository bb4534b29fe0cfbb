"""The identity in a stored session: the principal and the other fields that the hub adds."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hub.core.errors import NotFound
from hub.domain.roles import Principal
from hub.domain.rooms import Room
from hub.socketio.stored_session import StoredSession, UnreadableSession


def identity_fields(principal: Principal) -> dict[str, Any]:
    """Return the fields that are stored with a principal's session: an id, empty for customers, and capabilities."""
    return {"who": principal.id, "orders": sorted(principal.orders), "chats": sorted(principal.chats)}


class StoredIdentity(BaseModel):
    """The principal of a stored session, as far as it is stored. Fields of a later version are ignored.

    Attributes:
        who: The id of the principal; empty for customers.
        orders, chats: The capabilities that it has shown.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    who: str = ""
    orders: Annotated[frozenset[str], Field(strict=False)] = frozenset()
    chats: Annotated[frozenset[str], Field(strict=False)] = frozenset()

    @classmethod
    def of(cls, stored: StoredSession) -> StoredIdentity:
        """Read the identity in a stored session.

        Raises:
            UnreadableSession: A field is not of this form.
        """
        try:
            return cls.model_validate(dict(stored.identity))
        except ValidationError as exc:
            raise UnreadableSession.of(exc) from exc


def stored_rooms(stored: StoredSession) -> list[Room]:
    """Return the rooms of a stored session.

    Raises:
        UnreadableSession: One of them is of a kind that this hub does not know.
    """
    try:
        return [Room.parse(name) for name in stored.rooms]
    except NotFound as exc:
        raise UnreadableSession("rooms: unknown") from exc

"""The stored form of a session: its schema and version, written by this hub and read by others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, NonNegativeInt, ValidationError

from hub.domain.errors import NotFound
from hub.domain.rooms import Room
from hub.fanout.relay import Relay
from hub.fanout.replay import Place
from hub.fanout.session import Session

# Raised only when a field that exists changes its meaning. A new field is optional, and needs no new version.
SCHEMA_VERSION = 1
_PLACE_FIELDS = ("since", "floor", "only")


class UnreadableSession(ValueError):
    """The stored value is not a session that this hub can read.

    Attributes:
        reason: The field, and the kind of fault. One of few texts; never a value.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as it is stored.

    Attributes:
        sid: The id that the client is called by.
        who: The id of the principal; empty for customers.
        orders, chats: The capabilities that it has shown.
        epoch: The life of the log in which it has been given the views of its rooms; empty if they are of several.
        owner: The connection that holds the session; empty if another version of the hub has stored it.
        ended: It was ended for good, and must not come back.
    """

    sid: str
    who: str
    orders: frozenset[str]
    chats: frozenset[str]
    epoch: str
    rooms: Mapping[Room, Place]
    owner: str = ""
    ended: bool = False

    @classmethod
    def of(cls, session: Session, relay: Relay) -> Self | None:
        """Return a session in its stored form; None before it is in a room."""
        seats = [seat for seat in relay.rooms_of(session.id).values() if seat.settled]
        if not seats:
            return None
        epochs = {seat.epoch for seat in seats}
        return cls(
            sid=session.sid,
            who=session.held.id,
            orders=session.held.orders,
            chats=session.held.chats,
            # While some rooms have begun anew and others not yet, nobody can go on.
            epoch=epochs.pop() if len(epochs) == 1 else "",
            rooms={Room.parse(seat.room): Place(seat.since, seat.floor, seat.only) for seat in seats},
            owner=session.id,
        )

    @classmethod
    def load(cls, text: str) -> Self:
        """Read a stored session. Unknown fields are ignored, missing ones get their defaults.

        Raises:
            UnreadableSession: Its version is newer, it is torn, or it lacks what it can't do without: `sid`, `rooms`.
        """
        try:
            stored = _Stored.model_validate_json(text)
            rooms = {Room.parse(name): place.place() for name, place in stored.rooms.items()}
        except ValidationError as exc:
            raise UnreadableSession(_reason(exc)) from exc
        except NotFound as exc:
            raise UnreadableSession("rooms: unknown") from exc
        if stored.version > SCHEMA_VERSION:
            raise UnreadableSession("version: newer")
        if not rooms and not stored.ended:
            raise UnreadableSession("rooms: none")
        return cls(
            sid=stored.sid,
            who=stored.who,
            orders=stored.orders,
            chats=stored.chats,
            epoch=stored.epoch,
            rooms=rooms,
            owner=stored.owner,
            ended=stored.ended,
        )

    def dump(self) -> str:
        stored = {
            "version": SCHEMA_VERSION,
            "owner": self.owner,
            "ended": self.ended,
            "sid": self.sid,
            "who": self.who,
            "orders": sorted(self.orders),
            "chats": sorted(self.chats),
            "epoch": self.epoch,
            "rooms": {str(room): _listed(place) for room, place in self.rooms.items()},
        }
        return json.dumps(stored, separators=(",", ":"))


def ended_session(sid: str, owner: str) -> StoredSession:
    """Return the marker that is stored in place of a session that no connection may resume."""
    nothing: frozenset[str] = frozenset()
    return StoredSession(sid, "", nothing, nothing, "", {}, owner, ended=True)


def _listed(place: Place) -> tuple[int, int, list[str] | None]:
    return place.since, place.floor, None if place.only is None else sorted(place.only)


def _named(place: object) -> object:
    """Name the entries of a stored list. A later version may have stored more of them, an earlier one fewer."""
    return dict(zip(_PLACE_FIELDS, place, strict=False)) if isinstance(place, list) else place


class _StoredPlace(BaseModel):
    model_config = ConfigDict(strict=True)

    since: NonNegativeInt
    floor: NonNegativeInt = 0
    only: Annotated[frozenset[str], Field(strict=False)] | None = None  # a list, once it is named

    def place(self) -> Place:
        return Place(self.since, self.floor, self.only)


class _Stored(BaseModel):
    model_config = ConfigDict(strict=True)

    version: int = 1
    sid: Annotated[str, Field(min_length=1)]
    who: str = ""
    orders: frozenset[str] = frozenset()
    chats: frozenset[str] = frozenset()
    epoch: str = ""
    rooms: dict[str, Annotated[_StoredPlace, BeforeValidator(_named)]]
    owner: str = ""
    ended: bool = False


def _reason(exc: ValidationError) -> str:
    """Return the field and the kind of fault, never a value."""
    first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{first['loc'][0] if first['loc'] else 'session'}: {first['type']}"

"""The stored form of a session: its schema and version, written by this hub and read by others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, NonNegativeInt, ValidationError

from hub.relay.relay import Relay
from hub.relay.subscription import SavedSubscription
from hub.socketio.session import Session

# Increased only when an existing field changes its meaning. A new field is optional and needs no new version.
SCHEMA_VERSION = 1
_PLACE_FIELDS = ("since", "floor", "only")
_encode_json = json.JSONEncoder(separators=(",", ":")).encode  # `json.dumps` would make an encoder each time


class UnreadableSession(ValueError):
    """The stored value is not a session that this hub can read.

    Attributes:
        reason: The field, and the kind of fault. One of few texts; never a value.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @classmethod
    def of(cls, exc: ValidationError) -> Self:
        """Return the error for what pydantic found first."""
        first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
        return cls(f"{first['loc'][0] if first['loc'] else 'session'}: {first['type']}")


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as it is stored.

    Attributes:
        sid: The id that the client is called by.
        epoch: The life of the log in which it has been given the views of its rooms; empty if they are of several.
        rooms: What the client was given of each of its rooms, by name.
        identity: The application's fields: who the client is. Fields that this hub does not know are among them.
        owner: The connection that holds the session; empty if another version of the hub has stored it.
        ended: It was ended for good, and must not come back.
    """

    sid: str
    epoch: str
    rooms: Mapping[str, SavedSubscription]
    identity: Mapping[str, Any] = field(default_factory=dict)
    owner: str = ""
    ended: bool = False

    @classmethod
    def of(cls, session: Session, relay: Relay) -> Self | None:
        """Return a session in its stored form; None before it is in a room."""
        subscriptions = [one for one in relay.rooms_of(session.id).values() if one.has_snapshot]
        if not subscriptions:
            return None
        epochs = {one.epoch for one in subscriptions}
        return cls(
            sid=session.sid,
            # While only some rooms have a new epoch, the session cannot be resumed.
            epoch=epochs.pop() if len(epochs) == 1 else "",
            rooms={one.room: one.save() for one in subscriptions},
            identity=session.identity,
            owner=session.id,
        )

    @classmethod
    def load(cls, text: str) -> Self:
        """Read a stored session. Missing fields get their defaults.

        Raises:
            UnreadableSession: Its version is newer, it is torn, or it lacks what it can't do without: `sid`, `rooms`.
        """
        try:
            stored = _Stored.model_validate_json(text)
        except ValidationError as exc:
            raise UnreadableSession.of(exc) from exc
        if stored.version > SCHEMA_VERSION:
            raise UnreadableSession("version: newer")
        if not stored.rooms and not stored.ended:
            raise UnreadableSession("rooms: none")
        return cls(
            sid=stored.sid,
            epoch=stored.epoch,
            rooms={name: place.subscription() for name, place in stored.rooms.items()},
            identity=stored.model_extra or {},
            owner=stored.owner,
            ended=stored.ended,
        )

    def dump(self) -> str:
        """Return the session as JSON."""
        stored = {
            "version": SCHEMA_VERSION,
            "owner": self.owner,
            "ended": self.ended,
            "sid": self.sid,
            **self.identity,
            "epoch": self.epoch,
            "rooms": {room: _listed(place) for room, place in self.rooms.items()},
        }
        return _encode_json(stored)


def ended_session(sid: str, owner: str) -> StoredSession:
    """Return the marker that is stored in place of a session that no connection may resume."""
    return StoredSession(sid, "", {}, owner=owner, ended=True)


def _listed(saved: SavedSubscription) -> tuple[int, int, list[str] | None]:
    return saved.snapshot_offset, saved.min_resume_offset, None if saved.only is None else sorted(saved.only)


def _named(place: object) -> object:
    """Name the entries of a stored list. A later version may have stored more of them, an earlier one fewer."""
    return dict(zip(_PLACE_FIELDS, place, strict=False)) if isinstance(place, list) else place


class _StoredSubscription(BaseModel):
    model_config = ConfigDict(strict=True)

    since: NonNegativeInt
    floor: NonNegativeInt = 0
    only: Annotated[frozenset[str], Field(strict=False)] | None = None  # a list, once it is named

    def subscription(self) -> SavedSubscription:
        """Return the subscription that these fields describe."""
        return SavedSubscription(self.since, self.floor, self.only)


class _Stored(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")

    version: int = 1
    sid: Annotated[str, Field(min_length=1)]
    epoch: str = ""
    rooms: dict[str, Annotated[_StoredSubscription, BeforeValidator(_named)]]
    owner: str = ""
    ended: bool = False

"""The stored form of a session, also as other versions of the hub write it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from hub.gateways.stored_identity import StoredIdentity, stored_rooms
from hub.relay.subscription import SavedSubscription
from hub.socketio.stored_session import SCHEMA_VERSION, StoredSession, UnreadableSession, ended_session

SESSION = StoredSession(
    sid="sid",
    epoch="abcd1234",
    rooms={"kitchen": SavedSubscription(7, 3), "order:PED1": SavedSubscription(0, 0, frozenset({"order.ready"}))},
    identity={"who": "u1", "orders": ["PED1"], "chats": ["C1"]},
    owner="connection",
)
IDENTITY = StoredIdentity(who="u1", orders=frozenset({"PED1"}), chats=frozenset({"C1"}))


def stored(**changes: Any) -> str:
    fields = {**json.loads(SESSION.dump()), **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not ...})


def test_a_session_is_read_as_it_was_written() -> None:
    assert StoredSession.load(SESSION.dump()) == SESSION
    assert json.loads(SESSION.dump())["version"] == SCHEMA_VERSION


def test_fields_of_a_later_version_are_ignored() -> None:
    rooms = {"kitchen": [7, 3, None, "more"], "order:PED1": [0, 0, ["order.ready"]]}
    read = StoredSession.load(stored(lang="es", rooms=rooms))
    assert replace(read, identity=SESSION.identity) == SESSION
    assert StoredIdentity.of(read) == IDENTITY


def test_fields_that_an_earlier_version_did_not_write_get_their_defaults() -> None:
    text = json.dumps({"sid": "sid", "rooms": {"kitchen": [7]}})
    read = StoredSession.load(text)
    assert read == StoredSession("sid", "", {"kitchen": SavedSubscription(7, 0, None)})
    assert StoredIdentity.of(read) == StoredIdentity(who="", orders=frozenset(), chats=frozenset())


def read_all(text: str) -> None:
    """Read a stored session as the gateway does."""
    read = StoredSession.load(text)
    StoredIdentity.of(read)
    stored_rooms(read)


ODD = {
    "torn": (SESSION.dump()[:-5], "session: json_invalid"),
    "a list": ("[]", "session: model_type"),
    "of a later version": (stored(version=SCHEMA_VERSION + 1), "version: newer"),
    "without an id": (stored(sid=...), "sid: missing"),
    "with an empty id": (stored(sid=""), "sid: string_too_short"),
    "without rooms": (stored(rooms=...), "rooms: missing"),
    "in no room": (stored(rooms={}), "rooms: none"),
    "in a room of a later version": (stored(rooms={"pickup": [1]}), "rooms: unknown"),
    "at no place": (stored(rooms={"kitchen": []}), "rooms: missing"),
    "at a place that is none": (stored(rooms={"kitchen": "here"}), "rooms: model_type"),
    "at a place before the first": (stored(rooms={"kitchen": [-1]}), "rooms: greater_than_equal"),
    "somebody who is a number": (stored(who=7), "who: string_type"),
    "with orders that are text": (stored(orders="PED1"), "orders: frozen_set_type"),
}


@pytest.mark.parametrize(("text", "reason"), ODD.values(), ids=ODD)
def test_what_cannot_be_read_says_why_without_a_value(text: str, reason: str) -> None:
    with pytest.raises(UnreadableSession) as raised:
        read_all(text)
    assert raised.value.reason == reason


def test_an_ended_session_is_told_from_one_that_lives() -> None:
    ended = StoredSession.load(ended_session("sid", "connection").dump())
    assert (ended.ended, ended.owner, ended.rooms) == (True, "connection", {})

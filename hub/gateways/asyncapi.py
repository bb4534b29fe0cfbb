"""The AsyncAPI 3.0 document of the rooms, their events, and the commands with their acks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from hub import __version__
from hub.domain.answers import Answer, Empty
from hub.domain.answers.room_answers import SNAPSHOTS
from hub.domain.commands import Command
from hub.domain.events import BranchEvent, ChatEvent, Event, OrderEvent
from hub.domain.rooms import WITH_ID, RoomKind
from hub.gateways.openapi import refusal_schema
from hub.gateways.route_table import Route, Tag
from hub.gateways.welcome import Welcome

EVENTS: tuple[type[Event], ...] = tuple(
    model for union in (OrderEvent, BranchEvent, ChatEvent) for model in get_args(union)
)
_REF = "#/components/schemas/{model}"
_SENT: JsonSchemaMode = "serialization"
_TAKEN: JsonSchemaMode = "validation"
_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}

_DESCRIPTION = (
    "Rooms with their events, and commands with their acks, over Socket.IO and /ws. A connection to /ws whose first "
    "message does not begin with a brace is a conversation with the agent in plain text: prompts in, the words of "
    "answers out, an empty message behind each answer."
)

Schema = dict[str, Any]
Answers = Mapping[type[Command], type[Answer]]
Refs = Mapping[Any, Schema]  # by model and mode


def describe(answers: Answers) -> Schema:
    """Return the document: a channel for each kind of room, one for commands with their acks, one for the welcome.

    Args:
        answers: The model of the answer to each command.
    """
    refs, schemas = models_json_schema(_models(answers), ref_template=_REF)
    definitions = schemas["$defs"]
    for model in EVENTS:  # the type of an event stands beside its data, not in it
        definition = definitions[_name(refs[model, _SENT])]
        definition["properties"].pop("type")
        definition.pop("title", None)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Comanda", "version": __version__, "description": _DESCRIPTION},
        "channels": _channels(answers),
        "operations": _operations(answers),
        "components": {
            "messages": _messages(answers, refs),
            "schemas": {**definitions, "Refusal": refusal_schema()},
        },
    }


def routes(answers: Answers) -> list[Route]:
    """Return the route of the AsyncAPI document.

    Args:
        answers: As in `describe`.
    """
    document = describe(answers)

    async def asyncapi(_request: web.Request) -> web.Response:
        return web.json_response(document)

    return [
        Route(
            method="GET",
            path="/asyncapi.json",
            handler=asyncapi,
            tag=Tag.OPERATIONS,
            summary="Describe the rooms, events and commands (AsyncAPI 3.0)",
        )
    ]


def _models(answers: Answers) -> list[tuple[type[BaseModel], JsonSchemaMode]]:
    sent: Iterable[type[BaseModel]] = (*EVENTS, *answers.values(), *SNAPSHOTS.values(), Empty, Welcome)
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(command, _TAKEN) for command in answers]
    return [*models, *((model, _SENT) for model in dict.fromkeys(sent))]


def _channels(answers: Answers) -> Schema:
    rooms = {str(kind): _room(kind) for kind in RoomKind}
    commands = {
        "address": "/socket.io/",
        "description": "One payload object and an ack callback; the same over /ws.",
        "messages": _named([name for command in answers for name in (command.__name__, _ack(command))]),
    }
    connection = {
        "address": "/socket.io/",
        "description": "Sent once, right after the CONNECT answer.",
        "messages": _named(["Welcome"]),
    }
    return {**rooms, "commands": commands, "connection": connection}


def _room(kind: RoomKind) -> Schema:
    """Return the channel of a kind of room, with the events that declare it."""
    names = [model.__name__ for model in EVENTS if kind in model.rooms]
    channel: Schema = {
        "address": f"{kind}:{{id}}" if kind in WITH_ID else str(kind),
        "messages": _named([*names, _reset(kind)]),
    }
    if kind in WITH_ID:
        channel["parameters"] = {"id": {"description": f"The id of the {kind}"}}
    return channel


def _operations(answers: Answers) -> Schema:
    rooms = {f"receive-{kind}": {"action": "send", "channel": _channel(str(kind))} for kind in RoomKind}
    commands = {command.name: _request(command) for command in answers}
    welcome = {"receive-welcome": {"action": "send", "channel": _channel("connection")}}
    return {**rooms, **commands, **welcome}


def _request(command: type[Command]) -> Schema:
    """Return the operation of a command: the hub receives the command and replies with its ack."""
    return {
        "action": "receive",
        "channel": _channel("commands"),
        "messages": [{"$ref": f"#/channels/commands/messages/{command.__name__}"}],
        "reply": {
            "channel": _channel("commands"),
            "messages": [{"$ref": f"#/channels/commands/messages/{_ack(command)}"}],
        },
    }


def _messages(answers: Answers, refs: Refs) -> Schema:
    events = {model.__name__: _event(model, refs[model, _SENT]) for model in EVENTS}
    commands = {
        command.__name__: {"name": command.name, "title": command.__name__, "payload": refs[command, _TAKEN]}
        for command in answers
    }
    acks = {
        _ack(command): {"name": command.name, "title": _ack(command), "payload": _ack_payload(refs[answer, _SENT])}
        for command, answer in answers.items()
    }
    resets = {_reset(kind): _room_reset(refs[SNAPSHOTS.get(kind, Empty), _SENT]) for kind in RoomKind}
    welcome = {"Welcome": {"name": "hub.welcome", "title": "Welcome", "payload": refs[Welcome, _SENT]}}
    return {**events, **commands, **acks, **resets, **welcome}


def _event(model: type[Event], data: Schema) -> Schema:
    """Return the message of an event: its data, with its room, time and place in the log around it."""
    place: Schema = {} if model.volatile else {"offset": {"type": "integer"}, "prev": {"type": "integer"}}
    type_ = model.model_fields["type"].default
    return {"name": type_, "title": model.__name__, "payload": _event_payload(type_, data, place)}


def _room_reset(snapshot: Schema) -> Schema:
    data = {
        "type": "object",
        "required": ["snapshot", "cursor"],
        "properties": {"snapshot": snapshot, "cursor": _TEXT},
    }
    return {"name": "room.reset", "title": "RoomReset", "payload": _event_payload("room.reset", data, {})}


def _event_payload(type_: str, data: Schema, place: Schema) -> Schema:
    return {
        "type": "object",
        "required": [*place, "room", "type", "at", "data"],
        "properties": {**place, "room": _TEXT, "type": {"const": type_}, "at": _TIME, "data": data},
    }


def _ack_payload(data: Schema) -> Schema:
    good = {
        "type": "object",
        "required": ["ok", "data"],
        "properties": {"ok": {"const": True}, "data": data},
    }
    return {"oneOf": [good, {"$ref": _REF.format(model="Refusal")}]}


def _named(names: Sequence[str]) -> Schema:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _channel(name: str) -> Schema:
    return {"$ref": f"#/channels/{name}"}


def _ack(command: type[Command]) -> str:
    return f"{command.__name__}Ack"


def _reset(kind: RoomKind) -> str:
    return f"{kind.name.title()}Reset"


def _name(ref: Schema) -> str:
    return str(ref["$ref"]).rpartition("/")[2]

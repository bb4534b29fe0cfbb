"""The rooms and their events described for machines, from the very models that make them."""

from __future__ import annotations

from typing import Any, get_args

from aiohttp import web
from pydantic.json_schema import models_json_schema

from hub import __version__
from hub.domain.commands import COMMANDS
from hub.domain.events import BranchEvent, ChatEvent, Event, OrderEvent
from hub.domain.rooms import WITH_ID, RoomKind

_REF = "#/components/schemas/{model}"


def describe() -> dict[str, Any]:
    """The AsyncAPI 3.0 document: a channel a kind of room, and one for commands."""
    events = [model for union in (OrderEvent, BranchEvent, ChatEvent) for model in get_args(union)]
    commands = list(COMMANDS.values())
    _, schemas = models_json_schema([(model, "serialization") for model in events], ref_template=_REF)
    _, asked = models_json_schema([(model, "validation") for model in commands], ref_template=_REF)
    for model in events:  # `type` stands beside the data, not in it
        schemas["$defs"][model.__name__]["properties"].pop("type")
        schemas["$defs"][model.__name__].pop("title", None)
    messages = {model.__name__: _event(model) for model in events}
    messages |= {model.__name__: _command(model.name, model.__name__) for model in commands}
    channels = {str(kind): _room(kind, [m.__name__ for m in events if kind in _rooms_of(m)]) for kind in RoomKind}
    channels["commands"] = {
        "address": "/socket.io/",
        "description": "One payload object and an ack callback; the same over /ws.",
        "messages": {m.__name__: {"$ref": f"#/components/messages/{m.__name__}"} for m in commands},
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Comanda", "version": __version__},
        "channels": channels,
        "operations": {
            **{f"receive-{name}": _operation("send", name) for name in channels if name != "commands"},
            "command": _operation("receive", "commands"),
        },
        "components": {"messages": messages, "schemas": {**asked["$defs"], **schemas["$defs"]}},
    }


def _rooms_of(model: type[Event]) -> frozenset[RoomKind]:
    """The kinds of room an event appears in."""
    name = str(model.model_fields["type"].default)
    match name.partition("."):
        case ("order", _, "acknowledged"):
            return frozenset({RoomKind.KITCHEN})
        case ("order" | "courier", _, _):
            return frozenset({RoomKind.ORDER, RoomKind.KITCHEN})
        case ("promo", _, _):
            return frozenset({RoomKind.PROMOS})
        case ("stock", _, _):
            return frozenset({RoomKind.STOCK, RoomKind.KITCHEN})
        case ("floor", _, _):
            return frozenset({RoomKind.FLOOR})
        case ("notice", _, _):
            return frozenset({RoomKind.CUSTOMER, RoomKind.ORDER, RoomKind.CHAT, RoomKind.FLOOR})
        case _:
            return frozenset({RoomKind.CHAT})


def _event(model: type[Event]) -> dict[str, Any]:
    """One event as it arrives: its place in the log around its data."""
    place = {"offset": {"type": "integer"}, "prev": {"type": "integer"}}
    return {
        "name": model.model_fields["type"].default,
        "title": model.__name__,
        "payload": {
            "type": "object",
            "required": ["room", "type", "at", "data"] + ([] if model.volatile else ["offset", "prev"]),
            "properties": {
                **({} if model.volatile else place),
                "room": {"type": "string"},
                "type": {"const": model.model_fields["type"].default},
                "at": {"type": "string", "format": "date-time"},
                "data": {"$ref": _REF.format(model=model.__name__)},
            },
        },
    }


def _command(name: str, model: str) -> dict[str, Any]:
    return {"name": name, "title": model, "payload": {"$ref": _REF.format(model=model)}}


def _room(kind: RoomKind, names: list[str]) -> dict[str, Any]:
    channel: dict[str, Any] = {
        "address": f"{kind}:{{id}}" if kind in WITH_ID else str(kind),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }
    if kind in WITH_ID:
        channel["parameters"] = {"id": {"description": f"Which {kind}"}}
    return channel


def _operation(action: str, channel: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}


def routes() -> list[web.RouteDef]:
    document = describe()

    async def asyncapi(_request: web.Request) -> web.Response:
        return web.json_response(document)

    return [web.get("/asyncapi.json", asyncapi)]

"""Write the types of the JavaScript client: every event, command, answer and snapshot, from the AsyncAPI document.

Usage: python -m scripts.write_client_types FILE
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hub.app import HUB, create_app
from hub.config import MENU_FILE, Settings
from hub.domain.menu import parse_menu
from hub.gateways.asyncapi import describe

Schema = Mapping[str, Any]

HEAD = """\
// The contract with a Comanda hub, made by scripts/write_client_types.py from the hub's AsyncAPI document. Do not edit.
// More fields, events, statuses and codes than these may come: ignore those that you do not know.
"""
_SIMPLE = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    Path(arguments[0]).write_text(types(document()))
    return 0


def document() -> Schema:
    """Return the AsyncAPI document of a hub with default settings."""
    settings = Settings(_env_file=None)
    menu = parse_menu(MENU_FILE.read_text(encoding="utf-8"))
    app = create_app(settings, "redis://127.0.0.1:1", b"a secret that signs nothing here", menu)
    return describe(app[HUB].gateways.commands.answers)


def types(document: Schema) -> str:
    """Return the TypeScript declarations of an AsyncAPI document."""
    schemas: Mapping[str, Schema] = document["components"]["schemas"]
    refusal = schemas["Refusal"]["properties"]["error"]["properties"]
    taken = _taken(document)
    parts = [
        HEAD,
        *(
            _declaration(name, schema if name in taken else _sent(schema))
            for name, schema in sorted(schemas.items())
            if name != "Refusal"
        ),
        _map("EventData", "The data of each event, by its type.", _events(document)),
        _map("RoomEvents", "The types of the events of each kind of room.", _room_events(document)),
        _map("Snapshots", "The state of each kind of room.", _snapshots(document)),
        _map("Commands", "The payload of each command, and the data of its answer.", _commands(document)),
        f"export type ErrorCode = {_type(refusal['code'])};\n",
    ]
    return "\n".join(parts)


def _taken(document: Schema) -> set[str]:
    """Return the schemas that commands are made of: a field with a default may be left out of them."""
    messages = document["components"]["messages"]
    waiting = [message["payload"] for name, message in messages.items() if f"{name}Ack" in messages]
    found: set[str] = set()
    while waiting:
        text = json.dumps(waiting.pop())
        for name in re.findall(r'"#/components/schemas/([^"]+)"', text):
            if name not in found:
                found.add(name)
                waiting.append(document["components"]["schemas"][name])
    return found


def _sent(schema: Schema) -> Schema:
    """Return the schema of something that the hub sends: a field with a default is there, unless that is null."""
    always = [name for name, field in schema.get("properties", {}).items() if field.get("default") is not None]
    return {**schema, "required": [*schema.get("required", ()), *always]}


def _declaration(name: str, schema: Schema) -> str:
    comment = _comment(schema.get("description", ""))
    if "properties" in schema or schema.get("type") == "object":
        return f"{comment}export interface {_name(name)} {_object(schema)}\n"
    return f"{comment}export type {_name(name)} = {_type(schema)};\n"


def _map(name: str, meaning: str, entries: Mapping[str, str]) -> str:
    lines = "".join(f"  {json.dumps(key)}: {type_};\n" for key, type_ in sorted(entries.items()))
    return f"/** {meaning} */\nexport interface {name} {{\n{lines}}}\n"


def _events(document: Schema) -> dict[str, str]:
    return {
        message["name"]: _type(message["payload"]["properties"]["data"])
        for message in document["components"]["messages"].values()
        if "data" in message["payload"].get("properties", {}) and message["name"] != "room.reset"
    }


def _room_events(document: Schema) -> dict[str, str]:
    messages = document["components"]["messages"]
    found = {}
    for kind, channel in document["channels"].items():
        types = {messages[name]["name"] for name in channel["messages"]}
        if "room.reset" in types:
            found[kind] = _union(json.dumps(type_) for type_ in sorted(types - {"room.reset"}))
    return found


def _snapshots(document: Schema) -> dict[str, str]:
    messages = document["components"]["messages"]
    return {
        kind: _type(messages[name]["payload"]["properties"]["data"]["properties"]["snapshot"])
        for kind, channel in document["channels"].items()
        for name in channel["messages"]
        if messages[name]["name"] == "room.reset"
    }


def _commands(document: Schema) -> dict[str, str]:
    messages = document["components"]["messages"]
    found = {}
    for name, message in messages.items():
        if f"{name}Ack" in messages:
            good = messages[f"{name}Ack"]["payload"]["oneOf"][0]["properties"]["data"]
            found[message["name"]] = f"{{ payload: {_type(message['payload'])}; ack: {_type(good)} }}"
    return found


def _type(schema: Schema) -> str:
    """Return the TypeScript type of a JSON schema."""
    if "$ref" in schema:
        return _name(str(schema["$ref"]).rpartition("/")[2])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return _union(json.dumps(value) for value in schema["enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return _either(schema[several])
    match schema.get("type"):
        case "array":
            return f"Array<{_type(schema.get('items', {}))}>"
        case "object":
            return _object(schema)
        case str() as simple:
            return _SIMPLE[simple]
    return "unknown"


def _object(schema: Schema) -> str:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    required = set(schema.get("required", ()))
    if not properties:
        values = schema.get("additionalProperties", True)
        return f"Record<string, {_type(values)}>" if isinstance(values, Mapping) else "{}"
    fields = (f"{name}{'' if name in required else '?'}: {_type(field)}" for name, field in properties.items())
    return "{ " + "; ".join(fields) + " }"


def _either(schemas: Iterable[Schema]) -> str:
    # `Status | string` would be `string` to an editor, and it could complete nothing.
    schemas = list(schemas)
    is_open = any("$ref" in one or "enum" in one or "const" in one for one in schemas)
    return _union("(string & {})" if is_open and one == {"type": "string"} else _type(one) for one in schemas)


def _union(types: Iterable[str]) -> str:
    return " | ".join(dict.fromkeys(types)) or "never"


def _name(model: str) -> str:
    return re.sub(r"\W", "", model)


def _comment(description: str) -> str:
    first = description.partition("\n\n")[0].replace("\n", " ").strip()
    return f"/** {first} */\n" if first else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

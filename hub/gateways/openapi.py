"""The OpenAPI 3.1 document of the HTTP routes, made from the route table and the models that it names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from itertools import groupby
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from hub import __version__
from hub.domain.error_catalogue import ERRORS
from hub.gateways.openai_errors import refusal_schema_openai
from hub.gateways.route_table import JSON, Audience, ErrorShape, Route, Tag

_REF = "#/components/schemas/{model}"
_BODY: JsonSchemaMode = "validation"
_ANSWER: JsonSchemaMode = "serialization"
_SECURITY: Mapping[Audience, list[dict[str, list[str]]]] = {
    Audience.ANYONE: [],
    Audience.CAPABILITY: [{"bearer": []}, {"capability": []}],
    Audience.STAFF: [{"bearer": []}],
}

_REFUSALS = {ErrorShape.COMANDA: "Refusal", ErrorShape.OPENAI: "OpenAiRefusal"}

Schema = dict[str, Any]
Refs = Mapping[Any, Schema]  # by model and mode


def describe(routes: Iterable[Route], public_url: str = "") -> Schema:
    """Return the OpenAPI document of these routes; those that are not `described` are left out.

    Args:
        public_url: The address below which clients find the paths; empty: the host that gave them the document.
    """
    described = [route for route in routes if route.described]
    refs, schemas = models_json_schema(_models(described), ref_template=_REF)
    paths: dict[str, Schema] = {}
    for route in described:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, refs, schemas["$defs"])
    return {
        "openapi": "3.1.0",
        "info": {"title": "Comanda", "version": __version__, "description": "A real-time order hub."},
        **({"servers": [{"url": public_url}]} if public_url else {}),
        "paths": paths,
        "components": {
            "schemas": {**schemas["$defs"], "Refusal": refusal_schema(), "OpenAiRefusal": refusal_schema_openai()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "capability": {"type": "apiKey", "in": "query", "name": "token"},
            },
        },
    }


_EVENTS = "text/event-stream"
_MEDIA: Mapping[str, Schema] = {_EVENTS: {"description": "Server-sent events."}}  # what is no text as a whole


def routes(described: Sequence[Route], public_url: str = "") -> list[Route]:
    """Return the route of the OpenAPI document.

    Args:
        described: All other routes of the hub.
        public_url: `COMANDA_PUBLIC_URL`.
    """

    async def openapi(_request: web.Request) -> web.Response:
        return web.json_response(document)

    own = Route(
        method="GET",
        path="/openapi.json",
        handler=openapi,
        tag=Tag.OPERATIONS,
        summary="Describe the HTTP routes (OpenAPI 3.1)",
    )
    document = describe([*described, own], public_url)
    return [own]


def _models(routes: Sequence[Route]) -> list[tuple[type[BaseModel], JsonSchemaMode]]:
    """Return the models of all bodies and answers, once each."""
    bodies = [(route.body, _BODY) for route in routes if route.body is not None]
    answers = [(answer, _ANSWER) for route in routes for answer in route.answers]
    return list(dict.fromkeys([*bodies, *answers]))


def _operation(route: Route, refs: Refs, schemas: Mapping[str, Schema]) -> Schema:
    operation: Schema = {
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": _parameters(route, refs, schemas),
        "responses": _responses(route, refs),
    }
    if (body := _body(route, refs, schemas)) is not None:
        operation["requestBody"] = body
    if security := _SECURITY[route.audience]:
        operation["security"] = security
    return operation


def _body(route: Route, refs: Refs, schemas: Mapping[str, Schema]) -> Schema | None:
    """Return the description of the body, or None for a DELETE whose path and header say all of it."""
    if route.foreign_body:
        return {"description": route.foreign_body, "content": {JSON: {"schema": {}}}}
    if route.body is None:
        return None
    if route.method == "DELETE" and not set(route.body.model_fields) - {*route.path_parameters, "command_id"}:
        return None
    schema = _without_path_parameters(route, refs[route.body, _BODY], schemas)
    return {"required": True, "content": {JSON: {"schema": schema}}}


def _parameters(route: Route, refs: Refs, schemas: Mapping[str, Schema]) -> list[Schema]:
    fields = _fields(route, refs, schemas)
    text = {"type": "string"}
    found = [
        {"name": name, "in": "path", "required": True, "schema": fields.get(name, text)}
        for name in route.path_parameters
    ]
    found += [{"name": each.name, "in": "query", "schema": each.schema()} for each in route.query]
    if route.takes_idempotency_key:
        key = fields.get("command_id", text)
        [key] = [part for part in key.get("anyOf", (key,)) if part.get("type") == "string"]
        found.append({"name": "Idempotency-Key", "in": "header", "schema": key})
    return found


def _fields(route: Route, refs: Refs, schemas: Mapping[str, Schema]) -> Mapping[str, Schema]:
    """Return the schemas of the fields of a route's body, by name; some of them are in its path or a header."""
    if route.body is None:
        return {}
    fields: Mapping[str, Schema] = schemas[str(refs[route.body, _BODY]["$ref"]).rpartition("/")[2]]["properties"]
    return fields


def _without_path_parameters(route: Route, ref: Schema, schemas: Mapping[str, Schema]) -> Schema:
    """Return the schema of the body without the fields that the path gives."""
    schema = schemas[str(ref["$ref"]).rpartition("/")[2]]
    given = schema["properties"].keys() & set(route.path_parameters)
    if not given:
        return ref
    return {
        **schema,
        "properties": {name: part for name, part in schema["properties"].items() if name not in given},
        "required": [name for name in schema.get("required", ()) if name not in given],
    }


def _responses(route: Route, refs: Refs) -> Schema:
    content = _content(route, refs)
    responses: Schema = {str(route.status): {"description": HTTPStatus(route.status).phrase, "content": content}}
    for status, description in route.other_statuses.items():
        empty = status == HTTPStatus.NO_CONTENT
        responses[str(status)] = {"description": description, **({} if empty else {"content": content})}
    for error_status, errors in groupby(sorted(route.all_errors(), key=_by_status), key=lambda error: error.status):
        codes = ", ".join(f"`{error.code}`" for error in errors)
        refusal = {"description": codes, "content": {JSON: {"schema": _ref(_REFUSALS[route.error_shape])}}}
        responses.setdefault(str(error_status), refusal)
    return responses


def _by_status(error: Any) -> tuple[int, str]:
    return error.status, error.code


def _content(route: Route, refs: Refs) -> Schema:
    if route.media_type != JSON:
        return {route.media_type: {"schema": _MEDIA.get(route.media_type, {"type": "string"})}}
    if not route.answers:
        return {JSON: {"schema": {"type": "object"}}}
    found = [refs[answer, _ANSWER] for answer in route.answers]
    data = found[0] if len(found) == 1 else {"anyOf": found}
    content = {JSON: {"schema": data if route.bare else _envelope(data)}}
    if route.event_source or route.streams_on_request:
        content[_EVENTS] = {"schema": _MEDIA[_EVENTS]}
    return content


def _envelope(data: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["ok", "data"],
        "properties": {"ok": {"const": True}, "data": data},
        "additionalProperties": False,
    }


def refusal_schema() -> Schema:
    """Return the JSON schema of every refusal."""
    error = {
        "type": "object",
        "required": ["code", "message", "retryable"],
        "properties": {
            "code": {"enum": [kind.code for kind in ERRORS]},
            "message": {"type": "string"},
            "retryable": {"type": "boolean"},
            "retry_after_s": {"type": "number"},
            "values": {"type": "object"},
        },
    }
    return {
        "type": "object",
        "required": ["ok", "error"],
        "properties": {"ok": {"const": False}, "error": error},
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=name)}

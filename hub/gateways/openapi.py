"""The HTTP door described for machines, from the very models that parse its requests."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hub import __version__
from hub.domain import commands as cmd
from hub.domain.errors import ERRORS
from hub.domain.models import Order
from hub.gateways.token_stream import Conversation
from hub.gateways.ui_stream import Submitted

_REF = "#/components/schemas/{model}"
# method, path, summary, body, status of success, who
_CALLS: tuple[tuple[str, str, str, type[BaseModel] | None, int, str], ...] = (
    ("get", "/healthz", "The process answers", None, 200, "any"),
    ("get", "/readyz", "Commands can be committed and events are heard", None, 200, "any"),
    ("get", "/metrics", "Prometheus metrics", None, 200, "staff"),
    ("post", "/api/login", "Trade a name and a PIN for a token", cmd.Login, 200, "any"),
    ("post", "/api/logout", "End the token that is shown", cmd.Logout, 200, "staff"),
    ("get", "/api/menu", "The menu, with what there is of each dish", None, 200, "any"),
    ("get", "/api/staff", "Who works here", None, 200, "staff"),
    ("post", "/api/orders", "Place an order", cmd.PlaceOrder, 201, "any"),
    ("get", "/api/orders", "The newest orders", None, 200, "staff"),
    ("get", "/api/orders/{order_id}", "One order", None, 200, "capability"),
    ("post", "/api/orders/{order_id}/advance", "One step on", cmd.AdvanceOrder, 200, "staff"),
    ("post", "/api/orders/{order_id}/cancel", "Cancel it", cmd.CancelOrder, 200, "capability"),
    ("post", "/api/orders/{order_id}/recall", "One step back", cmd.RecallOrder, 200, "staff"),
    ("post", "/api/orders/{order_id}/delay", "It will take longer", cmd.DelayOrder, 200, "staff"),
    ("post", "/api/orders/{order_id}/acknowledge", "A person saw it", cmd.AcknowledgeOrder, 200, "staff"),
    ("post", "/api/orders/{order_id}/accept", "A person says yes to a large order", cmd.AcceptOrder, 200, "staff"),
    ("post", "/api/orders/cancel", "Cancel the open orders that fit a filter", cmd.CancelOrders, 200, "staff"),
    ("post", "/api/orders/{order_id}/items", "A line is done, or not", cmd.MarkItem, 200, "staff"),
    ("post", "/api/orders/{order_id}/courier", "Give it to a courier", cmd.AssignCourier, 200, "staff"),
    ("get", "/api/rooms/{room}/events", "A room's events, as a stream or a page", None, 200, "capability"),
    ("post", "/api/promos", "Publish a promotion", cmd.PublishPromo, 201, "staff"),
    ("post", "/api/stock", "Say how many of a dish are left", cmd.SetStock, 200, "staff"),
    ("post", "/api/notifications", "Say what to be told of", cmd.SetNotifications, 200, "capability"),
    ("get", "/api/chats", "The chats in which something was said last", None, 200, "staff"),
    ("post", "/api/chats", "Open a chat", cmd.OpenChat, 201, "any"),
    ("post", "/api/chats/{chat_id}/messages", "Say something", cmd.SendChat, 202, "capability"),
    ("post", "/api/chats/{chat_id}/stop", "Stop an answer", cmd.StopChat, 200, "capability"),
    ("get", "/api/chats/{chat_id}/turns", "A chat's last turns, with their figures", None, 200, "staff"),
    ("post", "/api/chats/{chat_id}/forget", "Forget what was said in a chat", cmd.ForgetChat, 200, "capability"),
    ("post", "/api/chat/stream", "One answer as a plain token stream", Conversation, 200, "any"),
    ("post", "/api/chat", "One answer as the AI SDK's UI message stream", Submitted, 200, "any"),
    ("get", "/api/chat/{id}/stream", "The answer under way, as the same stream", None, 200, "any"),
    ("delete", "/api/chat/{id}/stream", "Stop the answer under way", None, 200, "any"),
)
_FROM_PATH = {"order_id", "chat_id"}
_QUERY = {
    "/api/staff": ("role",),
    "/api/orders": ("status", "limit", "before", "open", "after"),
    "/api/chats": ("mode", "limit", "before"),
    "/api/rooms/{room}/events": ("after", "limit", "only"),
}


def describe() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    bodies = sorted({call[3] for call in _CALLS if call[3] is not None} | {Order}, key=lambda m: m.__name__)
    _, schemas = models_json_schema([(model, "validation") for model in bodies], ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for method, path, summary, body, status, who in _CALLS:
        paths.setdefault(path, {})[method] = _operation(method, path, summary, body, status, who)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Comanda", "version": __version__, "description": "A real-time order hub."},
        "paths": paths,
        "components": {
            "schemas": {**schemas["$defs"], **_envelopes()},
            "securitySchemes": {
                "staff": {"type": "http", "scheme": "bearer"},
                "capability": {"type": "apiKey", "in": "query", "name": "token"},
            },
        },
    }


def _operation(
    method: str, path: str, summary: str, body: type[BaseModel] | None, status: int, who: str
) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": part.strip("{}"), "in": "path", "required": True, "schema": {"type": "string"}}
        for part in path.split("/")
        if part.startswith("{")
    ]
    if method == "get":
        names = _QUERY.get(path, ())
        parameters += [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    elif body is not None and "command_id" in body.model_fields:
        parameters.append({"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}})
    operation: dict[str, Any] = {
        "summary": summary,
        "parameters": parameters,
        "responses": {
            str(status): {"description": "Done", "content": _json(_ref("Answer"))},
            "default": {"description": "Refused", "content": _json(_ref("Refusal"))},
        },
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": _json(_body(path, body))}
    if who != "any":
        operation["security"] = [{"staff": []}] if who == "staff" else [{"staff": []}, {"capability": []}]
    return operation


def _body(path: str, model: type[BaseModel]) -> dict[str, Any]:
    """The model's schema; what the address already says is not needed in the body."""
    named = [name for name in model.model_fields if name in _FROM_PATH and f"{{{name}}}" in path]
    if not named:
        return _ref(model.__name__)
    schema = model.model_json_schema(ref_template=_REF)
    schema.pop("$defs", None)
    schema["properties"] = {name: part for name, part in schema["properties"].items() if name not in named}
    schema["required"] = [name for name in schema.get("required", ()) if name not in named]
    return schema


def _envelopes() -> dict[str, Any]:
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
        "Answer": {
            "type": "object",
            "required": ["ok", "data"],
            "properties": {"ok": {"const": True}, "data": {"type": "object"}},
        },
        "Refusal": {
            "type": "object",
            "required": ["ok", "error"],
            "properties": {"ok": {"const": False}, "error": error},
        },
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=name)}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def routes() -> list[web.RouteDef]:
    document = describe()

    async def openapi(_request: web.Request) -> web.Response:
        return web.json_response(document)

    return [web.get("/openapi.json", openapi)]

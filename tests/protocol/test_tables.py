"""The document's tables agree with the code: neither has an entry that the other lacks."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from aiohttp import web
from pydantic import SecretStr
from pydantic_settings import BaseSettings

import hub
from hub import cli
from hub.app import HUB, create_app
from hub.config import MENU_FILE, AgentSettings, Limits, PrinterSettings, Settings
from hub.core.errors import ComandaError
from hub.domain import events
from hub.domain.commands import COMMANDS
from hub.domain.error_catalogue import ERRORS
from hub.domain.failures import FAILURES
from hub.domain.lifecycle import RULES, DeliveryKind, OrderStatus
from hub.domain.notification_preferences import NotificationType, Preferences
from hub.domain.order_document import Eta, Order, RecallOffer
from hub.domain.reason_codes import REASON_TEXTS
from hub.domain.roles import PERMISSIONS, Kind, Permission, Role
from hub.domain.room_retention import RETENTION
from hub.domain.rooms import WITH_ID, RoomKind
from hub.gateways import asyncapi, event_source, safe_headers, sse
from hub.gateways.pages import PAGES, SERVICE_WORKER
from hub.gateways.responses import ui_stream
from hub.socketio.close_reason import CloseReason
from hub.store.conflicts import VersionConflict
from hub.telemetry import Metrics
from tests.protocol.document import Document, Row, name, shape, spans
from tests.protocol.shapes import of_answer, of_request, paths
from tests.support.hub_harness import MENU, SECRET

ROOT = Path(hub.__file__).resolve().parents[1]
NOT_SET = "–"
WHERE_IT_WAS = "where it was, for a time"
QUERIES = {"GET /api/orders?open=true"}  # that make another call of a route
YES = {"yes": True, "no": False, "": False}
SAID_ELSEWHERE = (Order, events.Usage, Eta, RecallOffer)
EVENTS = [model for union in (events.OrderEvent, events.BranchEvent, events.ChatEvent) for model in get_args(union)]

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Claim:
    """One table: how its rows read, and what the code says of the same.

    Attributes:
        reads: A row's meaning; a row whose cells cannot be read is wrong as well.
        coded: The same of the code, by name.
        columns: What `reads` looks at, besides the name.
        another: A name that the code does not have.
    """

    section: str
    key: str
    reads: Callable[[Row], Any]
    coded: Callable[[], Facts]
    columns: tuple[str, ...] = ()
    another: str = "`zz`"
    of_another: Callable[[str], str] = field(default=name)

    def documented(self, document: Document) -> Facts:
        facts: dict[str, Any] = {}
        for row in document.rows(self.section, self.key):
            named = self.of_another(row[self.key])
            assert named not in facts, f"{named} stands twice"
            facts[named] = self.reads(row)
        return facts


SITE = (*PAGES, SERVICE_WORKER, "/static/{path}")  # what browsers are served, and no call


def nothing(_row: Row) -> None:
    """The name alone is compared."""


def event_types() -> Facts:
    channels = asyncapi.describe(_app()[HUB].gateways.commands.answers)["channels"]
    rooms = {
        model.__name__: frozenset(kind for kind in RoomKind if model.__name__ in channels[str(kind)]["messages"])
        for model in EVENTS
    }
    return {
        str(model.model_fields["type"].default): (
            rooms[model.__name__],
            model.volatile,
            of_answer(model, SAID_ELSEWHERE, skip=("type",)),
        )
        for model in EVENTS
    }


def event_type(row: Row) -> Any:
    return frozenset(row["rooms"].split()), YES[row["volatile"]], shape(row["`data`"])


def error_codes() -> Facts:
    """Each code with its status, and the facts that the hub ever puts beside it."""
    said = {kind.code: set[str]() for kind in ERRORS}
    kinds: tuple[type[ComandaError], ...] = (*ERRORS, VersionConflict)
    by_name = {kind.__name__: kind.code for kind in kinds}
    for path in (ROOT / "hub").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in by_name:
                said[by_name[node.func.id]] |= set(_keywords(node, tree))
    return {kind.code: (kind.status, kind.retryable, frozenset(said[kind.code])) for kind in ERRORS}


def _keywords(call: ast.Call, tree: ast.AST) -> Iterator[str]:
    """The facts that an error is made with; those of `**f(…)` stand in the dict that `f` returns."""
    for keyword in call.keywords:
        if keyword.arg is None:
            assert isinstance(keyword.value, ast.Call)
            yield from _returned(keyword.value, tree)
        elif keyword.arg != "retry_after_s":
            yield keyword.arg


def _returned(call: ast.Call, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and isinstance(call.func, ast.Name) and node.name == call.func.id:
            [returned] = (each.value for each in ast.walk(node) if isinstance(each, ast.Return))
            assert isinstance(returned, ast.Dict)
            yield from (ast.literal_eval(key) for key in returned.keys if key is not None)


def error_code(row: Row) -> Any:
    return int(row["HTTP"]), YES[row["retryable"]], frozenset(spans(row["`values` (each optional)"]))


def permissions() -> Facts:
    roles = [role for role in Role if role is not Role.SERVICE]
    return {str(one): frozenset(role for role in roles if one in PERMISSIONS[role]) for one in Permission}


def permission(row: Row) -> Any:
    return frozenset(role for role in Role if role is not Role.SERVICE and YES[row[str(role)]])


def commands() -> Facts:
    return {model.name: of_request(model) for model in COMMANDS.values()}


def rooms() -> Facts:
    limits = Limits(_env_file=None)
    history = {kind: limits.room_events if kept.history is None else kept.history for kind, kept in RETENTION.items()}
    with_id = {kind: f"{kind}:<id>" if kind in WITH_ID else str(kind) for kind in RoomKind}
    return {str(kind): (with_id[kind], history[kind]) for kind in RoomKind}


def room(row: Row) -> Any:
    return name(row["name"]), int(row["history"].split()[0])


def order_fields() -> Facts:
    return dict.fromkeys(paths(Order))


def statuses() -> Facts:
    def step(kind: DeliveryKind, status: OrderStatus) -> str:
        return str(RULES[status].next.get(kind, NOT_SET))

    return {
        str(status): (
            step(DeliveryKind.DELIVERY, status),
            step(DeliveryKind.PICKUP, status),
            str(RULES[status].recalled_to or (WHERE_IT_WAS if RULES[status].undone else NOT_SET)),
        )
        for status in OrderStatus
    }


def status(row: Row) -> Any:
    return tuple(row[column].strip("`") for column in ("next, `delivery`", "next, `pickup`", "recalled to"))


def calls() -> Facts:
    """The routes that take or give data; a command's status is the one with which its route answers."""
    taken = {f"{method} {path}" for method, path in _routes() if path not in SITE}
    return dict.fromkeys(taken | QUERIES)


def pages() -> Facts:
    return dict.fromkeys(path for method, path in _routes() if method == "GET" and path in SITE)


def _routes() -> Iterator[tuple[str, str]]:
    for route in _app().router.routes():
        if route.method != "HEAD" and route.resource is not None:
            yield route.method, route.resource.canonical


def _app() -> web.Application:
    return create_app(Settings(_env_file=None), "redis://127.0.0.1:1/0", SECRET, MENU)


def settings_of(model: type[BaseSettings]) -> Facts:
    prefix, blank = model.model_config["env_prefix"], model(_env_file=None)
    return {
        f"{prefix}{key}".upper(): _written(getattr(blank, key))
        for key in model.model_fields
        if key not in ("limits", "agent", "printer")
    }


def _written(value: Any) -> str:
    """A default as the document writes it."""
    if value == MENU_FILE:
        return str(MENU_FILE.relative_to(ROOT))
    if isinstance(value, bool):
        return str(value).lower()
    if value in (None, "", ()) and value != 0:
        return NOT_SET
    assert not isinstance(value, SecretStr)
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def default(row: Row) -> str:
    return row["default"].strip("`")


def programs() -> Facts:
    """The commands of the command line with their options; hidden ones are not promised."""
    found: dict[str, Any] = {}

    def walk(command: Any, called: str) -> None:
        if inner := getattr(command, "commands", None):
            for word in inner:
                walk(inner[word], f"{called} {word}")
            if not command.invoke_without_command:
                return
        options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
        found[called] = frozenset(one.opts[0] for one in options) - {"--help"}

    walk(typer.main.get_command(cli.app), "comanda")
    return found


def chunks() -> Facts:
    """Every `{"type": …}` that the AI SDK's gateway makes."""
    tree = ast.parse(inspect.getsource(ui_stream.UiMessageFormat))
    types = {
        getattr(value, "value", None) or getattr(ui_stream, value.id)  # type: ignore[attr-defined]
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "type"
    }
    return dict.fromkeys(types)


def metrics() -> Facts:
    """Every metric with its type; the name of a counter ends as Prometheus has it."""
    made = Metrics()
    branch = (made.turns, made.webhooks, made.notices, made.whatsapp)
    families = [*made.registry.collect(), *(family for each in branch for family in each.collect())]
    return {family.name + "_total" * (family.type == "counter"): family.type for family in families}


CLAIMS = [
    Claim("Event types", "type", event_type, event_types, ("rooms", "volatile", "`data`")),
    Claim("Usage", "field", nothing, lambda: dict.fromkeys(of_answer(events.Usage))),
    Claim(
        "Why an answer failed",
        "`error.code`",
        lambda row: YES[row["retryable"]],
        lambda: {code: failure[0] for code, failure in FAILURES.items()},
        ("retryable",),
    ),
    Claim("Error codes", "code", error_code, error_codes, ("HTTP", "retryable", "`values` (each optional)")),
    Claim("Who is asking", "principal", nothing, lambda: dict.fromkeys(map(str, Kind))),
    Claim("Roles", "permission", permission, permissions, ("kitchen", "courier", "support", "manager")),
    Claim("Rooms", "kind", room, rooms, ("name", "history")),
    Claim("Commands", "command", lambda row: shape(row["payload"]), commands, ("payload",)),
    Claim(
        "Notifications",
        "type",
        lambda row: YES[row["told by default"]],
        lambda: {one: one in Preferences().types for one in get_args(NotificationType)},
        ("told by default",),
    ),
    Claim("The order", "field", nothing, order_fields),
    Claim(
        "Usual reasons",
        "reason code",
        lambda row: (row["es"], row["en"]),
        lambda: {str(code): tuple(text) for code, text in REASON_TEXTS.items()},
        ("es", "en"),
    ),
    Claim("Status", "status", status, statuses, ("next, `delivery`", "next, `pickup`", "recalled to")),
    Claim(
        "Close codes",
        "reason",
        lambda row: int(row["code"]),
        lambda: {str(reason): reason.code for reason in CloseReason},
        ("code",),
    ),
    Claim(
        "Server-sent events", "stream header", lambda row: name(row["value"]), lambda: event_source.HEADERS, ("value",)
    ),
    Claim("HTTP", "header", lambda row: name(row["value"]), lambda: safe_headers.SAFE_HEADERS, ("value",)),
    Claim("HTTP", "call", nothing, calls, another="`GET /zz`"),
    Claim("One answer as a stream", "chunk", nothing, chunks),
    Claim("Pages", "address", nothing, pages),
    Claim("Metrics", "metric", lambda row: row["type"], metrics, ("type",)),
    Claim("Limits", "setting", default, lambda: settings_of(Limits), ("default",)),
    Claim(
        "Settings",
        "setting",
        default,
        lambda: {**settings_of(Settings), **settings_of(AgentSettings), **settings_of(PrinterSettings)},
        ("default",),
    ),
    Claim("Command line", "command", lambda row: frozenset(spans(row["options"])), programs, ("options",)),
]
CASES = pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.section}, {claim.key}")


@pytest.fixture(scope="module")
def document() -> Document:
    return Document.read()


@CASES
def test_the_table_says_what_the_code_does(document: Document, claim: Claim) -> None:
    assert claim.documented(document) == claim.coded()


@CASES
def test_a_row_that_is_missing_is_noticed(document: Document, claim: Claim) -> None:
    coded = claim.coded()
    for number in range(len(document.rows(claim.section, claim.key))):
        assert claim.documented(document.without(claim.section, claim.key, number)) != coded


@CASES
def test_a_row_too_many_is_noticed(document: Document, claim: Claim) -> None:
    assert claim.documented(document.with_row(claim.section, claim.key, claim.another)) != claim.coded()


@CASES
def test_another_value_in_a_row_is_noticed(document: Document, claim: Claim) -> None:
    coded = claim.coded()
    for column in claim.columns:
        for number, row in enumerate(document.rows(claim.section, claim.key)):
            changed = {"yes": "no", "no": "yes", "`{}`": "`{zz}`"}.get(row[column], "`zz`")
            other = document.with_cell(claim.section, claim.key, number, column, changed)
            try:
                documented = claim.documented(other)
            except (ValueError, KeyError, AssertionError):
                continue
            assert documented != coded, f"{column!r} of {row[claim.key]} may say anything"


def test_each_route_is_documented_with_its_statuses(document: Document) -> None:
    documented = {
        call: row["status"].replace(" ", "").split(",") for call, row in document.by_name("HTTP", "call").items()
    }
    declared = {
        f"{route.method} {route.path}": [str(status) for status in (route.status, *route.other_statuses)]
        for route in _app()[HUB].gateways.routes
        if route.path not in SITE
    }
    assert {call: documented.get(call) for call in declared} == declared


def test_the_times_of_a_stream_are_the_ones_it_keeps() -> None:
    text = " ".join(Path(ROOT / "docs" / "protocol.md").read_text(encoding="utf-8").split())
    assert f"`retry: {sse._RETRY_MS[0]}…{sse._RETRY_MS[1]}`" in text
    assert f"after {sse.HEARTBEAT_S:g} s of silence" in text
    assert f"`retry: {event_source._COME_BACK_MS[0]}…{event_source._COME_BACK_MS[1]}`" in text

"""The answers, acks and events of a running hub fit the schemas that it declares in OpenAPI and AsyncAPI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from hub.domain.commands import COMMANDS
from hub.domain.rooms import RoomKind
from tests.protocol.evening import Evening, spend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.gateways.route_table import Route
    from hub.store.log import EventLog
    from hub.store.types import Write
    from tests.support.hub_harness import HubHarness

Json = dict[str, Any]
# Streams and descriptions have no envelope, nor have the empty answers that OwnTracks and Meta get; /readyz is asked
# apart, as it answers 503 with data as well, and so are OpenAI's calls (tests/gateways/test_chat_completions.py).
OPENAI = {"/v1/chat/completions", "/v1/models", "/v1/models/{model}"}
APART = {"/readyz", "/metrics", "/openapi.json", "/asyncapi.json", "/ingest/owntracks", "/webhooks/whatsapp", *OPENAI}
# Declared, and not part of an evening: the agent's tools make them, or nobody does.
NOT_THIS_EVENING = {
    ("chat", "chat.tool_called"),
    ("chat", "chat.tool_finished"),
    ("chat", "chat.tracking_started"),
    ("order", "notice.sent"),
    ("chat", "notice.sent"),
    ("floor", "notice.sent"),
    ("customer", "notice.sent"),
    ("floor", "floor.tick"),  # made for the screens of one process, and not in the log
}


@pytest.fixture
async def evening(house: HubHarness) -> Evening:
    return await spend(house)


class Schemas:
    """The schemas of one document, with their references."""

    def __init__(self, document: Json) -> None:
        self.document = document

    def faults(self, schema: Json, value: Any) -> list[str]:
        """Return what is wrong with a value."""
        whole = {**schema, "components": self.document["components"]}
        return [error.message for error in Draft202012Validator(whole).iter_errors(value)]

    def resolved(self, schema: Json) -> Json:
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema

    def alternatives(self, schema: Json) -> list[Json]:
        return [self.resolved(each) for each in schema.get("anyOf", [schema])]

    def check(self, schema: Json, value: Json, data: Json) -> None:
        """Check that a value fits, that each of its fields is declared, and that a required one may not be missing.

        Args:
            data: The part of the schema that describes `value["data"]`.
        """
        assert self.faults(schema, value) == []
        for each in self.alternatives(data):
            if each.get("properties", {}).keys() >= value["data"].keys():
                break
        else:
            raise AssertionError(f"{value['data'].keys()} are not all declared")
        for name in each.get("required", ()):
            less = {key: part for key, part in value["data"].items() if key != name}
            assert self.faults(each, less), f"{name} may be missing"


def commands_of(routes: list[Route]) -> Iterator[tuple[Route, str]]:
    for route in routes:
        if route.body is not None and route.body in COMMANDS.values():
            yield route, route.body.name  # type: ignore[attr-defined]


async def test_each_answer_fits_the_schema_of_its_route(evening: Evening) -> None:
    document = (await evening.house.get("/openapi.json")).body
    schemas, routes = Schemas(document), list(evening.house.hub.gateways.routes)
    answered = {f"{route.method} {route.path}": evening.acks[name] for route, name in commands_of(routes)}
    for call, answers in evening.calls.items():
        answered.setdefault(call.partition("?")[0], []).extend(answers)
    for call, answers in answered.items():
        method, _, path = call.partition(" ")
        responses = document["paths"][path][method.lower()]["responses"]
        good = next(response for status, response in responses.items() if status.startswith("2"))
        schema = good["content"]["application/json"]["schema"]
        for answer in answers:
            schemas.check(schema, {"ok": True, "data": answer}, schema["properties"]["data"])
    with_data = {f"{route.method} {route.path}" for route in routes if route.answers and route.path not in APART}
    assert answered.keys() == with_data
    silent = {route.path for route in routes if route.described and not route.answers and "json" in route.media_type}
    assert silent <= APART


async def test_each_refusal_fits_its_schema_and_is_declared(evening: Evening) -> None:
    house = evening.house
    document = (await house.get("/openapi.json")).body
    schemas = Schemas(document)
    refusals = [
        ("get", "/api/orders", await house.get("/api/orders")),
        ("get", "/api/orders", await house.get("/api/orders?limit=zz", token=house.token())),
        ("get", "/api/orders/{order_id}", await house.get("/api/orders/PED222222")),
        ("post", "/api/orders", await house.post("/api/orders", {})),
        ("post", "/api/login", await house.post("/api/login", {"name": "Beto", "pin": "00000000"})),
    ]
    for method, path, refusal in refusals:
        responses = document["paths"][path][method]["responses"]
        assert refusal.code in responses[str(refusal.status)]["description"], path
        assert (
            schemas.faults(responses[str(refusal.status)]["content"]["application/json"]["schema"], refusal.body) == []
        )


async def test_readiness_fits_its_schema(house: HubHarness) -> None:
    document = (await house.get("/openapi.json")).body
    responses = document["paths"]["/readyz"]["get"]["responses"]
    schemas = Schemas(document)
    house.hub.retire()
    answer = await house.get("/readyz")
    assert answer.status == 503
    for status in ("200", "503"):
        schema = responses[status]["content"]["application/json"]["schema"]
        assert schemas.faults(schema, answer.body) == []
        assert schemas.faults(schema, {"ok": True})


async def test_each_ack_snapshot_and_welcome_fits_its_schema(evening: Evening) -> None:
    document = (await evening.house.get("/asyncapi.json")).body
    schemas, messages = Schemas(document), document["components"]["messages"]
    assert evening.acks.keys() == COMMANDS.keys()
    for name, acks in evening.acks.items():
        [ack] = document["operations"][name]["reply"]["messages"]
        payload = messages[ack["$ref"].rpartition("/")[2]]["payload"]
        for data in acks:
            schemas.check(payload, {"ok": True, "data": data}, payload["oneOf"][0]["properties"]["data"])
    for kind, snapshots in evening.snapshots.items():
        data = messages[f"{RoomKind(kind).name.title()}Reset"]["payload"]["properties"]["data"]
        for snapshot in snapshots:
            assert schemas.faults(data, {"snapshot": snapshot, "cursor": "e-1"}) == []
            assert snapshot.keys() <= schemas.resolved(data["properties"]["snapshot"]).get("properties", {}).keys()
    for welcome in evening.own["hub.welcome"]:
        schemas.check(
            {"properties": {"data": messages["Welcome"]["payload"]}}, {"data": welcome}, messages["Welcome"]["payload"]
        )


async def test_the_channels_of_rooms_name_the_events_that_rooms_get(
    house: HubHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Written(house.hub.branch.log, monkeypatch)
    await spend(house)
    document = (await house.get("/asyncapi.json")).body
    messages = document["components"]["messages"]
    declared = {
        (str(kind), messages[name]["name"])
        for kind in RoomKind
        for name in document["channels"][str(kind)]["messages"]
        if messages[name]["name"] != "room.reset"
    }
    events = await written.events()
    assert sorted(events - declared) == []
    assert sorted(declared - events) == sorted(NOT_THIS_EVENING)


class Written:
    """Records the events of a log: each kind of room with each type of event that it got."""

    def __init__(self, log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
        self._log = log
        self._written: set[tuple[str, str]] = set()
        commit, publish = log.commit, log.publish

        async def recording_commit(write: Write) -> Any:
            self._written |= {(room.partition(":")[0], event.type) for event in write.events for room in event.rooms}
            return await commit(write)

        async def recording_publish(room: str, type: str, *rest: Any, **options: Any) -> None:
            self._written.add((room.partition(":")[0], type))
            await publish(room, type, *rest, **options)

        monkeypatch.setattr(log, "commit", recording_commit)
        monkeypatch.setattr(log, "publish", recording_publish)

    async def events(self) -> set[tuple[str, str]]:
        """Return the events that were written, and those that the log itself made of its counters."""
        read = {(room, entry.type) for room in ("stock", "kitchen") for entry in await self._log.read(room, 0)}
        return self._written | read

"""A room's events as a stream of server-sent events, and as a page of JSON."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from hub.gateways import sse
from hub.store.log import NewEvent, Write
from tests.support.hub_harness import SKU, SOON_S, STREAM, streaming
from tests.support.wire import wire

if TYPE_CHECKING:
    from tests.gateways.conftest import Open
    from tests.support.hub_harness import HubHarness

PROMOS = "/api/rooms/promos/events"


async def test_a_stream_has_the_headers_that_keep_it_flowing(house: HubHarness) -> None:
    async with streaming(house, PROMOS) as stream:
        headers = stream.response.headers
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert headers["Cache-Control"] == "no-cache, no-transform"
        assert headers["X-Accel-Buffering"] == "no"
        assert "Content-Encoding" not in headers
        await stream.next()
        assert 500 <= int(stream.retry or 0) <= 1_500


@pytest.mark.parametrize("cursor", ["", "nonsense", "zzzzzzzz-1", "-", "é-1", "a-" + "9" * 40, "a-1\x00"])
async def test_without_a_cursor_that_is_good_a_stream_begins_with_the_whole_room(
    house: HubHarness, cursor: str
) -> None:
    await house.promo("Antes")
    headers = {"Last-Event-ID": cursor} if cursor.isascii() and "\x00" not in cursor and cursor else {}
    query = "" if headers else f"?after={cursor}"
    async with streaming(house, PROMOS + query, **headers) as stream:
        reset = await stream.next()
        assert reset.type == "room.reset"
        assert [promo["title"] for promo in reset.event["data"]["snapshot"]["promos"]] == ["Antes"]
        assert reset.id == reset.event["data"]["cursor"] == await house.position()
        assert not {"offset", "prev"} & set(reset.event)
        published = await house.promo("Después")
        event = await stream.next()
        assert (event.type, event.id) == ("promo.published", published["cursor"])
        assert event.event["data"]["title"] == "Después"


async def test_a_cursor_from_beyond_the_end_is_no_good(house: HubHarness) -> None:
    await house.promo()
    epoch, _, offset = (await house.position()).partition("-")
    async with streaming(house, f"{PROMOS}?after={epoch}-{int(offset) + 5}") as stream:
        assert (await stream.next()).type == "room.reset"


@pytest.mark.parametrize("by", ["header", "query"])
async def test_a_stream_resumes_after_its_cursor_with_nothing_lost_or_twice(house: HubHarness, by: str) -> None:
    cursors = [(await house.promo(str(number)))["cursor"] for number in range(6)]
    # What a browser was first given in the address is older than what it says when it comes back.
    path = f"{PROMOS}?after={cursors[0 if by == 'header' else 2]}"
    headers = {"Last-Event-ID": cursors[2]} if by == "header" else {}
    async with streaming(house, path, **headers) as stream:
        live = await house.promo("vivo")
        seen = [await stream.next() for _ in range(4)]
        assert [sent.event["data"]["title"] for sent in seen] == ["3", "4", "5", "vivo"]
        assert [sent.id for sent in seen] == [*cursors[3:], live["cursor"]]
        epoch = cursors[0].partition("-")[0]
        assert [f"{epoch}-{sent.event['offset']}" for sent in seen] == [sent.id for sent in seen]
        assert [sent.event["prev"] for sent in seen[1:]] == [sent.event["offset"] for sent in seen[:-1]]


async def test_a_stream_that_is_up_to_date_begins_with_nothing(house: HubHarness) -> None:
    cursor = (await house.promo())["cursor"]
    async with streaming(house, f"{PROMOS}?after={cursor}") as stream:
        await house.promo("nuevo")
        assert (await stream.next()).event["data"]["title"] == "nuevo"


async def test_a_silent_stream_says_that_it_is_still_there(open_hub: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.02)
    async with open_hub() as house, streaming(house, PROMOS) as stream:
        await stream.next()
        for _ in range(3):
            # No empty line behind it: to some readers that would be an event without data.
            assert await stream.response.content.readline() == b": still here\n"
        await house.promo("y sigue")
        assert (await stream.until("promo.published")).event["data"]["title"] == "y sigue"


async def test_a_reader_gets_the_types_it_asked_for_and_its_cursor_moves_on(house: HubHarness) -> None:
    placed = await house.placed()
    id, token = placed["order"]["id"], placed["tracking"]["token"]
    path = f"/api/rooms/order:{id}/events?only=order.ready,order.delivered&after={placed['cursor']}"
    await house.advance(id, "preparing")
    async with streaming(house, path, token=token) as stream:
        await house.advance(id, "ready", "en_route", "delivered")
        assert [(await stream.next()).type for _ in range(2)] == ["order.ready", "order.delivered"]


async def test_text_with_line_breaks_stays_one_event(house: HubHarness) -> None:
    async with streaming(house, PROMOS) as stream:
        await stream.next()
        await house.promo("Hoy", "línea uno\nline two\n\ndata: {}\nevent: order.ready\u2028🌮\u0085")
        sent = await stream.next()
        assert sent.event["data"]["message"] == "línea uno\nline two\n\ndata: {}\nevent: order.ready\u2028🌮"


async def test_a_customers_stream_opens_with_the_link_alone(house: HubHarness) -> None:
    placed = await house.placed()
    room = f"/api/rooms/order:{placed['order']['id']}/events"
    async with streaming(house, f"{room}?token={placed['tracking']['token']}") as stream:
        assert (await stream.next()).event["data"]["snapshot"]["order"] == placed["order"]
        await house.advance(placed["order"]["id"], "preparing")
        assert (await stream.next()).type == "order.preparing"


@pytest.mark.parametrize(
    ("room", "code"),
    [
        ("kitchen", "forbidden"),
        ("floor", "forbidden"),
        ("support:x", "forbidden"),
        ("order:PED999999", "not_found"),
        ("chat:x", "not_found"),
        ("customer:x", "not_found"),
        ("nowhere", "not_found"),
        ("order:", "not_found"),
        ("order", "not_found"),
        ("promos:x", "not_found"),
        ("order:a:b", "not_found"),
        ("%00", "not_found"),
        ("PROMOS", "not_found"),
    ],
)
async def test_a_room_that_is_not_ones_own_is_refused_in_either_form(house: HubHarness, room: str, code: str) -> None:
    for headers in ({}, STREAM):
        answer = await house.get(f"/api/rooms/{room}/events", headers=headers)
        assert answer.code == code
        assert answer.headers["Content-Type"].startswith("application/json")
    assert house.hub.branch.relay.stats.rooms == 0


async def test_a_page_holds_what_came_after_the_cursor_and_no_more_than_asked(house: HubHarness) -> None:
    cursors = [(await house.promo(str(number)))["cursor"] for number in range(5)]
    whole = (await house.get(PROMOS)).data
    assert [event["data"]["title"] for event in whole["events"]] == ["0", "1", "2", "3", "4"]
    assert whole["cursor"] == cursors[-1]
    seen, after = [], cursors[0]
    for _ in range(3):
        page = (await house.get(f"{PROMOS}?after={after}&limit=2")).data
        assert page["recovered"] is True
        assert len(page["events"]) <= 2
        seen += [event["data"]["title"] for event in page["events"]]
        after = page["cursor"]
    assert seen == ["1", "2", "3", "4"]
    assert after == cursors[-1]


async def test_a_page_for_a_cursor_of_another_life_says_that_it_was_not_recovered(house: HubHarness) -> None:
    await house.promo()
    page = (await house.get(f"{PROMOS}?after=zzzzzzzz-1")).data
    assert page["recovered"] is False
    bad = await house.get(f"{PROMOS}?after=nonsense")
    assert (bad.status, bad.code) == (400, "bad_request")


async def test_a_reader_that_was_away_for_more_than_may_wait_comes_back(open_hub: Open) -> None:
    async with open_hub(unsent_bytes=4_096) as house:
        cursor = (await house.promo("x"))["cursor"]
        for number in range(60):
            await house.promo(str(number), "m" * 190)
        async with streaming(house, f"{PROMOS}?after={cursor}") as stream:
            assert [(await stream.next()).event["data"]["title"] for _ in range(60)] == [str(n) for n in range(60)]
            await house.promo("vivo")
            assert (await stream.next()).event["data"]["title"] == "vivo"


async def test_a_board_larger_than_what_may_wait_is_shown(open_hub: Open) -> None:
    async with open_hub(unsent_bytes=4_096) as house:
        for _ in range(20):
            await house.placed()
        async with streaming(house, "/api/rooms/kitchen/events", token=house.token("kitchen")) as stream:
            reset = await stream.next()
            assert len(reset.event["data"]["snapshot"]["orders"]) == 20
            placed = await house.placed()
            assert (await stream.next()).id == placed["cursor"]


async def test_a_board_heavier_than_a_snapshot_may_be_is_cut_and_the_rest_comes_in_pages(open_hub: Open) -> None:
    async with open_hub(snapshot_bytes=8_192) as house:
        hand = house.token("kitchen")
        placed = {(await house.placed(customer={"name": f"Ñañez {n}"}))["order"]["id"] for n in range(40)}
        async with streaming(house, "/api/rooms/kitchen/events", token=hand) as stream:
            reset = await stream.next()
        shown = reset.event["data"]["snapshot"]
        assert len(json.dumps(reset.event, ensure_ascii=False).encode()) < 8_192 + 1_024
        assert (shown["total"], shown["unseen"], shown["more"]) == (40, 40, True)
        found, after = {order["id"] for order in shown["orders"]}, shown["next"]
        assert 0 < len(found) < 40
        while after is not None:
            page = await house.get(f"/api/orders?open=true&after={after}", token=hand)
            assert len(page.raw) < 8_192 + 1_024
            found |= {order["id"] for order in page.data["orders"]}
            after = page.data["next"]
        assert found == placed
        listed = await house.get("/api/orders?limit=200", token=hand)
        assert len(listed.raw) < 8_192 + 1_024
        assert listed.data["next"] is not None


@pytest.mark.parametrize("query", ["open=true&status=ready", "open=true&before=5", "open=true&after=x"])
async def test_a_page_of_open_orders_takes_a_place_and_nothing_else(house: HubHarness, query: str) -> None:
    answer = await house.get(f"/api/orders?{query}", token=house.token("kitchen"))
    assert (answer.status, answer.code) == (400, "bad_request")


async def test_a_page_of_events_that_was_cut_for_its_weight_goes_on_in_the_next(open_hub: Open) -> None:
    async with open_hub(snapshot_bytes=2_048) as house:
        after, seen = (await house.promo("x"))["cursor"], []
        for number in range(30):
            await house.promo(str(number), "m" * 190)
        for only in ("", "&only=stock.out"):
            place, pages = after, 0
            while True:
                answer = await house.get(f"{PROMOS}?after={place}{only}")
                assert answer.data["recovered"] is True
                assert len(answer.raw) < 3_072
                seen += [event["data"]["title"] for event in answer.data["events"]]
                if answer.data["cursor"] == place:
                    break
                place, pages = answer.data["cursor"], pages + 1
            assert pages > 3
        assert seen == [str(number) for number in range(30)]


async def stuck_reader(house: HubHarness, path: str, head: str) -> asyncio.StreamWriter:
    """A connection that asks, and then takes nothing more than its machine's buffers do."""
    host, port = house.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{head}\r\n".encode())
    await reader.read(1)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    return writer


async def test_a_reader_that_takes_nothing_is_cut_off_and_costs_nobody_anything(open_hub: Open) -> None:
    async with open_hub(unsent_bytes=50_000) as house:
        writer = await stuck_reader(house, PROMOS, "Accept: text/event-stream\r\n")
        async with streaming(house, PROMOS) as stream, asyncio.timeout(30):
            await stream.next()
            number = 0
            while (
                "comanda_slow_connections_closed_total 1.0"
                not in (await house.get("/metrics", token=house.token())).raw.decode()
            ):
                body = json.dumps({"type": "promo.published", "at": "", "data": {"title": number, "x": "m" * 60_000}})
                await house.hub.branch.log.commit(Write(events=(NewEvent("promo.published", body, ("promos",)),)))
                assert (await stream.next()).event["data"]["title"] == number
                number += 1
            while house.hub.branch.relay.stats.members > 1:
                await house.hub.branch.log.ping()
        writer.close()


async def test_a_reader_of_http_1_0_gets_the_stream_without_chunks(house: HubHarness) -> None:
    async with wire(house.url) as client, asyncio.timeout(SOON_S):
        await client.send(f"GET {PROMOS} HTTP/1.0\r\nHost: hub\r\nAccept: text/event-stream\r\n\r\n".encode())
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert b"chunked" not in head
        assert (await client.reader.readuntil(b"\n")).startswith(b"retry: ")
        await client.reader.readuntil(b"event: room.reset\n")
        await client.reader.readuntil(b"\n\n")
        published = await house.promo()
        assert await client.reader.readuntil(b"\n") == f"id: {published['cursor']}\n".encode()


async def test_a_reader_that_is_gone_is_forgotten(house: HubHarness) -> None:
    async with streaming(house, PROMOS) as stream:
        await stream.next()
        assert house.hub.branch.relay.stats.members == 1
    async with asyncio.timeout(SOON_S):
        while house.hub.branch.relay.stats.members:
            await house.promo()


async def test_the_end_of_a_hub_is_the_end_of_its_streams(open_hub: Open) -> None:
    async with open_hub() as house, streaming(house, PROMOS) as stream:
        await stream.next()
        async with asyncio.timeout(SOON_S):
            await house.hub.drain()
            told = await stream.response.content.read()
        # When to come back is left to chance: not all of them are to knock elsewhere in the same instant.
        retry = re.fullmatch(rb"retry: (\d+)\n", told)
        assert retry is not None, told
        assert 200 <= int(retry[1]) <= 2000
        again = await house.get(PROMOS, headers={**STREAM, "X-Stream-Errors": "status"})
        assert (again.status, again.code) == (503, "unavailable")
        assert again.body["error"]["retryable"] is True


async def test_joining_while_others_write_leaves_no_window(house: HubHarness) -> None:
    """Streams begun at any moment of a burst: each sees the reset's state, then every event after it."""
    token = house.token("kitchen")
    done = asyncio.Event()

    async def write() -> None:
        for _ in range(25):
            order = (await house.placed(items=[{"sku": SKU, "qty": 1}]))["order"]
            await house.advance(order["id"], "preparing")
        done.set()

    async def read() -> None:
        async with streaming(house, "/api/rooms/kitchen/events", token=token) as stream:
            reset = (await stream.next()).event["data"]
            versions = {order["id"]: order["version"] for order in reset["snapshot"]["orders"]}
            last: int | None = None
            await done.wait()
            end = int((await house.position()).partition("-")[2])
            offset = int(reset["cursor"].partition("-")[2])
            while offset < end:
                event = (await stream.next()).event
                if not event["type"].startswith("order."):
                    offset = event["offset"]
                    continue
                assert event["prev"] == last if last is not None else event["prev"] <= offset
                last = offset = event["offset"]
                order: dict[str, Any] = event["data"].get("order") or event["data"]
                id = order.get("id") or order["order_id"]
                assert order["version"] == versions.get(id, 0) + 1
                versions[id] = order["version"]
            assert len(versions) == 25
            assert set(versions.values()) == {2}

    async with asyncio.TaskGroup() as tasks:
        readers = [tasks.create_task(read()) for _ in range(3)]
        tasks.create_task(write())
        for _ in range(3):
            await house.position()
            readers.append(tasks.create_task(read()))

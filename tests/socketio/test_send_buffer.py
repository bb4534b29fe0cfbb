"""The send buffer that all gateways share, over a queue: what waits, what is too much, and what counts as unsent."""

from __future__ import annotations

import asyncio

import pytest

from hub.relay.frames import Frame
from hub.socketio.send_buffer import SendBuffer
from hub.socketio.send_queue import SendQueue

SOON_S = 5.0


class Owner:
    """A connection over a queue, which notes what it is told."""

    def __init__(self, limit_bytes: int) -> None:
        self.overflows = 0
        self.queue = SendQueue(self)
        self.buffer = SendBuffer(limit_bytes, lambda frame: frame.body.encode(), self)
        self.buffer.attach(self.queue, direct=False)

    def overflowed(self) -> None:
        self.overflows += 1
        self.buffer.close()
        self.queue.abort()

    def write_failed(self) -> None:
        raise AssertionError

    def pause_writing(self) -> None:
        self.buffer.pause()

    def resume_writing(self) -> None:
        self.buffer.resume()


def frame(size: int, *, offset: int = 1) -> Frame:
    return Frame("promos", "promo.published", offset, 0, "abc", b"x" * size)


async def test_everything_comes_in_order_and_silence_as_nothing() -> None:
    owner = Owner(100)
    assert await owner.queue.take(0.001) == []
    owner.buffer.send(b"first")
    owner.buffer.deliver(frame(3))
    assert await owner.queue.take(SOON_S) == [b"first", b"xxx"]
    assert await owner.queue.take(0.001) == []


async def test_a_buffer_past_its_limit_overflows_once_and_holds_nothing() -> None:
    owner = Owner(100)
    for _ in range(5):
        owner.buffer.deliver(frame(60))
    assert owner.overflows == 1
    assert len(owner.queue) == 0
    assert await owner.queue.take(SOON_S) is None


async def test_one_large_message_alone_is_nobodys_fault() -> None:
    owner = Owner(100)
    owner.buffer.send(b"m" * 10_000)
    owner.buffer.deliver(frame(40))
    assert owner.overflows == 0
    assert len(await owner.queue.take(SOON_S) or ()) == 2
    owner.buffer.deliver(frame(40))
    assert len(await owner.queue.take(SOON_S) or ()) == 1


async def test_what_is_being_written_counts_as_unsent() -> None:
    owner = Owner(100)
    owner.buffer.deliver(frame(40))
    await owner.queue.take(SOON_S)
    assert owner.buffer.unsent_bytes == 40
    owner.buffer.deliver(frame(40))
    owner.buffer.deliver(frame(40))
    assert owner.overflows == 1


@pytest.mark.parametrize("limit_bytes", [0, 1_000_000])
async def test_volatile_events_of_a_slow_reader_wait_and_the_newest_of_a_room_remains(limit_bytes: int) -> None:
    owner = Owner(limit_bytes)
    owner.buffer.send(b"m" * 100_000)
    for size in (1, 2, 3):
        owner.buffer.deliver(frame(size, offset=0))
    assert await owner.queue.take(SOON_S) == [b"m" * 100_000]
    assert await owner.queue.take(SOON_S) == [b"xxx"]


async def test_commands_wait_until_half_of_the_limit_is_sent() -> None:
    owner = Owner(100)
    await owner.buffer.drained()
    owner.buffer.send(b"m" * 60)
    waiting = asyncio.create_task(owner.buffer.drained())
    await asyncio.sleep(0)
    assert not waiting.done()
    await owner.queue.take(SOON_S)
    await owner.queue.take(0.001)
    async with asyncio.timeout(SOON_S):
        await waiting


async def test_what_waits_goes_out_before_the_end() -> None:
    owner = Owner(1_000)
    owner.buffer.send(b"one")
    owner.buffer.close()
    owner.queue.finish()
    owner.buffer.send(b"two")
    assert await owner.queue.take(SOON_S) == [b"one"]
    assert await owner.queue.take(SOON_S) is None

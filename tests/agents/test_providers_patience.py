"""Patience with a model: so long for its first word, so long between two, and nothing left of it afterwards."""

from __future__ import annotations

import asyncio

import pytest

from agents.idle_timeout import IdleTimeout


async def test_it_ends_what_takes_too_long() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(TimeoutError):
        async with IdleTimeout(0.05):
            await asyncio.Event().wait()
    assert loop.time() - began >= 0.05
    await asyncio.sleep(0)  # no cancellation is left over


async def renewed(times: int, idle_timeout: IdleTimeout, seconds: float) -> None:
    async with idle_timeout:
        for _ in range(times):
            await asyncio.sleep(0.02)
            idle_timeout.renew(seconds)
        await asyncio.Event().wait()


async def test_it_lasts_as_long_as_it_is_renewed_and_no_longer() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(TimeoutError):
        await renewed(10, IdleTimeout(0.1), 0.1)
    assert loop.time() - began >= 0.3


async def test_it_may_be_made_shorter() -> None:
    with pytest.raises(TimeoutError):  # else the test's own timeout ends it
        await renewed(1, IdleTimeout(3_600), 0.01)


async def test_a_cancellation_from_outside_stays_one() -> None:
    reached = asyncio.Event()

    async def waiting() -> None:
        async with IdleTimeout(3_600):
            reached.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(waiting())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_another_error_passes_through() -> None:
    with pytest.raises(ValueError, match="a word too many"):
        async with IdleTimeout(0.01):
            raise ValueError("a word too many")
    await asyncio.sleep(0.03)  # its timer, if it still ran, would cancel this


async def test_what_was_cancelled_before_it_began_is_not_its_own() -> None:
    """A failed task group leaves its task in this state before Python 3.13."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)
    try:
        with pytest.raises(TimeoutError):
            async with IdleTimeout(0.01):
                await asyncio.Event().wait()
        assert task.cancelling() == 1
    finally:
        task.uncancel()

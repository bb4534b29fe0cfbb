"""The log loses its tail: flushed, or restored from an older copy. Everybody is told; no offset names two events."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from hub.domain.order_document import Order
from tests.chaos.record import Down, ReceivedEvent, Record, Reset
from tests.chaos.trial import Trial, open_trial

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]

SOON_S = 20.0


class Witnesses:
    """What every client has seen so far."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self.seen: dict[str, list[ReceivedEvent]] = {}
        self.resets: dict[tuple[str, str], Reset] = {}
        self.downs = 0

    async def look(self) -> None:
        crowd, readers = await self._trial.crowd.records(), self._trial.readers
        self._take([*crowd, *(reader.record() for reader in readers)])

    async def until_all_begun(self, epoch: str, count: int) -> None:
        """Wait until so many rooms of clients have begun anew in this life of the log."""
        async with asyncio.timeout(SOON_S):
            while sum(reset.cursor.startswith(f"{epoch}-") for reset in self.resets.values()) < count:
                await asyncio.sleep(0.1)
                await self.look()

    def check_offsets(self) -> None:
        """No offset names two events in one life of the log."""
        named: dict[tuple[str, int, str], str] = {}
        for seen in (seen for every in self.seen.values() for seen in every):
            place = seen.cursor.partition("-")[0], seen.offset, seen.room
            assert named.setdefault(place, f"{seen.type} {seen.prev}") == f"{seen.type} {seen.prev}", place

    def _take(self, records: Iterable[Record]) -> None:
        for record in records:
            for entry in record.entries:
                match entry:
                    case ReceivedEvent():
                        self.seen.setdefault(record.client, []).append(entry)
                    case Reset(room=room):
                        self.resets[record.client, room] = entry
                    case Down():
                        self.downs += 1


async def hears_again(trial: Trial, witnesses: Witnesses, clients: int) -> None:
    """A promotion said now reaches every client, in the new life."""
    before = {client: len(seen) for client, seen in witnesses.seen.items()}
    await trial.writer.promo()
    async with asyncio.timeout(SOON_S):
        while sum(len(seen) > before.get(client, 0) for client, seen in witnesses.seen.items()) < clients:
            await asyncio.sleep(0.05)
            await witnesses.look()


async def new_epoch(trial: Trial, before: str) -> str:
    async with asyncio.timeout(SOON_S):
        while True:
            epoch = await epoch_now(trial)
            if epoch not in ("None", before):
                return epoch
            await asyncio.sleep(0.05)


async def epoch_now(trial: Trial) -> str:
    return str(await trial.world.redis.hget("comanda:{centro}:meta", "epoch"))


async def test_a_flushed_log_is_a_new_life_that_everybody_is_told_of(tmp_path: Path) -> None:
    async with open_trial(tmp_path, sockets=20, others=False) as trial:
        witnesses = Witnesses(trial)
        trial.traffic.start()
        await trial.written(50)
        await trial.traffic.quiet()
        before = await epoch_now(trial)
        await trial.world.redis.flushall()
        await trial.writer.promo()
        epoch = await new_epoch(trial, before)
        await witnesses.until_all_begun(epoch, 2 * 18 + 2 * 4)
        await hears_again(trial, witnesses, 20)
        witnesses.check_offsets()
        assert witnesses.downs == 0
        # What the orders' rooms were about is gone, and they are told just that.
        assert all(reset.snapshot == {} for (_, room), reset in witnesses.resets.items() if room.startswith("order:"))
        stock = await trial.world.redis.hgetall("comanda:{centro}:stock")
        async with asyncio.timeout(SOON_S):
            while not stock:  # counted anew, or nothing would ever be sold out
                await asyncio.sleep(0.1)
                stock = await trial.world.redis.hgetall("comanda:{centro}:stock")


async def test_a_redis_restored_from_an_older_copy_is_a_new_life_with_the_copys_state(tmp_path: Path) -> None:
    async with open_trial(tmp_path, sockets=20, others=False) as trial:
        witnesses = Witnesses(trial)
        trial.traffic.start()
        await trial.written(50)
        await trial.traffic.quiet()
        copy = tmp_path / "copy"
        await asyncio.to_thread(shutil.copytree, tmp_path / "appendonlydir", copy)
        trial.traffic.start()
        await trial.written(50)
        await trial.traffic.quiet()
        await witnesses.look()
        before = await epoch_now(trial)
        await trial.world.kill_redis()
        await asyncio.to_thread(shutil.rmtree, tmp_path / "appendonlydir")
        await asyncio.to_thread(shutil.move, copy, tmp_path / "appendonlydir")
        await trial.world.start_redis()
        await trial.world.whole()
        epoch = await new_epoch(trial, before)
        await witnesses.until_all_begun(epoch, 2 * 18 + 2 * 4)
        for (_, room), reset in witnesses.resets.items():
            if room.startswith("order:"):
                text = await trial.world.redis.hget(f"comanda:{{centro}}:doc:order:{room[6:]}", "b")
                assert Order.model_validate(reset.snapshot["order"]) == Order.model_validate_json(text or b"")
        await hears_again(trial, witnesses, 20)
        witnesses.check_offsets()
        assert witnesses.downs == 0
        # Who comes back in the new life goes on in it.
        assert len(witnesses.resets) == 2 * 18 + 2 * 4
        witnesses.resets.clear()
        await trial.world.kill_hub(0)
        await trial.back()
        await trial.world.start_hub(0)
        await witnesses.look()
        assert not witnesses.resets, "who had been told, and then came back, has missed nothing"

"""Limits on PIN tries, by name, address and device."""

from __future__ import annotations

import asyncio

import pytest
from argon2 import PasswordHasher, extract_parameters

from hub.config import Limits
from hub.core.errors import RateLimited, Unauthorized
from hub.domain.commands import Login
from hub.services.auth.pin_hasher import Cost, PinHasher
from hub.services.build import build_services
from hub.services.document_names import staff_key
from hub.store.log import EventLog
from tests.support.services_harness import KITCHEN_HAND, MANAGER, MENU, PIN, SECRET, SETTINGS, Branch

ADDRESS, ELSEWHERE = "203.0.113.7", "192.0.2.1"
DEVICE, OTHER_DEVICE = "d" * 16, "e" * 64
LIMITS = Limits(_env_file=None)


async def log_in(
    branch: Branch, pin: str, address: str = ADDRESS, device: str | None = None, name: str = "Chuy"
) -> str:
    """Try to log in; return `in`, `wrong`, or `wait`."""
    try:
        await branch.wire.logins.login(Login(name=name, pin=pin, device=device), address)
    except Unauthorized:
        return "wrong"
    except RateLimited as refused:
        wait_s = refused.retry_after_s
        return "wait" if wait_s and 0 < wait_s <= 60 else f"wait for {wait_s}"
    return "in"


async def guess(branch: Branch, times: int, **how: str) -> list[str]:
    return [await log_in(branch, "00000000", **how) for _ in range(times)]


async def let_time_pass(branch: Branch, seconds: float) -> None:
    """Move what is counted into the past: the script reads Redis's clock, which no test can turn."""
    keys = [key async for key in branch.redis.scan_iter(branch.log.keys.prefix + "login:tries:*")]
    for key in keys:
        await branch.redis.incrby(key, -round(seconds * 1_000))


async def test_after_five_wrong_pins_the_next_try_waits_even_with_the_right_one_and_half_a_minute_at_most(
    branch: Branch,
) -> None:
    await branch.hire(KITCHEN_HAND)
    assert await guess(branch, 7) == ["wrong"] * 5 + ["wait"] * 2
    assert await log_in(branch, PIN) == "wait"
    await let_time_pass(branch, LIMITS.login_wait_s)
    assert await log_in(branch, PIN) == "in"


async def test_a_refused_try_makes_nobody_wait_longer(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    await guess(branch, 200)
    await let_time_pass(branch, LIMITS.login_wait_s)
    assert await guess(branch, 2) == ["wrong", "wait"]


async def test_who_guesses_at_a_name_locks_out_nobody_elsewhere(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    await guess(branch, 500)
    assert await log_in(branch, PIN, ELSEWHERE) == "in"


async def test_wrong_names_lock_out_nobody_behind_the_same_address(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    for name in ("Ana", "Luis", "Rosa", "Paco"):
        await guess(branch, 7, name=name)
    assert await log_in(branch, PIN) == "in"


async def test_guessing_at_many_names_costs_the_address_and_no_known_device_behind_it(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    await branch.hire(MANAGER)
    assert await log_in(branch, PIN, device=DEVICE) == "in"
    said = [await log_in(branch, "00000000", name=f"name {number}") for number in range(60)]
    assert said == ["wrong"] * LIMITS.login_address_tries + ["wait"] * (60 - LIMITS.login_address_tries)
    assert await log_in(branch, PIN, name="Carmen") == "wait"
    assert await log_in(branch, PIN, name="Carmen", address=ELSEWHERE) == "in"
    assert await log_in(branch, PIN, device=DEVICE) == "in"


async def test_a_name_that_the_whole_world_guesses_at_waits_for_no_known_device(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    assert await log_in(branch, PIN, device=DEVICE) == "in"
    said = [await log_in(branch, "00000000", f"198.51.100.{number}") for number in range(100)]
    assert said == ["wrong"] * LIMITS.login_name_tries + ["wait"] * (100 - LIMITS.login_name_tries)
    assert await log_in(branch, PIN, ELSEWHERE, OTHER_DEVICE) == "wait"
    assert await log_in(branch, PIN, ELSEWHERE, DEVICE) == "in"


async def test_a_new_device_behind_a_known_address_does_not_wait_for_what_the_world_guesses(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    assert await log_in(branch, PIN) == "in"
    for number in range(100):
        await log_in(branch, "00000000", f"198.51.100.{number}")
    assert await log_in(branch, PIN, ADDRESS, OTHER_DEVICE) == "in"
    assert await log_in(branch, PIN, ELSEWHERE) == "wait"


async def test_a_known_address_guesses_no_faster_than_any_other(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    assert await log_in(branch, PIN) == "in"
    assert await guess(branch, 7) == ["wrong"] * 5 + ["wait"] * 2


async def test_one_name_is_one_name_however_it_is_spelt(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    said = [await log_in(branch, "00000000", name=name) for name in ("Chuy", "chuy!", "  CHÚY  ", "¿Chuy?") * 2]
    assert said == ["wrong"] * 5 + ["wait"] * 3


async def test_a_known_device_guesses_no_faster_than_anybody(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    assert await log_in(branch, PIN, device=DEVICE) == "in"
    addresses = (f"198.51.100.{number}" for number in range(7))
    assert [await log_in(branch, "00000000", address, DEVICE) for address in addresses] == ["wrong"] * 5 + ["wait"] * 2
    assert await log_in(branch, PIN) == "in"  # its owner, without it


async def test_a_device_is_known_to_the_account_it_logged_in_to_and_to_no_other(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    await branch.hire(MANAGER)
    assert await log_in(branch, PIN, device=DEVICE, name="Carmen") == "in"
    await guess(branch, 5, device=DEVICE)
    assert await log_in(branch, PIN, device=DEVICE) == "wait"
    assert await log_in(branch, PIN, device=DEVICE, name="Carmen") == "in"


async def test_the_devices_of_a_removed_account_are_strangers_to_the_next_one_of_its_name(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    assert await log_in(branch, PIN, device=DEVICE) == "in"
    await branch.services.staff.remove("Chuy")
    await branch.hire(KITCHEN_HAND)
    assert await guess(branch, 6) == ["wrong"] * 5 + ["wait"]
    assert await log_in(branch, PIN, device=DEVICE) == "wait"


async def test_of_devices_a_bounded_number_is_kept_and_only_their_hashes(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    for number in range(LIMITS.login_devices + 5):
        assert await log_in(branch, PIN, device=f"device-of-chuy-{number:03d}") == "in"
        branch.clock.turn(seconds=1)
    [key] = [key async for key in branch.redis.scan_iter(branch.log.keys.prefix + "login:devices:*")]
    kept = await branch.redis.zrange(key, 0, -1)
    assert len(kept) == LIMITS.login_devices
    assert not any("device" in each for each in kept)
    assert await branch.redis.ttl(key) > 0


async def test_of_addresses_a_bounded_number_is_kept_and_none_that_can_be_read(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    for number in range(LIMITS.login_devices + 5):
        assert await log_in(branch, PIN, f"198.51.100.{number}") == "in"
    [key] = [key async for key in branch.redis.scan_iter(branch.log.keys.prefix + "login:addresses:*")]
    kept = await branch.redis.zrange(key, 0, -1)
    assert len(kept) == LIMITS.login_devices
    assert not any("198.51" in each for each in kept)
    assert await branch.redis.ttl(key) > 0


async def test_tries_made_all_at_once_are_as_many_tries(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    said = await asyncio.gather(*(log_in(branch, f"{number:08d}") for number in range(58)))
    assert said.count("wrong") <= LIMITS.login_tries
    assert set(said) == {"wait", "wrong"}
    assert await log_in(branch, PIN, ELSEWHERE) == "in"


async def test_the_right_pin_forgets_the_wrong_ones_of_its_own_address_and_frees_no_guesses_at_others(
    branch: Branch,
) -> None:
    await branch.hire(KITCHEN_HAND)
    for _ in range(3):
        assert await guess(branch, 4) == ["wrong"] * 4
        assert await log_in(branch, PIN) == "in"
    said = [await log_in(branch, "00000000", name=f"name {number}") for number in range(60)]
    assert said.count("wrong") == LIMITS.login_address_tries - 12


async def test_another_process_knows_the_tries_of_this_one(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    await guess(branch, 5)
    log = EventLog(branch.redis, "centro")
    other = build_services(log, SETTINGS, SECRET, MENU, clock=branch.clock)
    try:
        with pytest.raises(RateLimited):
            await other.logins.login(Login(name="Chuy", pin=PIN), ADDRESS)
    finally:
        other.close()
        await log.aclose()


async def test_all_that_is_counted_is_forgotten_by_itself_and_tells_no_name(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    await guess(branch, 9)
    keys = [key async for key in branch.redis.scan_iter(branch.log.keys.prefix + "login:*")]
    assert len(keys) == 3
    for key in keys:
        assert 0 < await branch.redis.pttl(key) <= LIMITS.login_tries * LIMITS.login_wait_s * 1_000
        assert "chuy" not in key
        assert ADDRESS not in key


async def test_a_try_that_found_no_place_to_be_looked_at_is_not_counted(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)

    class Full:
        async def verify(self, *_: object, **__: object) -> bool:
            raise RateLimited("too many", retry_after_s=1.0)

    looked_at = branch.wire.logins._hasher
    branch.wire.logins._hasher = Full()
    assert await guess(branch, 20) == ["wait"] * 20
    branch.wire.logins._hasher = looked_at
    assert await guess(branch, 6) == ["wrong"] * 5 + ["wait"]


async def test_an_account_that_is_older_than_lives_lets_its_owner_in_and_knows_their_device(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    key = branch.log.keys.document(staff_key("chuy"))
    body = await branch.redis.hget(key, "b")
    await branch.redis.hset(key, "b", str(body).replace('"life"', '"was"'))
    assert await log_in(branch, PIN, device=DEVICE) == "in"
    await guess(branch, 9)
    assert await log_in(branch, PIN, device=DEVICE) == "in"


# The threads that hash


async def test_only_so_many_hashes_wait_and_those_who_are_known_wait_for_no_stranger() -> None:
    hasher = PinHasher(2, Cost(passes=1, memory_kib=8, lanes=1))
    held = asyncio.Event()
    loop = asyncio.get_running_loop()
    let_go = asyncio.Event()

    def hold() -> None:
        loop.call_soon_threadsafe(held.set)
        asyncio.run_coroutine_threadsafe(let_go.wait(), loop).result(10)

    first = asyncio.ensure_future(hasher._strangers.run(hold))
    await held.wait()
    waiting = [asyncio.ensure_future(hasher.verify(None, PIN, f"198.51.100.{n}")) for n in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(RateLimited):
        await hasher.verify(None, PIN, ADDRESS)
    assert not await hasher.verify(None, PIN, ADDRESS, known=True)
    let_go.set()
    await asyncio.gather(first, *waiting)
    assert not await hasher.verify(None, PIN, ADDRESS)
    hasher.close()


async def test_strangers_of_one_address_take_all_places_from_nobody() -> None:
    hasher = PinHasher(8, Cost(passes=1, memory_kib=8, lanes=1))
    tries = [hasher.verify(None, PIN, ADDRESS) for _ in range(8)]
    said = await asyncio.gather(*tries, hasher.verify(None, PIN, ELSEWHERE), return_exceptions=True)
    assert [isinstance(one, RateLimited) for one in said] == [False] * 2 + [True] * 6 + [False]
    assert await asyncio.gather(*(hasher.verify(None, PIN, ADDRESS) for _ in range(2))) == [False] * 2
    assert not hasher._by_address
    hasher.close()


async def test_a_name_that_is_not_there_is_looked_at_with_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher, looked_at = PinHasher(0), list[str]()
    kept = await hasher.hash(PIN)

    def verify(_: PasswordHasher, pin_hash: str, pin: str) -> bool:
        looked_at.append(pin_hash)
        return real(_, pin_hash, pin)

    real = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", verify)
    assert not await hasher.verify(kept, "00000000", ADDRESS)
    assert not await hasher.verify(None, "00000000", ADDRESS)
    there, nobody = map(extract_parameters, looked_at)
    assert there == nobody
    assert await hasher.verify(kept, PIN, ADDRESS)
    hasher.close()

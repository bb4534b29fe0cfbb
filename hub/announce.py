"""What an operator is told once the hub answers, and the actors that `demo` and `simulate` set loose."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import aiohttp

from hub.bootstrap import CannotStart, services_of
from hub.config import Settings
from hub.domain.errors import Conflict, NotFound, Unavailable
from hub.domain.roles import Kind, Principal, Role
from hub.eventlog.durability import durability_of
from hub.serve import Running
from hub.services.build import Services, utc_now
from hub.services.staff import new_pin

_READY_S = 20.0
_COURIERS = ("Beto", "Lupita", "Chucho")


async def announce(running: Running) -> None:
    """Print the addresses, and on the very first start the manager's PIN or the file that holds it."""
    await _until_ready(running.url)
    async with services_of(running.settings, running.redis_url) as services:
        manager = await services.staff.first_manager()
    # An output that is no terminal may be a log, which others can read.
    login = "" if manager is None else _shown_login(manager) if sys.stdout.isatty() else _kept_login(running, manager)
    _print_links(running, login, await _lacking(running))


def demo_beside(speed: float) -> Callable[[Running], Awaitable[None]]:
    """Announce, then keep the branch busy until the end."""

    async def beside(running: Running) -> None:
        await _until_ready(running.url)
        async with services_of(running.settings, running.redis_url) as services:
            if running.settings.redis_url:
                manager = await services.staff.first_manager()
            else:
                manager = await _renewed_manager(services)
            couriers = await _couriers(services)
            token = _actor_token(services)
        _print_links(running, _shown_login(manager) if manager else "", await _lacking(running))
        print(
            "Orders will come in by themselves. Place one yourself and watch it move, or tap it along.\n",
            flush=True,
        )
        from hub.simulate import demo

        await demo(running.url, speed=speed, token=token, courier_ids=couriers, promo_token=token)

    return beside


async def simulate_against(settings: Settings, url: str, orders: int, speed: float, token: str) -> None:
    """A counted run against a running hub; its couriers are those the hub has."""
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
    """Wait for the hub's own word; a hub that cannot hear Redis does not announce itself."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
        try:
            async with asyncio.timeout(_READY_S):
                # Another process may be the one that answers: there is nothing here to wait on but its word.
                while not await _is_ready(http, url):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise CannotStart("the hub is up, but Redis does not answer; see COMANDA_REDIS_URL") from None


async def _is_ready(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(f"{url}/readyz") as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _renewed_manager(services: Services) -> tuple[str, str]:
    """The demo shows a PIN at every start: nobody keeps a demo's first screen."""
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
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10), headers=headers) as http,
        http.get(f"{url.rstrip('/')}/api/staff", params={"role": str(Role.COURIER)}) as response,
    ):
        body = await response.json()
    if not body["ok"]:
        raise CannotStart(f"the hub refused the token: {body['error']['message']}")
    return [account["id"] for account in body["data"]["staff"]]


def _actor_token(services: Services) -> str:
    actor = Principal(kind=Kind.SERVICE, id="token:demo", name="Demo", roles=frozenset({Role.MANAGER}))
    return services.tokens.issue(actor, utc_now(), timedelta(days=7))


async def _lacking(running: Running) -> Sequence[str]:
    """Why the operator's own Redis may lose orders; the private one is set up by us."""
    if not running.settings.redis_url:
        return ()
    try:
        return (await durability_of(running.redis_url, running.settings.redis_deadline_s)).unsafe
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


def _print_links(running: Running, login: str, lacking: Sequence[str]) -> None:
    lines = [
        "",
        f"  Comanda is open: {running.menu.name}",
        "",
        f"    order and chat   {running.url}/",
        f"    kitchen board    {running.url}/kitchen",
        f"    manager          {running.url}/manager",
        f"    support          {running.url}/support",
        "",
    ]
    if login:
        lines += [f"    {login}", ""]
    lines.append(f"    Redis: {running.redis_source}")
    if not running.durable:
        lines += [
            "    THIS REDIS IS IN MEMORY: orders will not survive a restart, and any local user can reach it.",
            "    Install redis-server (or valkey-server) for a real one.",
        ]
    if lacking:
        lines += ["    THIS REDIS MAY LOSE ORDERS:", *(f"    {line}" for line in lacking)]
    print("\n".join(lines) + "\n", flush=True)

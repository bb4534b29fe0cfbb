"""`comanda doctor`: checks what is configured and what is reachable, before a customer finds out."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from hub.bootstrap import CannotStart, open_redis, open_services, read_menu, read_previous_secret, read_secret
from hub.config import STATIC_DIR, NamedModel, Settings
from hub.config.secret_key import MIN_SECRET_CHARS
from hub.core.errors import ComandaError, Unavailable
from hub.gateways.caller_watch import ONE_ADDRESS
from hub.gateways.public_url_watch import OTHER_URL
from hub.ops.agent_extra import AGENT_MISSING, is_agent_installed, is_installed
from hub.ops.providers import Doubtful, Refused, inquire
from hub.ops.redis_watch import read_evicted
from hub.ops.replication_check import examine_replication
from hub.ops.whatsapp_check import WhatsAppRefused, examine_whatsapp
from hub.ops.whatsapp_extra import require_whatsapp_extra
from hub.services.build import Services, utc_now
from hub.services.document_names import NOTIFIER
from hub.store.job_queue import QueueStatus
from hub.store.log import Write
from hub.store.outbound_stream import OutboundStream
from hub.store.redis.durability import durability_of
from hub.store.redis.error_translation import ADVICE, WritesRefused
from hub.store.redis.memory_use import MEGABYTE, MemoryLevel
from hub.store.redis.topology import read_topology
from hub.store.warnings import WarningBoard

_CHECK_S = 10.0  # for one check; a private Redis on a full disk restarts again and again
_HEARTBEAT_S = 15.0  # a running worker sends one every few seconds
_NEEDS = {
    "openai": "llama_index.llms.openai",
    "openai_like": "llama_index.llms.openai_like",
    "anthropic": "llama_index.llms.anthropic",
    "ollama": "llama_index.llms.ollama",
}


class _Wrong(Exception):
    """Something must be corrected; the message says how."""


class _Doubt(Exception):
    """It works, but an operator should know this about it."""


async def examine(settings: Settings, say: Callable[[str], None]) -> bool:
    """Run every check, and say one line for each.

    Returns:
        True if nothing is wrong; warnings do not count.
    """
    checks: tuple[tuple[str, Callable[[Settings], Awaitable[str]]], ...] = (
        ("data folder", _data_folder),
        ("secret", _secret),
        ("first PIN", _first_pin),
        ("menu", _menu),
        ("pages", _pages),
        ("Redis", _redis),
        ("durability", _durability),
        ("replication", _replication),
        ("memory", _memory),
        ("agent", _agent),
        ("agent's second", _second),
        ("agent worker", _worker),
        ("agent's day", _agent_day),
        ("notifier", _notifier),
        ("WhatsApp", _whatsapp),
        ("callers", _callers),
        ("public URL", _public_url),
    )
    well = True
    for name, check in checks:
        try:
            async with asyncio.timeout(_CHECK_S):
                said, mark = await check(settings), "ok"
        except TimeoutError:
            said, mark, well = f"no answer within {_CHECK_S:.0f} s", "WRONG", False
        except _Doubt as exc:
            said, mark = str(exc), "WARN"
        except (_Wrong, CannotStart, ComandaError, OSError) as exc:
            said, mark, well = str(exc), "WRONG", False
        say(f"{mark:5}  {name}: {said}")
    return well


@asynccontextmanager
async def _services(settings: Settings) -> AsyncIterator[Services]:
    """Open the services.

    Raises:
        _Doubt: Redis did not answer, which another check reports.
    """
    try:
        async with open_services(settings) as services:
            yield services
    except Unavailable as exc:
        raise _Doubt("not known, as Redis was not reached") from exc


async def _data_folder(settings: Settings) -> str:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if not os.access(settings.data_dir, os.W_OK):
        raise _Wrong(f"{settings.data_dir} cannot be written")
    return str(settings.data_dir.resolve())


async def _secret(settings: Settings) -> str:
    secret = read_secret(settings)
    if len(secret) < MIN_SECRET_CHARS:
        raise _Wrong(f"COMANDA_SECRET is shorter than {MIN_SECRET_CHARS} characters")
    source = "from COMANDA_SECRET" if settings.secret else "generated, in the data folder"
    previous, now = read_previous_secret(settings), utc_now()
    if previous is None:
        return source
    if now < previous.replaced_at:
        source += f"; signs tokens from {previous.replaced_at:%Y-%m-%d %H:%M} UTC on"
    if now < previous.accepted_until:
        return f"{source}; the previous one is accepted until {previous.accepted_until:%Y-%m-%d %H:%M} UTC"
    if settings.secret_previous:
        raise _Doubt(f"{source}; COMANDA_SECRET_PREVIOUS is not accepted any more: remove it")
    return f"{source}; the previous one is not accepted any more"


async def _first_pin(settings: Settings) -> str:
    if settings.pin_file.exists():
        raise _Doubt(f"{settings.pin_file} still holds the manager's first PIN: delete it once you have logged in")
    return "in no file"


async def _menu(settings: Settings) -> str:
    menu = read_menu(settings.menu)
    return f"{menu.name}, {len(menu.items)} dishes"


async def _pages(_settings: Settings) -> str:
    library = STATIC_DIR / "vendor" / "socket.io.esm.min.js"
    if not library.is_file():
        raise _Wrong("the browser library is missing; run make setup")
    return "complete"


async def _redis(settings: Settings) -> str:
    async with (
        open_redis(settings) as embedded,
        open_services(settings, embedded.url if embedded else settings.redis_url) as services,
    ):
        try:
            cursor = (await services.log.commit(Write())).cursor  # every command, because a replica can only be read
        except WritesRefused as exc:
            raise _Wrong(f"{await _reason(settings) or exc.message}; {ADVICE[exc.refusal]}") from exc
        except Unavailable as exc:
            raise _Wrong(await _reason(settings) or exc.message) from exc
    if embedded is not None and not embedded.durable:
        raise _Doubt(f"{embedded.source} is in memory: install redis-server (or valkey-server) for a real one")
    where = f"private, {embedded.described}, in the data folder" if embedded else "at COMANDA_REDIS_URL"
    return f"{where}; branch {settings.branch} stands at {cursor}"


async def _reason(settings: Settings) -> str:
    """Return the reason why the operator's own Redis does not serve; empty if it is unknown.

    The log retries until its deadline and then knows only that; a single call learns the reason.
    """
    if settings.redis_url:
        try:
            await durability_of(settings.redis_url, settings.redis_deadline_s, branch=settings.branch)
        except Unavailable as exc:
            return exc.message
    return ""


async def _durability(settings: Settings) -> str:
    if not settings.redis_url:
        return "the private Redis is set up by Comanda"
    try:
        found = await durability_of(settings.redis_url, settings.redis_deadline_s, branch=settings.branch)
    except (Unavailable, ValueError) as exc:
        raise _Doubt("not known, as Redis was not reached") from exc
    if found.unsafe:
        raise _Wrong("; ".join(found.unsafe + found.doubtful))
    if found.doubtful:
        raise _Doubt("; ".join(found.doubtful))
    return "every order is on disk before it is answered"


async def _replication(settings: Settings) -> str:
    if not settings.redis_url:
        return "the private Redis is alone"
    try:
        topology = await read_topology(settings.redis_url, settings.redis_deadline_s, branch=settings.branch)
    except (Unavailable, ValueError) as exc:
        raise _Doubt("not known, as Redis was not reached") from exc
    found = examine_replication(topology, settings.redis_wait_replicas)
    if found.wrong:
        raise _Wrong("; ".join((found.summary, *found.wrong, *found.doubtful)))
    if found.doubtful:
        raise _Doubt("; ".join((found.summary, *found.doubtful)))
    return found.summary


async def _memory(settings: Settings) -> str:
    async with _services(settings) as services:
        use = await services.memory.look()
        level = services.memory.level
        evicted = await read_evicted(services.log.calls)
    if use is None:
        return "not known, as this Redis does not say"
    if use.evicts:
        raise _Wrong(f"maxmemory-policy is {use.policy}: Redis evicts orders when it is full; set it to noeviction")
    if evicted:
        raise _Doubt(f"Redis has evicted {evicted} keys since it started: their data is lost")
    used = f"{use.used_bytes / MEGABYTE:.1f} MB"
    if not use.ceiling_bytes:
        raise _Doubt(f"{used}, and no ceiling; give Redis a maxmemory, or set COMANDA_REDIS_MEMORY_MB")
    said = f"{used} of {use.ceiling_bytes / MEGABYTE:.0f} MB, {use.percent:.0f} %"
    if level is MemoryLevel.NEARLY_FULL:
        raise _Wrong(f"{said}: new orders and chats are refused; raise Redis's maxmemory or COMANDA_REDIS_MEMORY_MB")
    if level is MemoryLevel.HIGH:
        bound = settings.limits.memory_nearly_full_percent
        raise _Doubt(f"{said}; at {bound} % new orders and chats are refused")
    return said


async def _worker(settings: Settings) -> str:
    try:
        async with open_redis(settings) as embedded:
            alone = embedded is not None and embedded.owned  # this command started it, so there is no hub
            async with open_services(settings, embedded.url if embedded else settings.redis_url) as services:
                return _attended(await services.turns.status(), settings.agent.wait_s, alone=alone)
    except Unavailable as exc:
        raise _Doubt("not known, as Redis was not reached") from exc


def _attended(found: QueueStatus, wait_s: float, *, alone: bool) -> str:
    if found.heartbeat_age_s is not None and found.heartbeat_age_s < _HEARTBEAT_S:
        return f"heard of {found.heartbeat_age_s:.0f} s ago"
    if alone:
        return "none, as no hub runs on this data folder"
    nobody = f"no agent worker has been seen in the last {_HEARTBEAT_S:.0f} s"
    if found.jobs:
        raise _Wrong(f"{nobody}, and {found.jobs} questions wait for one; start comanda agent")
    raise _Doubt(f"{nobody}: questions in the chat fail after {wait_s:.0f} s; start comanda agent")


async def _notifier(settings: Settings) -> str:
    try:
        async with open_redis(settings) as embedded:
            alone = embedded is not None and embedded.owned  # this command started it, so there is no hub
            async with open_services(settings, embedded.url if embedded else settings.redis_url) as services:
                stream = OutboundStream(services.log.calls, services.log.keys)
                running, (_, lag_s) = await stream.has_reader(NOTIFIER), await stream.behind(NOTIFIER)
    except Unavailable as exc:
        raise _Doubt("not known, as Redis was not reached") from exc
    if running:
        return f"it works, {lag_s:.0f} s behind"
    if alone:
        return "none, as no hub runs on this data folder"
    raise _Doubt("none runs: nobody is told of an order by phone; start comanda notifier")


async def _whatsapp(settings: Settings) -> str:
    if not settings.has_whatsapp:
        return "not set up"
    require_whatsapp_extra(settings)
    try:
        state = await examine_whatsapp(settings)
    except WhatsAppRefused as exc:
        raise _Wrong(str(exc)) from exc
    if state.lacking:
        raise _Doubt("; ".join(state.lacking))
    return f"{state.number}, with all templates approved"


async def _callers(settings: Settings) -> str:
    async with _services(settings) as services:
        noticed = await WarningBoard(services.log.calls, services.log.keys).read(ONE_ADDRESS)
    if noticed:
        raise _Doubt(noticed)
    return "no hub has found a proxy that hides their addresses"


async def _public_url(settings: Settings) -> str:
    if not settings.public_url:
        return "not set: links are paths of the host that a customer has opened"
    async with _services(settings) as services:
        noticed = await WarningBoard(services.log.calls, services.log.keys).read(OTHER_URL)
    if noticed:
        raise _Doubt(noticed)
    return f"{settings.public_url}; no hub has seen customers at another one"


async def _agent_day(settings: Settings) -> str:
    async with _services(settings) as services:
        today = await services.usage_limits.today()
    used = f"{today.turns:,} turns and {today.tokens:,} tokens today"
    if today.ceiling_reached:
        ceiling = f"COMANDA_LIMIT_TOKENS_BRANCH_DAY is {today.ceiling:,}"
        raise _Doubt(f"{used}: the offline model answers until {settings.day_starts}, for {ceiling}")
    return f"{used}, of {today.ceiling:,}" if today.ceiling else f"{used}; there is no ceiling"


async def _agent(settings: Settings) -> str:
    if not is_agent_installed():
        raise _Doubt(f"{AGENT_MISSING}; this machine serves a hub only")
    return await _model(settings.models[0])


async def _second(settings: Settings) -> str:
    others = settings.models[1:]
    if others and not is_agent_installed():
        raise _Doubt("not used, as the agent is not installed")
    if not others:
        return "none (COMANDA_LLM_SECOND names one that answers where the first does not)"
    return "; ".join([await _model(model) for model in others])


async def _model(model: NamedModel) -> str:
    """Check that a model can be asked: its settings, then its provider."""
    if model.provider == "offline":
        return "the offline model (set COMANDA_LLM for another)"
    if not is_installed(_NEEDS[model.provider]):
        extra = model.provider.replace("_", "-")
        raise _Wrong(f"{model.prefix}={model.provider} needs an extra: pip install 'comanda[{extra}]'")
    if model.provider in ("openai", "anthropic") and not model.key:
        raise _Wrong(f"{model.prefix}={model.provider} needs {model.prefix}_API_KEY")
    if model.provider == "openai_like" and not model.base_url:
        raise _Wrong(f"{model.prefix}=openai_like needs {model.prefix}_BASE_URL")
    if not model.model:
        raise _Wrong(f"{model.prefix}={model.provider} needs {model.prefix}_MODEL")
    try:
        return await inquire(model)
    except Refused as exc:
        raise _Wrong(str(exc)) from exc
    except Doubtful as exc:
        raise _Doubt(str(exc)) from exc

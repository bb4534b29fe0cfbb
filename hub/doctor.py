"""`comanda doctor`: what is configured, what is reachable, and what is wrong, before a customer finds out."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from hub.bootstrap import CannotStart, read_menu, redis_of, secret_of, services_of
from hub.config import STATIC_DIR, NamedModel, Settings
from hub.domain.errors import ComandaError, Unavailable
from hub.eventlog.durability import durability_of
from hub.eventlog.errors import ADVICE, WritesRefused
from hub.eventlog.log import Write
from hub.eventlog.memory import MEGABYTE, MemoryLevel
from hub.eventlog.redis_watch import read_evicted
from hub.eventlog.turns import Attendance
from hub.eventlog.warnings import WarningBoard
from hub.gateways.caller_watch import ONE_ADDRESS
from hub.providers import Doubtful, Refused, inquire
from hub.services.build import Services

_CHECK_S = 10.0  # for one check: a private Redis on a full disk starts and ends again and again
_HEARD_S = 15.0  # a worker that lives is heard of every few seconds
_NEEDS = {
    "openai": "llama_index.llms.openai",
    "openai_like": "llama_index.llms.openai_like",
    "anthropic": "llama_index.llms.anthropic",
    "ollama": "llama_index.llms.ollama",
}


class _Wrong(Exception):
    """Something that has to be put right; the message says how."""


class _Doubt(Exception):
    """It works, and somebody should know this about it."""


async def examine(settings: Settings, say: Callable[[str], None]) -> bool:
    """Look at everything, saying a line for each; whether nothing is wrong. A warning is not."""
    checks: tuple[tuple[str, Callable[[Settings], Awaitable[str]]], ...] = (
        ("data folder", _data_folder),
        ("secret", _secret),
        ("first PIN", _first_pin),
        ("menu", _menu),
        ("pages", _pages),
        ("Redis", _redis),
        ("durability", _durability),
        ("memory", _memory),
        ("agent", _agent),
        ("agent's second", _second),
        ("agent worker", _worker),
        ("agent's day", _agent_day),
        ("callers", _callers),
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
    """The services, to ask them something.

    Raises:
        _Doubt: Redis did not answer; that it does not is another check's finding.
    """
    try:
        async with services_of(settings) as services:
            yield services
    except Unavailable as exc:
        raise _Doubt("not known, as Redis was not reached") from exc


async def _data_folder(settings: Settings) -> str:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if not os.access(settings.data_dir, os.W_OK):
        raise _Wrong(f"{settings.data_dir} cannot be written")
    return str(settings.data_dir.resolve())


async def _secret(settings: Settings) -> str:
    secret = secret_of(settings)
    if len(secret) < 16:
        raise _Wrong("COMANDA_SECRET is shorter than 16 characters")
    return "from COMANDA_SECRET" if settings.secret else "generated, in the data folder"


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
        redis_of(settings) as embedded,
        services_of(settings, embedded.url if embedded else settings.redis_url) as services,
    ):
        try:
            cursor = (await services.log.commit(Write())).cursor  # as every command: a replica only lets itself be read
        except WritesRefused as exc:
            raise _Wrong(f"{await _reason(settings) or exc.message}; {ADVICE[exc.refusal]}") from exc
        except Unavailable as exc:
            raise _Wrong(await _reason(settings) or exc.message) from exc
    if embedded is not None and not embedded.durable:
        raise _Doubt(f"{embedded.source} is in memory: install redis-server (or valkey-server) for a real one")
    where = "private, in the data folder" if embedded else "at COMANDA_REDIS_URL"
    return f"{where}; branch {settings.branch} stands at {cursor}"


async def _reason(settings: Settings) -> str:
    """Why the operator's own Redis does not serve. The log tries again until time is up; asked once, Redis says it."""
    if settings.redis_url:
        try:
            await durability_of(settings.redis_url, settings.redis_deadline_s)
        except Unavailable as exc:
            return exc.message
    return ""


async def _durability(settings: Settings) -> str:
    if not settings.redis_url:
        return "the private Redis is set up by Comanda"
    try:
        found = await durability_of(settings.redis_url, settings.redis_deadline_s)
    except (Unavailable, ValueError) as exc:
        raise _Doubt("not known, as Redis was not reached") from exc
    if found.unsafe:
        raise _Wrong("; ".join(found.unsafe + found.doubtful))
    if found.doubtful:
        raise _Doubt("; ".join(found.doubtful))
    return "every order is on disk before it is answered"


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
        async with redis_of(settings) as embedded:
            alone = embedded is not None and embedded.owned  # ours alone, so there is no hub
            async with services_of(settings, embedded.url if embedded else settings.redis_url) as services:
                return _attended(await services.turns.attendance(), settings.agent.wait_s, alone=alone)
    except Unavailable as exc:
        raise _Doubt("not known, as Redis was not reached") from exc


def _attended(found: Attendance, wait_s: float, *, alone: bool) -> str:
    if found.heard_s is not None and found.heard_s < _HEARD_S:
        return f"heard of {found.heard_s:.0f} s ago"
    if alone:
        return "none, as no hub runs on this data folder"
    nobody = f"no agent worker has been seen in the last {_HEARD_S:.0f} s"
    if found.turns:
        raise _Wrong(f"{nobody}, and {found.turns} questions wait for one; start comanda agent")
    raise _Doubt(f"{nobody}: questions in the chat fail after {wait_s:.0f} s; start comanda agent")


async def _callers(settings: Settings) -> str:
    async with _services(settings) as services:
        noticed = await WarningBoard(services.log.calls, services.log.keys).read(ONE_ADDRESS)
    if noticed:
        raise _Doubt(noticed)
    return "no hub has found a proxy that hides their addresses"


async def _agent_day(settings: Settings) -> str:
    async with _services(settings) as services:
        today = await services.turn_bounds.today()
    used = f"{today.turns:,} turns and {today.tokens:,} tokens today"
    if today.ceiling_reached:
        ceiling = f"COMANDA_LIMIT_TOKENS_BRANCH_DAY is {today.ceiling:,}"
        raise _Doubt(f"{used}: the offline model answers until midnight, for {ceiling}")
    return f"{used}, of {today.ceiling:,}" if today.ceiling else f"{used}; there is no ceiling"


async def _agent(settings: Settings) -> str:
    return await _model(settings.models[0])


async def _second(settings: Settings) -> str:
    others = settings.models[1:]
    if not others:
        return "none (COMANDA_LLM_SECOND names one that answers where the first does not)"
    return "; ".join([await _model(model) for model in others])


async def _model(model: NamedModel) -> str:
    """Whether a model can be asked; what only its provider knows, the provider is asked."""
    if model.provider == "offline":
        return "the offline model (set COMANDA_LLM for another)"
    if not _installed(_NEEDS[model.provider]):
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


def _installed(module: str) -> bool:
    """Without importing it: LlamaIndex takes seconds."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False

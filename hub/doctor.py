"""`comanda doctor`: what is configured, what is reachable, and what is wrong, before a customer finds out."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import aiohttp

from hub.bootstrap import CannotStart, read_menu, secret_of, services_of
from hub.config import STATIC_DIR, Settings
from hub.domain.errors import ComandaError

_REACH_S = 5.0
_NEEDS = {
    "openai": "llama_index.llms.openai",
    "openai_like": "llama_index.llms.openai_like",
    "anthropic": "llama_index.llms.anthropic",
    "ollama": "llama_index.llms.ollama",
}


class _Wrong(Exception):
    """Something that has to be put right; the message says how."""


async def examine(settings: Settings, say: Callable[[str], None]) -> bool:
    """Look at everything, saying a line for each; whether all is well."""
    checks: tuple[tuple[str, Callable[[Settings], Awaitable[str]]], ...] = (
        ("data folder", _data_folder),
        ("secret", _secret),
        ("menu", _menu),
        ("pages", _pages),
        ("Redis", _redis),
        ("agent", _agent),
    )
    well = True
    for name, check in checks:
        try:
            said, mark = await check(settings), "ok"
        except (_Wrong, CannotStart, ComandaError, OSError) as exc:
            said, mark, well = str(exc), "WRONG", False
        say(f"{mark:5}  {name}: {said}")
    return well


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


async def _menu(settings: Settings) -> str:
    menu = read_menu(settings.menu)
    return f"{menu.name}, {len(menu.items)} dishes"


async def _pages(_settings: Settings) -> str:
    library = STATIC_DIR / "vendor" / "socket.io.esm.min.js"
    if not library.is_file():
        raise _Wrong("the browser library is missing; run make setup")
    return "complete"


async def _redis(settings: Settings) -> str:
    async with services_of(settings) as services:
        cursor = await services.log.position()
    where = "at COMANDA_REDIS_URL" if settings.redis_url else "private, in the data folder"
    return f"{where}; branch {settings.branch} stands at {cursor}"


async def _agent(settings: Settings) -> str:
    if settings.llm == "offline":
        return "the offline model (set COMANDA_LLM for another)"
    if not _installed(_NEEDS[settings.llm]):
        extra = settings.llm.replace("_", "-")
        raise _Wrong(f"COMANDA_LLM={settings.llm} needs an extra: pip install 'comanda[{extra}]'")
    if settings.llm in ("openai", "anthropic") and settings.llm_api_key is None:
        raise _Wrong(f"COMANDA_LLM={settings.llm} needs COMANDA_LLM_API_KEY")
    if settings.llm == "openai_like" and not settings.llm_base_url:
        raise _Wrong("COMANDA_LLM=openai_like needs COMANDA_LLM_BASE_URL")
    if settings.llm_base_url:
        await _reach(settings.llm_base_url)
    return f"{settings.llm} {settings.llm_model}".strip()


async def _reach(url: str) -> None:
    """Any answer will do: who may ask what is the first turn's question."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    try:
        async with (
            asyncio.timeout(_REACH_S),
            aiohttp.ClientSession() as http,
            http.get(url, allow_redirects=False),
        ):
            return
    except (aiohttp.ClientError, TimeoutError, ValueError) as exc:
        raise _Wrong(f"COMANDA_LLM_BASE_URL: {host} does not answer ({type(exc).__name__})") from exc


def _installed(module: str) -> bool:
    """Without importing it: LlamaIndex takes seconds."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False

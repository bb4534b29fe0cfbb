"""The provider is asked about its key and its model before the first customer asks it anything."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from hub.config import NamedModel, Settings
from hub.ops.doctor import examine
from hub.ops.providers import Doubtful, Refused, inquire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEY = "sk-good"


@asynccontextmanager
async def listing(body: Any, path: str = "/v1/models", status: int = 200) -> AsyncIterator[str]:
    """A provider that lists its models to whoever holds the key."""

    async def models(request: web.Request) -> web.Response:
        keys = (request.headers.get("Authorization"), request.headers.get("x-api-key"))
        if path != "/api/tags" and f"Bearer {KEY}" not in keys and KEY not in keys:
            return web.json_response({"error": {"message": "Incorrect API key: sk-bad"}}, status=401)
        if isinstance(body, str):
            return web.Response(text=body, content_type="text/html", status=status)
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_get(path, models)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


LIKE = {"data": [{"id": "big"}, {"id": "small"}]}


@pytest.mark.parametrize(
    ("provider", "path", "body", "base"),
    [
        ("openai", "/v1/models", LIKE, "/v1"),
        ("openai_like", "/v1/models", LIKE, "/v1/"),
        ("anthropic", "/v1/models", LIKE, ""),
        ("ollama", "/api/tags", {"models": [{"name": "big:latest"}]}, ""),
    ],
)
async def test_a_good_key_and_a_model_that_is_there_are_well(provider: Any, path: str, body: Any, base: str) -> None:
    async with listing(body, path) as url:
        said = await inquire(NamedModel("COMANDA_LLM", provider, "big", url + base, KEY))
    assert said.startswith(f"{provider} big; 127.0.0.1:")


@pytest.mark.parametrize("provider", ["openai", "openai_like", "anthropic"])
async def test_a_wrong_key_is_told_and_never_shown(provider: Any) -> None:
    async with listing(LIKE) as url:
        base = url if provider == "anthropic" else f"{url}/v1"
        with pytest.raises(Refused, match=r"refuses the key \(401\); see COMANDA_LLM_SECOND_API_KEY") as caught:
            await inquire(NamedModel("COMANDA_LLM_SECOND", provider, "big", base, "sk-bad"))
    assert "sk-bad" not in str(caught.value)


async def test_a_model_that_is_not_there_is_told() -> None:
    async with listing({"models": [{"name": "small:7b"}]}, "/api/tags") as url:
        with pytest.raises(Refused, match="has no model big; see COMANDA_LLM_MODEL"):
            await inquire(NamedModel("COMANDA_LLM", "ollama", "big", url))
    async with listing(LIKE) as url:  # a gateway may know more names than it lists
        with pytest.raises(Doubtful, match="does not list the model huge"):
            await inquire(NamedModel("COMANDA_LLM", "openai_like", "huge", f"{url}/v1", KEY))


@pytest.mark.parametrize(
    "body", [[], {}, {"data": None}, {"data": 7}, {"data": [1, {"id": 2}]}, None, "<h1>Log in</h1>"]
)
async def test_what_no_model_server_says_is_a_doubt_and_no_crash(body: Any) -> None:
    async with listing(body) as url:
        with pytest.raises(Doubtful):
            await inquire(NamedModel("COMANDA_LLM", "openai_like", "big", f"{url}/v1", KEY))


async def test_a_server_that_does_not_list_its_models_is_a_doubt() -> None:
    async with listing(LIKE) as url:
        with pytest.raises(Doubtful, match=r"does not list its models \(404\)"):
            await inquire(NamedModel("COMANDA_LLM", "openai_like", "big", f"{url}/elsewhere", KEY))


async def test_the_doctor_names_the_variable_of_the_model_that_is_wrong(tmp_path: Path, unused_tcp_port: int) -> None:
    lines: list[str] = []
    async with listing(LIKE) as url:
        settings = Settings(
            data_dir=tmp_path,
            llm="openai_like",
            llm_model="big",
            llm_base_url=f"{url}/v1",
            llm_api_key=KEY,  # type: ignore[arg-type]
            llm_second="openai_like",
            llm_second_model="small",
            llm_second_base_url=f"http://127.0.0.1:{unused_tcp_port}/v1",
            redis_url="redis://127.0.0.1:1",
            redis_deadline_s=0.1,
        )
        assert not await examine(settings, lines.append)
    said = {line[7:].partition(":")[0]: line for line in lines}
    assert said["agent"].startswith("ok     agent: openai_like big; 127.0.0.1:")
    assert said["agent's second"].startswith("WRONG  agent's second: COMANDA_LLM_SECOND_BASE_URL: 127.0.0.1:")
    assert KEY not in str(lines)

"""What `comanda doctor` says of WhatsApp, asked of a Graph API on loopback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from hub.config import Settings
from hub.core.errors import Unavailable
from hub.ops.whatsapp_check import WhatsAppRefused, examine_whatsapp
from hub.outbound.whatsapp_templates import templates
from tests.cli.conftest import Folder
from tests.support.graph_api import GraphApi, graph_api
from tests.support.processes import free_port
from tests.support.whatsapp_payloads import WHATSAPP_SETTINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def api() -> AsyncIterator[GraphApi]:
    async with graph_api() as api:
        found = [*templates("es"), *templates("en")]
        api.templates = [{"name": t["name"], "language": t["language"], "status": "APPROVED"} for t in found]
        yield api


def settings(url: str, **changes: Any) -> Settings:
    return Settings(_env_file=None, whatsapp_api_url=url, **{**WHATSAPP_SETTINGS, **changes})


async def test_all_is_well(api: GraphApi) -> None:
    state = await examine_whatsapp(settings(api.url))
    assert (state.number, state.lacking) == ("Doña Carmen +52 55 5555 5555", ())


async def test_what_is_missing_is_named(api: GraphApi) -> None:
    api.templates[3]["status"] = "REJECTED"
    api.templates.pop()
    api.subscribed = False
    lacking = (await examine_whatsapp(settings(api.url))).lacking
    assert lacking[0] == "no app is subscribed to the account, so no message comes"
    assert lacking[1].startswith("2 of 20 templates are not approved, as comanda_order_delivered (es_MX)")
    [doubt] = (await examine_whatsapp(settings(api.url, whatsapp_account_id=""))).lacking
    assert "COMANDA_WHATSAPP_ACCOUNT_ID" in doubt


async def test_a_token_that_meta_does_not_take_is_said(api: GraphApi) -> None:
    with pytest.raises(WhatsAppRefused, match="Error validating access token"):
        await examine_whatsapp(settings(api.url, whatsapp_token=SecretStr("an old token")))


async def test_a_graph_api_that_does_not_answer_is_said() -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        await examine_whatsapp(settings(f"http://127.0.0.1:{free_port()}"))


def test_the_templates_are_printed_as_they_are_submitted(tmp_path: Path) -> None:
    said = Folder(tmp_path).run("whatsapp", "templates", "--lang", "en")
    assert (said.code, said.err) == (0, "")
    assert tuple(json.loads(line) for line in said.out.splitlines()) == templates("en")

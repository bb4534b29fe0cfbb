"""WhatsApp is set up whole or not at all, and only where it can run."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from hub.bootstrap import BadSetting, CannotStart, read_settings
from hub.config import Settings, WhatsAppSettings
from hub.ops import serve
from hub.ops.notifier_process import notify
from hub.ops.whatsapp_extra import require_whatsapp_extra
from tests.support.whatsapp_payloads import WHATSAPP_SETTINGS

NAMES = ("TOKEN", "PHONE_ID", "APP_SECRET", "VERIFY_TOKEN")


def set_all(monkeypatch: pytest.MonkeyPatch, folder: Path, **changes: str) -> None:
    monkeypatch.chdir(folder)
    for name in NAMES:
        monkeypatch.setenv(f"COMANDA_WHATSAPP_{name}", {"PHONE_ID": "106540352242922", **changes}.get(name, "text"))


@pytest.mark.parametrize("missing", NAMES)
def test_a_setting_that_is_missing_is_named(missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_all(monkeypatch, tmp_path, **{missing: ""})
    with pytest.raises(BadSetting, match=f"^COMANDA_WHATSAPP_{missing}: "):
        read_settings()


def test_all_of_them_are_read_and_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_all(monkeypatch, tmp_path, TOKEN="very secret")
    monkeypatch.setenv("COMANDA_WHATSAPP_API_URL", "http://127.0.0.1:9000/")
    settings = read_settings()
    assert settings.has_whatsapp
    assert settings.whatsapp_api_url == "http://127.0.0.1:9000"
    assert "very secret" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"), [("PHONE_ID", "+52 55"), ("ACCOUNT_ID", "mine"), ("API_URL", "graph.facebook.com")]
)
def test_a_setting_that_makes_no_sense_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_all(monkeypatch, tmp_path)
    monkeypatch.setenv(f"COMANDA_WHATSAPP_{name}", value)
    with pytest.raises(BadSetting, match=f"^COMANDA_WHATSAPP_{name}: "):
        read_settings()


def test_without_any_of_them_it_is_off() -> None:
    settings = WhatsAppSettings(_env_file=None)
    assert not settings.has_whatsapp
    require_whatsapp_extra(settings)


async def test_without_pywa_neither_a_notifier_nor_a_hub_with_one_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pywa_async" else found(name))
    settings = Settings(_env_file=None, data_dir=tmp_path, secret=SecretStr("x" * 20), **WHATSAPP_SETTINGS)
    with pytest.raises(CannotStart, match=r"comanda\[whatsapp\]"):
        await notify(settings)

    async def never(_running: Any) -> None:
        pytest.fail("it runs")

    with pytest.raises(CannotStart, match=r"comanda\[whatsapp\]"):
        await serve.serve(settings, serve.Plan("127.0.0.1", 1, 1, agent=False), never)

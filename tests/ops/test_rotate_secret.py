"""`comanda secret rotate`: in the data folder, or as settings to copy."""

from __future__ import annotations

import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.bootstrap import BadSetting, CannotStart, read_previous_secret, read_secret, read_settings
from hub.config import Settings
from hub.ops.doctor import examine
from hub.ops.rotate_secret import rotate_secret
from hub.services.auth.tokens import Tokens

NOW = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)
SOON, WEEK = timedelta(minutes=10), timedelta(days=7)
OLD = "the secret until now"


def settings_in(folder: Path, **settings: Any) -> Settings:
    return Settings(_env_file=None, data_dir=folder, **settings)


def copied(lines: list[str], folder: Path) -> Settings:
    """The settings after the printed lines were put into `.env`."""
    file = folder / "env"
    file.write_text("\n".join(line for line in lines if line.startswith("COMANDA_")))
    return Settings(_env_file=file, data_dir=folder)


def tokens_of(settings: Settings, now: datetime) -> Tokens:
    return Tokens(read_secret(settings), "centro", previous=read_previous_secret(settings), clock=lambda: now)


def test_a_secret_in_the_data_folder_is_replaced_and_the_old_one_accepted_for_a_week(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    link = tokens_of(settings, NOW).for_order("PED1")
    printed = rotate_secret(settings, NOW, SOON, compromised=False)
    assert "restart every hub and worker before 2026-11-20 21:40 UTC, when the first token is signed with it" in printed
    assert tokens_of(settings, NOW).for_order("PED1") == link
    later = NOW + SOON
    assert tokens_of(settings, later).for_order("PED1") != link
    assert tokens_of(settings, later).order_of(link) == "PED1"
    assert tokens_of(settings, later + WEEK).order_of(link) is None
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("secret*")} == {0o600}
    assert not [line for line in printed if read_secret(settings).decode() in line]


def test_a_configured_secret_is_replaced_by_lines_to_copy(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, secret=OLD)
    link = tokens_of(settings, NOW).for_order("PED1")
    after = copied(rotate_secret(settings, NOW, SOON, compromised=False), tmp_path)
    assert read_secret(after) != OLD.encode()
    assert tokens_of(after, NOW).for_order("PED1") == link
    assert tokens_of(after, NOW + SOON).for_order("PED1") != link
    assert tokens_of(after, NOW + WEEK).order_of(link) == "PED1"
    assert tokens_of(after, NOW + SOON + WEEK).order_of(link) is None
    assert not (tmp_path / "secret").exists()


@pytest.mark.parametrize("secret", [None, OLD])
def test_a_secret_that_others_know_is_accepted_no_more(tmp_path: Path, secret: str | None) -> None:
    settings = settings_in(tmp_path, secret=secret)
    link = tokens_of(settings, NOW).for_order("PED1")
    rotate_secret(settings, NOW, SOON, compromised=False)
    printed = rotate_secret(settings, NOW, SOON, compromised=True)
    after = copied(printed, tmp_path) if secret else settings
    assert tokens_of(after, NOW).order_of(link) is None
    assert read_previous_secret(after) is None


def test_a_second_rotation_waits_for_the_end_of_the_first(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    rotate_secret(settings, NOW, SOON, compromised=False)
    first = read_secret(settings)
    with pytest.raises(CannotStart, match="accepted until 2026-11-27 21:40 UTC"):
        rotate_secret(settings, NOW + WEEK, SOON, compromised=False)
    assert read_secret(settings) == first
    rotate_secret(settings, NOW + WEEK + SOON, SOON, compromised=False)
    assert read_secret(settings) != first


def test_the_time_that_the_old_one_is_accepted_can_be_shortened_afterwards(tmp_path: Path) -> None:
    link = tokens_of(settings_in(tmp_path), NOW).for_order("PED1")
    rotate_secret(settings_in(tmp_path), NOW, SOON, compromised=False)
    short = settings_in(tmp_path, secret_previous_s=60)
    assert tokens_of(short, NOW + SOON + timedelta(seconds=59)).order_of(link) == "PED1"
    assert tokens_of(short, NOW + SOON + timedelta(seconds=60)).order_of(link) is None


def test_a_damaged_record_of_the_old_secret_is_one_line_for_the_operator(tmp_path: Path) -> None:
    (tmp_path / "secret.previous").write_text("{}")
    with pytest.raises(CannotStart, match=r"secret\.previous is damaged; remove it"):
        read_previous_secret(settings_in(tmp_path))


@pytest.mark.parametrize(
    ("name", "value"),
    [("COMANDA_SECRET_PREVIOUS", OLD), ("COMANDA_SECRET_PREVIOUS", "short"), ("COMANDA_SECRET_ROTATED_AT", "noon")],
)
def test_settings_that_make_no_sense_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COMANDA_SECRET", "the secret from now on")
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting, match=f"^{name}: "):
        read_settings()


@pytest.mark.parametrize(
    ("rotated", "line"),
    [
        (
            timedelta(hours=1),
            "ok     secret: from COMANDA_SECRET; signs tokens from .* UTC on; the previous",
        ),
        (-timedelta(days=6), "ok     secret: from COMANDA_SECRET; the previous one is accepted until .* UTC"),
        (-timedelta(days=8), "WARN   secret: .*; COMANDA_SECRET_PREVIOUS is not accepted any more: remove it"),
    ],
)
async def test_the_doctor_tells_until_when_the_old_one_is_accepted(
    tmp_path: Path, rotated: timedelta, line: str
) -> None:
    said: list[str] = []
    settings = settings_in(
        tmp_path,
        secret="the secret from now on",
        secret_previous=OLD,
        secret_rotated_at=datetime.now(UTC) + rotated,
        redis_url="redis://127.0.0.1:1",
        redis_deadline_s=0.01,
    )
    await examine(settings, said.append)
    assert re.match(line, said[1]), said[1]
    assert not [text for text in said if OLD in text]

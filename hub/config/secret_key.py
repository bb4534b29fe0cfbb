"""The keys that sign tokens: the present one, and the one before it while that is still accepted."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.config.process_settings import DataSettings

MIN_SECRET_CHARS = 16
_GENERATED_BYTES = 48


@dataclass(frozen=True, slots=True)
class PreviousSecret:
    """The key that was replaced.

    Attributes:
        replaced_at: Tokens are signed with it until then. That may lie ahead: hubs that restart one after another all
            accept the new key before the first of them signs with it.
        accepted_until: Tokens that it signed are accepted until then.
    """

    secret: bytes = field(repr=False)
    replaced_at: datetime
    accepted_until: datetime


def new_secret() -> str:
    """Return a random secret."""
    return secrets.token_urlsafe(_GENERATED_BYTES)


def load_secret(settings: DataSettings) -> bytes:
    """Return the key that signs every token: the configured one, or one generated once in the data folder.

    Raises:
        OSError: The data folder cannot be written, or holds no secret where it should.
    """
    if settings.secret is not None:
        return settings.secret.get_secret_value().encode()
    path = settings.data_dir / "secret"
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    # A complete file is linked into place, so that processes that start at once all read the same secret.
    draft = _write_draft(path, new_secret())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    secret = path.read_bytes().strip()
    if len(secret) < MIN_SECRET_CHARS:
        raise OSError(f"{path} holds no secret; remove it to create a new one (everyone has to log in again)")
    return secret


def load_previous_secret(settings: DataSettings) -> PreviousSecret | None:
    """Return the key before the present one, accepted or not any more; None if there was none.

    Raises:
        OSError: The file in the data folder cannot be read.
    """
    if settings.secret is not None:
        if settings.secret_previous is None or settings.secret_rotated_at is None:
            return None
        return _previous(settings, settings.secret_previous.get_secret_value().encode(), settings.secret_rotated_at)
    path = _previous_file(settings)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return _previous(settings, record["secret"].encode(), datetime.fromisoformat(record["replaced_at"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OSError(f"{path} is damaged; remove it (who has a token of the previous secret logs in again)") from error


def replace_secret_file(settings: DataSettings, replaced_at: datetime, *, keep_previous: bool) -> None:
    """Put a new secret into the data folder.

    Args:
        replaced_at: The time from which on tokens are signed with it.
        keep_previous: True to accept tokens of the present one for another while.

    Raises:
        OSError: The data folder cannot be written.
    """
    path, previous = settings.data_dir / "secret", _previous_file(settings)
    if keep_previous:
        record = {"secret": load_secret(settings).decode(), "replaced_at": replaced_at.isoformat()}
        # First: a process that reads between the two steps finds the present secret twice.
        _write_draft(previous, json.dumps(record)).replace(previous)
    else:
        previous.unlink(missing_ok=True)
    _write_draft(path, new_secret()).replace(path)


def _previous(settings: DataSettings, secret: bytes, replaced_at: datetime) -> PreviousSecret:
    if replaced_at.tzinfo is None:
        replaced_at = replaced_at.replace(tzinfo=UTC)
    return PreviousSecret(secret, replaced_at, replaced_at + timedelta(seconds=settings.secret_previous_s))


def _previous_file(settings: DataSettings) -> Path:
    return settings.data_dir / "secret.previous"


def _write_draft(path: Path, text: str) -> Path:
    """Write a file, for this user alone to read, that is then moved to its place in one step."""
    draft = path.with_name(f"secret.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return draft

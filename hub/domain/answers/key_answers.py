"""Answers about API keys."""

from __future__ import annotations

from hub.domain.answers.base import Answer
from hub.domain.values import Time


class ListedKey(Answer):
    """An API key as it is listed: never the key itself."""

    key_id: str
    title: str
    scopes: tuple[str, ...]
    created_at: Time
    created_by: str
    expires_at: Time


class NewKey(ListedKey):
    """A new API key.

    Attributes:
        key: The key itself, which is shown this once.
    """

    key: str


class KeyList(Answer):
    """The API keys that are still good, the newest first."""

    keys: tuple[ListedKey, ...]

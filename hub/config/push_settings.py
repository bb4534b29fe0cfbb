"""The settings of Web Push."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator

from hub.config.environment import EnvironmentSettings, Words, split_words

# Chrome, Edge and Android; Firefox; Safari; Windows.
_SERVICES = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "*.push.services.mozilla.com",
    "*.push.apple.com",
    "*.notify.windows.com",
)
_SERVICE = re.compile(r"(\*\.)?[a-z0-9.-]+|https?://[a-z0-9.:\[\]-]+")


class PushSettings(EnvironmentSettings):
    """Web Push.

    Attributes:
        push_services: Patterns of the host names of push services; nothing is sent to others. An address with its
            scheme and port (`http://127.0.0.1:9000`) is meant literally.
        push_contact: Where a push service reaches whoever runs this hub, a `mailto:` or `https:` address. Empty: the
            hub's public address, if it is https; without either, nothing is pushed.
    """

    push_services: Annotated[Words, Field(max_length=32)] = _SERVICES
    push_contact: Annotated[str, Field(pattern=r"^((mailto:[^@\s]+@[^@\s]+|https://\S+))?$", max_length=254)] = ""

    @field_validator("push_services", mode="before")
    @classmethod
    def _split_services(cls, value: object) -> object:
        return split_words(value)

    @field_validator("push_services")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            if not _SERVICE.fullmatch(each):
                raise ValueError("each is a host name, a pattern like *.push.apple.com, or an address with its scheme")
        return value

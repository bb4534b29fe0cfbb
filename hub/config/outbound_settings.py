"""The settings of what the hub sends to others: webhooks, push services."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from hub.config.environment import EnvironmentSettings, Words, split_words
from hub.core.target_policy import TargetPolicy


class OutboundSettings(EnvironmentSettings):
    """What the hub sends to others, and where it may send it.

    Attributes:
        outbound_allow: Networks, addresses and host names that may be reached although they are not public; with
            `http://` before it, also without TLS.
        outbound_kept_s: Seconds for which events wait for readers outside: the longest that webhooks, notifications and
            printers can be away without losing any.
    """

    outbound_allow: Words = ()
    outbound_kept_s: Annotated[int, Field(ge=3_600, le=2_592_000)] = 259_200

    @field_validator("outbound_allow", mode="before")
    @classmethod
    def _split_targets(cls, value: object) -> object:
        return split_words(value)

    @field_validator("outbound_allow")
    @classmethod
    def _are_targets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        TargetPolicy(value)
        return value

"""The settings of notices to people who look at no page."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hub.config.environment import EnvironmentSettings


class NoticeSettings(EnvironmentSettings):
    """When people are told.

    Attributes:
        notice_undo_s: Seconds after a step of an order before its customer is told: a tap by mistake is taken back in
            that time, and is told to nobody.
        notice_unseen_s: Seconds after which a new order that nobody has acknowledged wakes kitchen and managers; 0: it
            does not.
        promos_a_week: The most promotions that one phone is told of in a week; 0: none.
    """

    notice_undo_s: Annotated[float, Field(ge=0, le=60)] = 6
    notice_unseen_s: Annotated[int, Field(ge=0, le=3_600)] = 120
    promos_a_week: Annotated[int, Field(ge=0, le=50)] = 2

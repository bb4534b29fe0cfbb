"""The rooms that keep all their events."""

from __future__ import annotations

import pytest

from hub.domain.room_retention import is_kept_whole


@pytest.mark.parametrize(
    ("room", "whole"), [("order:PED7K3Q9X", True), ("kitchen", False), ("chat:c1", False), ("orders", False)]
)
def test_only_the_room_of_an_order_keeps_all_its_events(room: str, whole: bool) -> None:
    assert is_kept_whole(room) is whole

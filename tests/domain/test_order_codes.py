"""The codes that people call out: short, without letters that look alike."""

from __future__ import annotations

import random
import re
from itertools import combinations

import pytest

from hub.domain.order_codes import LETTERS, code_of, heard_as, new_id

PAIRS = ("2Z", "5S", "8B", "VW", "MN", "0O", "1I")


@pytest.mark.parametrize("pair", PAIRS)
def test_of_a_look_alike_pair_at_most_the_first_is_used(pair: str) -> None:
    assert pair[1] not in LETTERS
    assert heard_as(f"Q{pair[1]}7{pair[0]}") == f"Q{pair[0]}7{pair[0]}"


def test_no_two_letters_are_heard_as_the_same() -> None:
    assert not any(heard_as(one) == heard_as(other) for one, other in combinations(LETTERS, 2))
    assert not set("AEIOU") & set(LETTERS)


def test_a_number_ends_in_its_code() -> None:
    order_id = new_id(random.Random(7).choice)
    assert re.fullmatch(f"PED[{LETTERS}]{{10}}", order_id)
    assert code_of(order_id) == order_id[-4:]


def test_a_code_is_heard_whatever_its_case() -> None:
    assert heard_as("k3zb") == "K328"

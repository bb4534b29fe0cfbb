"""PINs that are too easy to guess."""

from __future__ import annotations

import pytest

from hub.core.errors import BadRequest
from hub.domain.pins import require_strong

WEAK = {
    "at least": ["", "1", "1234", "24681", "correct", "24 681", "٢٤٦٨١٣"],
    "at most": ["73915826" * 9],
    "sequence": ["123456", "654321", "890123", "210987", "135791", "abcdefgh", "hgfedcba", "111111", "aaaaaaaa"],
    "repetition": ["121212", "123123", "24682468", "tacotaco", "112122", "110110110", "abcabcabca"],
}
CASES = [(rule, pin) for rule, pins in WEAK.items() for pin in pins]


@pytest.mark.parametrize(("rule", "pin"), CASES)
def test_a_weak_pin_is_refused_with_the_rule_that_it_breaks(rule: str, pin: str) -> None:
    with pytest.raises(BadRequest, match=rule) as refused:
        require_strong(pin)
    assert refused.value.values == {"field": "pin"}
    assert not pin or pin not in refused.value.message.replace("123456 or 654321", "").replace("111111 or 121212", "")


@pytest.mark.parametrize(
    "pin", ["246813", "739158", "112358", "24681357", "another pin", "correct horse", "tacos!al", "1" * 5 + "23"]
)
def test_a_pin_that_is_none_of_these_is_taken(pin: str) -> None:
    require_strong(pin)

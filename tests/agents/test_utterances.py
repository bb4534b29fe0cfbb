"""What people say to a taquería, and the tool call that it must lead to: the set is in `utterances.toml`."""

from __future__ import annotations

import re
import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agents.language import detect
from agents.tools import TOOLS
from tests.support.dialogue import Dialogue

SAID: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("utterances.toml").read_text(encoding="utf-8"))[
    "said"
]
_LINE = re.compile(r"(\d+) ([a-z-]+)(?: \(([^)]*)\))?")


def _wanted(one: dict[str, Any]) -> dict[str, Any]:
    """The arguments that a row asks for; `order` is short for the items of one."""
    wanted = dict(one.get("with", {}))
    if "order" in one:
        wanted["items"] = [
            {"sku": sku, "qty": int(qty)} | ({"notes": notes} if notes else {})
            for qty, sku, notes in _LINE.findall(one["order"])
        ]
    return wanted


@pytest.mark.parametrize("one", SAID, ids=[" / ".join((*one.get("after", ()), one["text"])) for one in SAID])
def test_what_is_said_leads_to_its_tool_call(one: dict[str, Any]) -> None:
    dialogue = Dialogue(staff=one.get("staff", False))
    for earlier in one.get("after", ()):
        dialogue.say(earlier)
    called, answer = dialogue.say(one["text"])
    if "call" in one:
        assert called == (one["call"], _wanted(one)), answer
    else:
        assert called is None, called
        assert one["says"] in answer


def test_the_set_is_large_and_touches_every_tool_in_both_languages() -> None:
    assert len(SAID) >= 150
    texts = [(tuple(one.get("after", ())), one["text"], one.get("staff", False)) for one in SAID]
    assert len(set(texts)) == len(texts)
    called = Counter(one.get("call") for one in SAID)
    assert {tool.name for tool in TOOLS} | {"confirm"} <= set(called)
    languages = Counter(detect(one["text"], "es") for one in SAID)
    assert languages["en"] >= 60
    assert languages["es"] >= 60
    assert sum("after" in one for one in SAID) >= 40


@pytest.mark.parametrize(
    "text",
    [
        "quita agrega cambia " * 100,
        "where is " * 222,
        "de 10 de la noche a " * 100,
        "dos tacos sin x y " * 111,
        "«" * 2_000,
    ],
)
def test_the_longest_message_is_read_in_no_time(text: str) -> None:
    """The worker that reads it answers others meanwhile: it may take no longer than their next word."""
    dialogue = Dialogue(staff=True)
    dialogue.say("quiero 2 gringas para llevar, soy Ana")
    began = time.process_time()
    dialogue.say(text[:2_000])
    assert time.process_time() - began < 1.0  # seen: 0.06 s

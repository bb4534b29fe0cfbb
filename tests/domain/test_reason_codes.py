"""The usual reasons: one catalogue for the hub and the pages, from the command to every reader."""

from __future__ import annotations

import json

import pytest

from hub.domain.order_document import Delay
from hub.domain.reason_codes import REASON_TEXTS, ReasonCode, reason_words
from hub.domain.texts import Lang
from tests.support.processes import ROOT


@pytest.mark.parametrize("lang", ["es", "en"])
def test_the_pages_have_the_hubs_codes_and_texts(lang: Lang) -> None:
    texts = json.loads((ROOT / "static" / "i18n" / f"{lang}.json").read_text(encoding="utf-8"))
    shown = {key.removeprefix("reason."): text for key, text in texts.items() if key.startswith("reason.")}
    assert shown == {str(code): text.in_(lang) for code, text in REASON_TEXTS.items()}
    assert set(REASON_TEXTS) == set(ReasonCode)


def test_a_reader_gets_the_text_of_a_code_and_what_was_written_without_one() -> None:
    assert reason_words("Mucha demanda", "busy", "en") == "Very busy"
    assert reason_words("Mucha demanda", None, "en") == "Mucha demanda"
    assert reason_words("Mucha demanda", "of a newer hub", "en") == "Mucha demanda"


def test_a_code_that_only_a_newer_hub_knows_is_kept() -> None:
    assert Delay.model_validate({"minutes": 5, "reason": "x", "reason_code": "newer"}).reason_code == "newer"
    assert Delay.model_validate({"minutes": 5, "reason": "x", "reason_code": "busy"}).reason_code is ReasonCode.BUSY

"""The templates hold to what Meta's documentation asks of them, and to what the hub sends."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hub.domain.notices import KINDS, UNSEEN
from hub.domain.whatsapp_template import TemplateMessage
from hub.outbound.whatsapp_templates import (
    LANGUAGES,
    MAX_PARAMETER_CHARS,
    REPLY,
    Lang,
    filled,
    parameters_of,
    template_message,
    templates,
)

BOTH: tuple[Lang, ...] = ("es", "en")
TYPES = [*(type_ for type_ in KINDS if type_ != UNSEEN), REPLY]
SUBMITTED = [(lang, template) for lang in BOTH for template in templates(lang)]


@pytest.mark.parametrize(("lang", "template"), SUBMITTED, ids=[f"{lang}-{each['name']}" for lang, each in SUBMITTED])
def test_a_template_is_as_meta_takes_it(lang: Lang, template: dict[str, Any]) -> None:
    assert re.fullmatch(r"[a-z0-9_]{1,512}", template["name"])
    assert template["language"] == LANGUAGES[lang]
    assert template["category"] in {"UTILITY", "MARKETING"}
    assert template["parameter_format"] == "NAMED"
    [body] = template["components"]
    assert body["type"] == "BODY"
    assert len(body["text"]) <= 1024 - MAX_PARAMETER_CHARS
    assert not re.search(r"^\W*\{\{|\}\}\W*$|\}\}\s*\{\{", body["text"]), "no parameter first, last, or beside another"
    examples = {each["param_name"]: each["example"] for each in body["example"]["body_text_named_params"]}
    assert tuple(examples) == parameters_of(body["text"])
    assert all(examples.values())


def test_both_languages_have_the_same_templates() -> None:
    told = [
        [(each["name"], each["category"], parameters_of(str(each["components"]))) for each in templates(lang)]
        for lang in BOTH
    ]
    assert told[0] == told[1]


@pytest.mark.parametrize("lang", BOTH)
@pytest.mark.parametrize("type_", TYPES)
def test_each_notice_that_a_customer_may_get_has_one(type_: str, lang: Lang) -> None:
    message = template_message(type_, lang, {})
    assert message is not None
    assert message.name in {each["name"] for each in templates(lang)}
    assert all(message.parameters.values()), "Meta takes no empty parameter"
    assert "{" not in filled(message)


def test_no_template_is_left_that_nothing_sends() -> None:
    sent = {message.name for type_ in TYPES if (message := template_message(type_, "es", {}))}
    assert sent == {each["name"] for each in templates("es")}
    assert template_message(UNSEEN, "es", {}) is None


def test_a_parameter_is_one_line_of_a_bounded_length() -> None:
    message = template_message(REPLY, "es", {"message": "Hola,\n\tya   sale.\n" + "x" * 5_000})
    assert isinstance(message, TemplateMessage)
    said = message.parameters["message"]
    assert said.startswith("Hola, ya sale. xxx")
    assert len(said) == MAX_PARAMETER_CHARS
    assert said.endswith("…")


def test_a_notice_reads_as_one_text() -> None:
    message = template_message("order.cancelled", "en", {"code": "H4J4", "reason": "We ran out of pastor."})
    assert message is not None
    assert filled(message) == (
        "Your order H4J4 was cancelled. The reason: We ran out of pastor. If you have questions, answer this message."
    )

"""Slips: what stands on them, how large, and that it fits on the paper."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.printer.code_pages import CodePage, printable
from hub.printer.escpos_bytes import bytes_of
from hub.printer.paper_order import PaperOrder
from hub.printer.print_job import SlipKind, job_of
from hub.printer.slips import COLUMNS, Look, slip_of
from tests.printer.samples import AT, LOOK, an_order, document
from tests.support.escpos_paper import EscPosPaper, Sheet

PAGES = get_args(CodePage)
WIDTHS = sorted(COLUMNS)
ENGLISH = replace(LOOK, lang="en")


def on_paper(
    order: PaperOrder, kind: SlipKind = SlipKind.TICKET, look: Look = LOOK, *, late: bool = False, **job: Any
) -> Sheet:
    """The one sheet of a slip, as a printer has it."""
    paper = EscPosPaper(look.columns)
    made = job_of(kind, order, AT, reason=job.pop("reason", "")).model_copy(update=job)
    paper.feed(bytes_of(slip_of(made, look, is_late=late), look.code_page))
    [sheet] = paper.sheets
    return sheet


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_ticket_has_all_that_the_kitchen_needs(width: int, page: CodePage) -> None:
    sheet = on_paper(an_order(), look=replace(LOOK, width_mm=width, code_page=page))
    said = " ".join(sheet.text.split())
    for words in ("Ángela", "Núñez", "3 x Taco al pastor", "$66.00", "+ con piña", "+ tortilla de maíz"):
        assert words in said
    for words in ("» sin cebolla, bien doradito", "12 x", "$420.00", "cacahuate", "¿está bien?", "timbre azul"):
        assert words in said
    for words in ("A DOMICILIO", "TOTAL $486.00", "Pedido 20/11 15:30"):
        assert words in said
    assert ("€5" in said) == (page != "cp850")  # the page before the euro


def test_the_code_is_huge_and_the_allergies_stand_apart() -> None:
    sheet = on_paper(an_order())
    code, name, allergies = (sheet.line_with(text) for text in ("3Q9X", "Ángela", "ALERGIAS: cacahuate,"))
    assert (code.style.wide, code.style.high, code.style.align) == (6, 6, 1)
    assert (name.style.wide, name.style.high) == (2, 2)
    assert allergies.style.inverse
    assert sheet.line_with("Taco al pastor").style.high == 2
    assert not sheet.line_with("con piña").style.bold


def test_an_order_of_today_needs_no_options_allergies_or_note() -> None:
    plain = {key: value for key, value in document().items() if key not in ("allergies", "note")}
    item = {**plain["items"][1]}
    sheet = on_paper(PaperOrder.of({**plain, "items": [item], "delivery": {"kind": "pickup"}}))
    assert "PARA RECOGER" in sheet.text
    assert not any(words in sheet.text for words in ("ALERGIAS", "Nota", "Entregar", "+", "»"))


@pytest.mark.parametrize(
    ("kind", "es", "en"),
    [
        (SlipKind.CANCELLED, "CANCELADO", "CANCELLED"),
        (SlipKind.CHANGED, "CAMBIO", "CHANGED"),
        (SlipKind.RESTORED, "YA NO ESTÁ CANCELADO", "NO LONGER CANCELLED"),
        (SlipKind.REPRINT, "REIMPRESIÓN", "REPRINT"),
    ],
)
def test_a_slip_says_first_what_it_is_in_both_languages(kind: SlipKind, es: str, en: str) -> None:
    for look, words in ((LOOK, es), (ENGLISH, en)):
        first = on_paper(an_order(), kind, look).lines[0]
        assert (first.text.strip(), first.style.inverse) == (words, True)


def test_a_doubtful_slip_and_a_late_one_say_so_in_both_languages() -> None:
    spanish, english = ["POSIBLE COPIA", "TARDE: es de las 15:30"], ["POSSIBLE COPY", "LATE: it is of 15:30"]
    for look, words in ((LOOK, spanish), (ENGLISH, english)):
        sheet = on_paper(an_order(), look=look, late=True, is_doubtful=True)
        assert [line.text.strip() for line in sheet.lines if line.style.inverse][:2] == words
    assert "POSIBLE" not in on_paper(an_order()).text


def test_a_cancellation_has_its_reason() -> None:
    assert "Motivo: cambió de idea" in on_paper(an_order(), SlipKind.CANCELLED, reason="cambió de idea").text


def test_a_label_for_the_bag_has_the_code_and_the_name_only() -> None:
    sheet = on_paper(an_order(), SlipKind.LABEL)
    assert [line.text.strip() for line in sheet.lines] == ["3Q9X", "Ángela Núñez Peña"]


def test_names_and_notes_carry_no_commands_to_the_printer() -> None:
    evil = "\x1b@\x1dV\x00\x10\x14\x01\x1bp0"  # reset, cut, open the drawer
    order = an_order(customer={"name": f"Ana{evil}"}, note=evil, allergies=[evil], code=f"AB{evil}"[:6])
    sheet = on_paper(order)  # the interpreter knows no drawer, and `on_paper` expects one cut
    assert "@V" in sheet.text


@pytest.mark.parametrize(
    ("text", "shown"),
    [("Łukasz", "?ukasz"), ("Dvořák", "Dvorák"), ("“sí” – no…", '"sí" - no...'), ("🌮 taco", " taco"), ("木", "?")],
)
def test_what_the_code_page_lacks_is_replaced(text: str, shown: str) -> None:
    assert printable(text, "cp858") == shown


TEXTS = st.text(st.characters(codec="utf-8"), max_size=200)


@given(TEXTS, TEXTS, TEXTS, st.sampled_from(WIDTHS), st.sampled_from(PAGES), st.sampled_from(list(SlipKind)))
def test_whatever_people_write_fits_on_the_paper(
    name: str, note: str, dish: str, width: int, page: CodePage, kind: SlipKind
) -> None:
    line = {**document()["items"][0], "name": dish, "notes": note, "options": [name, note], "unit_price": 10**9}
    order = an_order(customer={"name": name}, note=note, items=[line], allergies=[dish, name], total=10**9)
    sheet = on_paper(order, kind, replace(LOOK, width_mm=width, code_page=page), late=True)
    assert "3Q9X" in sheet.text
    assert not any(unicodedata.category(char) == "Cc" for char in sheet.text.replace("\n", ""))


def test_a_slip_can_be_looked_at(tmp_path: Any) -> None:
    picture = on_paper(an_order()).picture()
    picture.save(tmp_path / "ticket.png")
    assert picture.size == (48 * 12 + 16, sum(24 * line.style.high for line in on_paper(an_order()).lines) + 16)
    dark = sum(count for count, shade in picture.getcolors() or () if isinstance(shade, int) and shade < 128)
    assert dark > 5_000

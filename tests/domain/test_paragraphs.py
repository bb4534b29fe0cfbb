"""How a long answer becomes the messages of a messenger."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.domain.paragraphs import LONGEST, MOST, SHORTEST, paragraphs

LINK = "https://taqueria.example/t/PEDVF5H4FH4J4." + "a" * 240
WORDS = st.text(st.sampled_from('abc ñ.,\n¿?«»")'), max_size=900)


def words(text: str) -> list[str]:
    return text.split()


@given(WORDS)
def test_no_word_is_lost_cut_or_moved(text: str) -> None:
    assert words(" ".join(paragraphs(text))) == words(text)


@given(WORDS)
def test_no_message_is_empty_or_begins_or_ends_with_a_space(text: str) -> None:
    assert all(each and each == each.strip() for each in paragraphs(text))


@given(st.lists(st.text("abcde", min_size=1, max_size=30), min_size=1, max_size=250))
def test_messages_are_of_the_length_that_is_read_in_one_go(found: list[str]) -> None:
    text = " ".join(found)
    parts = paragraphs(text)
    assert len(parts) <= max(MOST * 2, 1)
    if len(text) <= LONGEST * MOST / 1.5:
        assert all(len(each) <= LONGEST for each in parts)
        assert all(len(each) >= SHORTEST - 1 for each in parts[:-1])


def test_a_short_answer_stays_whole() -> None:
    assert paragraphs("¡Listo!\n\nTu pedido es el H4J4.") == ("¡Listo!\n\nTu pedido es el H4J4.",)
    assert paragraphs(" \n ") == ()


def test_a_text_is_cut_where_a_reader_pauses() -> None:
    first = "Las gringas llevan tortilla de harina, queso y pastor. Cada una cuesta $65, y trae dos salsas y limón."
    question = "¿Te preparo dos gringas como la última vez?"
    offer = "También tengo suadero y campechanos recién hechos, por si se te antojan."
    assert paragraphs(f"{first}\n\n{question} {offer}") == (first, f"{question} {offer}")
    assert paragraphs(f"{first} {question} {offer}") == (f"{first} {question}", offer)


def test_a_quotation_keeps_its_closing_mark() -> None:
    quoted = "Doña Carmen dice: «La salsa de hoy pica como nunca, y quien la pruebe la va a recordar toda la noche.»"
    offer = "¿La pongo aparte, o prefieres la verde, que hoy salió más suave y va bien con todo lo que pediste?"
    assert paragraphs(f"{quoted} {offer}") == (quoted, offer)


def test_a_link_stays_whole() -> None:
    parts = paragraphs(
        f"Tu pedido va en camino. Míralo aquí: {LINK} y avísame si falta algo, que con gusto lo arreglo."
    )
    assert any(LINK in each for each in parts)


def test_a_very_long_answer_is_not_a_hundred_messages() -> None:
    assert len(paragraphs("Una frase de las que no dicen mucho. " * 400)) <= MOST * 2

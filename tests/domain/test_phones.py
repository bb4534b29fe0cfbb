"""Phone numbers."""

from __future__ import annotations

import pytest

from hub.domain.phones import local_number, same_phone


@pytest.mark.parametrize("other", ["5512345678", "(55) 1234-5678", "+52 55 1234 5678", "52 1 55 1234 5678"])
def test_a_number_is_the_same_however_it_is_written(other: str) -> None:
    assert same_phone("+52 55 1234 5678", other)
    assert same_phone(other, "+52 55 1234 5678")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+52 55 1234 5678", "+1 55 1234 5678"),  # of another country
        ("55 1234 5678", "55 1234 5679"),
        ("1234 5678", "55 1234 5678"),
        ("", ""),
        ("-------", ""),
        ("()()()()", "-------"),
    ],
)
def test_two_numbers_are_two(one: str, other: str) -> None:
    assert not same_phone(one, other)
    assert not same_phone(other, one)


@pytest.mark.parametrize("text", ["", "()()()()", "+1 (23) 456"])
def test_a_text_with_too_few_digits_is_no_number(text: str) -> None:
    assert local_number(text) == ""

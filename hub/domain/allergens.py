"""The common allergens, by the words that people use. Only the menu file says which dish contains which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.domain.menu import plain


@dataclass(frozen=True, slots=True)
class Allergen:
    """One allergen: its names, and the other words by which people mean it."""

    id: str
    es: str
    en: str
    words: tuple[str, ...] = ()


ALLERGENS: tuple[Allergen, ...] = (
    Allergen("gluten", "gluten", "gluten", ("trigo", "wheat", "harina", "celiaco", "celiaca", "celiac", "coeliac")),
    Allergen(
        "lacteos",
        "lácteos",
        "dairy",
        ("lacteo", "leche", "milk", "queso", "cheese", "lactosa", "lactose", "crema", "cream"),
    ),
    Allergen("huevo", "huevo", "egg", ("huevos", "eggs")),
    Allergen("pescado", "pescado", "fish", ("pescados",)),
    Allergen(
        "mariscos",
        "mariscos",
        "shellfish",
        ("marisco", "camaron", "camarones", "shrimp", "crustaceos", "seafood"),
    ),
    Allergen("cacahuate", "cacahuate", "peanut", ("cacahuates", "cacahuete", "mani", "peanuts")),
    Allergen(
        "nueces",
        "nueces",
        "tree nuts",
        ("nuez", "nuts", "nut", "almendra", "almendras", "almond", "almonds", "frutos secos"),
    ),
    Allergen("soya", "soya", "soy", ("soja", "soybean")),
    Allergen("ajonjoli", "ajonjolí", "sesame", ("sesamo",)),
    Allergen("mostaza", "mostaza", "mustard"),
)

_BY_WORD: Mapping[str, Allergen] = {
    plain(word): allergen for allergen in ALLERGENS for word in (allergen.id, allergen.es, allergen.en, *allergen.words)
}


def allergen_called(word: str) -> Allergen | None:
    """Return the allergen that a word means."""
    return _BY_WORD.get(plain(word))


def same_allergen(one: str, other: str) -> bool:
    """Return True if two words mean one allergen.

    Words of a menu file that nobody else uses are compared as they are.
    """
    return (allergen_called(one) or plain(one)) == (allergen_called(other) or plain(other))

"""What the tools say of dishes, allergens and promotions, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents.offline.intent_types import ASKS_MENU, ASKS_PERSON, ASKS_WHICH
from agents.offline.phrases import listed, pick

if TYPE_CHECKING:
    from hub.domain.texts import Lang

Result = dict[str, Any]

# Said with every answer about allergens.
ONE_KITCHEN = (
    "Todo se prepara en la misma cocina, así que puede haber trazas: si tu alergia es seria, habla con una persona.",
    "Everything is made in one kitchen, so there may be traces: if your allergy is serious, talk to a person.",
)


_NO_MORE = (
    f" Más que eso no dice el menú. {ASKS_PERSON[0]}",
    f" More than that the menu does not say. {ASKS_PERSON[1]}",
)


def menu(result: Result, lang: Lang, about: tuple[str, ...]) -> str:
    """The dishes found; `about`: what the menu was looked at for."""
    if about[:1] == ("diet",):
        return diet(result, about[1], about[2:], lang)
    items = result["items"]
    if not items:
        return pick(
            (
                f"No encontré «{result['search']}» en el menú. {ASKS_MENU[0]}",
                f"I did not find “{result['search']}” on the menu. {ASKS_MENU[1]}",
            ),
            lang,
        )
    if len(items) == 1:
        return dish(items[0], lang) + (pick(_NO_MORE, lang) if about[:1] == ("no_more",) else "")
    groups: dict[str, list[str]] = {}
    for item in items:
        sold_out = "" if item["available"] else pick((" (agotado)", " (sold out)"), lang)
        groups.setdefault(item["category"], []).append(f"{item['name']} {item['price']}{sold_out}")
    lines = [f"{category}: {', '.join(dishes)}." for category, dishes in groups.items()]
    if "search" not in result:
        lines.insert(
            0, pick((f"Esto hay en {result['restaurant']}:", f"This is what {result['restaurant']} has:"), lang)
        )
    if about[:1] == ("which",):
        lines.append(pick(ASKS_WHICH, lang))
    return "\n".join(lines)


_DIETS = {"vegan": ("vegano", "vegan"), "vegetarian": ("vegetariano", "vegetarian")}


def diet(result: Result, name: str, stated: tuple[str, ...], lang: Lang) -> str:
    """The dishes of which the menu itself says it; and that of the others it says nothing."""
    called = pick(_DIETS[name], lang)
    dishes = [dish(item, lang) for item in result["items"] if item["sku"] in stated]
    return pick(
        (
            "\n".join([f"El menú dice «{called}» de:", *dishes])
            + f"\nDe lo demás no lo dice, así que no te lo aseguro. {ASKS_PERSON[0]}",
            "\n".join([f"The menu says “{called}” of:", *dishes])
            + f"\nOf the others it does not, so I cannot promise it. {ASKS_PERSON[1]}",
        ),
        lang,
    )


def no_diet(name: str, lang: Lang) -> str:
    called = pick(_DIETS[name], lang)
    return pick(
        (
            f"El menú no dice de ningún platillo que sea {called}, así que no te lo puedo asegurar. {ASKS_PERSON[0]}",
            f"The menu says of no dish that it is {called}, so I cannot promise it. {ASKS_PERSON[1]}",
        ),
        lang,
    )


def dish(item: Result, lang: Lang) -> str:
    text = f"{item['name']}: {item['price']}. {item.get('description', '')}".strip()
    if item.get("allergens"):
        names = ", ".join(item["allergens"])
        text += pick((f" Alérgenos: {names}.", f" Allergens: {names}."), lang)
    if not item["available"]:
        text += pick((" Ahora mismo está agotado.", " It is sold out right now."), lang)
    return text


def allergens(result: Result, lang: Lang) -> str:
    """What the menu states, what it does not, and never that something is safe."""
    if "dishes" in result:
        stated = [_stated(one, lang) for one in result["dishes"]]
        return "\n".join(stated)
    name = result["allergen"]
    if result.get("unknown_allergen"):
        return pick(
            (
                f"El menú no dice nada de «{name}», así que no te lo puedo asegurar: habla con una persona.",
                f"The menu says nothing about “{name}”, so I cannot tell: please talk to a person.",
            ),
            lang,
        )
    parts = []
    for key, texts in (
        ("with", ("Según el menú, con {0}: {1}.", "According to the menu, with {0}: {1}.")),
        ("without", ("Sin {0} según el menú: {1}.", "Without {0} according to the menu: {1}.")),
        ("not_stated", ("El menú no lo dice de: {1}.", "The menu does not say for: {1}.")),
    ):
        if result[key]:
            parts.append(pick(texts, lang).format(name, listed(result[key], lang)))
    return "\n".join(parts)


def _stated(one: Result, lang: Lang) -> str:
    if one["allergens"] is None:
        return pick(
            (
                f"{one['name']}: el menú no dice sus alérgenos.",
                f"{one['name']}: the menu does not state its allergens.",
            ),
            lang,
        )
    if not one["allergens"]:
        return pick(
            (
                f"{one['name']}: el menú no anota alérgenos comunes.",
                f"{one['name']}: the menu notes none of the common.",
            ),
            lang,
        )
    names = listed(one["allergens"], lang)
    return pick((f"{one['name']}: contiene {names}.", f"{one['name']}: contains {names}."), lang)


def promotions(result: Result, lang: Lang) -> str:
    if not result["promotions"]:
        return pick(("Ahora mismo no hay promociones.", "There are no promotions right now."), lang)
    lines = [pick(("Las promociones de hoy:", "Today's promotions:"), lang)]
    return "\n".join([*lines, *(f"- {promo['title']}: {promo['message']}" for promo in result["promotions"])])

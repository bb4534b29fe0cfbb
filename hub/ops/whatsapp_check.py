"""What Meta says of the shop's WhatsApp: the token, the number, the templates, and whether messages come here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hub.domain.texts import Lang
from hub.outbound.whatsapp_templates import templates

if TYPE_CHECKING:
    from hub.config import Settings

_LANGUAGES: tuple[Lang, ...] = ("es", "en")
_PAGE = 250  # templates; an account has 250 at first, and the hub's are asked for by this many
_APPROVED = "APPROVED"


class WhatsAppRefused(Exception):
    """Meta does not take what is configured; the message says what."""


@dataclass(frozen=True, slots=True)
class WhatsAppState:
    """The number as Meta shows it, and what is missing for all of it to work."""

    number: str
    lacking: tuple[str, ...]


async def examine_whatsapp(settings: Settings) -> WhatsAppState:
    """Ask Meta.

    Raises:
        WhatsAppRefused: The token or the number is not taken.
        Unavailable: Meta cannot be reached.
        ImportError: pywa is not installed.
    """
    from hub.outbound.whatsapp.graph_client import asking, open_pywa  # pywa comes with an extra

    async with open_pywa(settings) as whatsapp:
        with asking(WhatsAppRefused):
            number = await whatsapp.api.get_business_phone_number(
                settings.whatsapp_phone_id, ("display_phone_number", "verified_name")
            )
        lacking: list[str] = []
        if not settings.whatsapp_account_id:
            lacking.append("COMANDA_WHATSAPP_ACCOUNT_ID is not set, so the templates cannot be looked at")
        else:
            with asking(WhatsAppRefused):
                apps = await whatsapp.api.get_waba_subscribed_apps(settings.whatsapp_account_id)
                found = await whatsapp.api.get_templates(
                    settings.whatsapp_account_id, ("name", "language", "status"), pagination={"limit": _PAGE}
                )
            if not apps["data"]:
                lacking.append("no app is subscribed to the account, so no message comes")
            lacking += _missing_templates(found["data"])
    return WhatsAppState(f"{number.get('verified_name', '')} {number['display_phone_number']}".strip(), tuple(lacking))


def _missing_templates(found: list[dict[str, Any]]) -> list[str]:
    """Return what is wrong with the hub's templates in an account, in one sentence or none."""
    states = {(each["name"], each["language"]): each["status"] for each in found}
    wanted = [(each["name"], each["language"]) for lang in _LANGUAGES for each in templates(lang)]
    missing = sorted(f"{name} ({language})" for name, language in wanted if states.get((name, language)) != _APPROVED)
    if not missing:
        return []
    return [f"{len(missing)} of {len(wanted)} templates are not approved, as {missing[0]}: comanda whatsapp templates"]

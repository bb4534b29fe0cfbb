"""The optional part of an installation that WhatsApp needs: pywa (`comanda[whatsapp]`)."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from hub.bootstrap import CannotStart

if TYPE_CHECKING:
    from hub.config import WhatsAppSettings


def require_whatsapp_extra(settings: WhatsAppSettings) -> None:
    """Refuse to start a notifier that is to speak to WhatsApp and cannot.

    Raises:
        CannotStart: WhatsApp is set up, and pywa is not installed.
    """
    if settings.has_whatsapp and importlib.util.find_spec("pywa_async") is None:
        raise CannotStart("COMANDA_WHATSAPP_PHONE_ID is set, and pywa is missing: pip install 'comanda[whatsapp]'")

"""The settings of WhatsApp."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from hub.config.environment import EnvironmentSettings

WHATSAPP_NEEDS = ("whatsapp_token", "whatsapp_phone_id", "whatsapp_app_secret", "whatsapp_verify_token")


class WhatsAppSettings(EnvironmentSettings):
    """WhatsApp, by Meta's Cloud API. Token, phone id and the two secrets belong together: without them it is off.

    Attributes:
        whatsapp_token: The access token of a system user.
        whatsapp_phone_id: The id of the phone number, which is not the number itself.
        whatsapp_app_secret: The app's secret, with which Meta signs what it sends.
        whatsapp_verify_token: A text of your choice, which Meta shows when the webhook is set up.
        whatsapp_account_id: The id of the WhatsApp business account, to which message templates belong.
        whatsapp_api_url: The Graph API.
    """

    whatsapp_token: SecretStr | None = None
    whatsapp_phone_id: Annotated[str, Field(pattern=r"^\d{0,32}$")] = ""
    whatsapp_app_secret: SecretStr | None = None
    whatsapp_verify_token: SecretStr | None = None
    whatsapp_account_id: Annotated[str, Field(pattern=r"^\d{0,32}$")] = ""
    whatsapp_api_url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")] = "https://graph.facebook.com"

    @property
    def has_whatsapp(self) -> bool:
        """True if WhatsApp is set up."""
        return bool(self.whatsapp_phone_id)

    @field_validator("whatsapp_token", "whatsapp_app_secret", "whatsapp_verify_token")
    @classmethod
    def _secret_or_unset(cls, value: SecretStr | None) -> SecretStr | None:
        """Treat an empty secret as unset."""
        return value or None

    @field_validator("whatsapp_api_url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")

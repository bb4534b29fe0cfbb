"""A message of WhatsApp that names a template, for numbers that have not written for a day."""

from __future__ import annotations

from typing import Literal

from hub.domain.values import Stored


class TemplateMessage(Stored):
    """A message by template.

    Attributes:
        language: As Meta writes it: `es_MX`.
        parameters: The values by name. Each is one line, and not empty.
    """

    kind: Literal["template"] = "template"
    name: str
    language: str
    parameters: dict[str, str]

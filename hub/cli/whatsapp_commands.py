"""`comanda whatsapp …`."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from hub.outbound.whatsapp_templates import templates

whatsapp_app = typer.Typer(no_args_is_help=True, help="WhatsApp: what is submitted to Meta.")


@whatsapp_app.command("templates")
def print_templates(
    lang: Annotated[Literal["es", "en"] | None, typer.Option(help="One language only.")] = None,
) -> None:
    """Print the message templates, one JSON object a line, as Meta's `message_templates` takes them."""
    for each in (lang,) if lang else ("es", "en"):
        for template in templates(each):
            typer.echo(json.dumps(template, ensure_ascii=False))

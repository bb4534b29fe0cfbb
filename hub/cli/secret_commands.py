"""`comanda secret …`: the key that signs tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.common import operator_errors, parse_duration, read_settings

secret_app = typer.Typer(no_args_is_help=True, help="The key that signs tokens.")


@secret_app.callback()
def secret() -> None:
    """The key that signs tokens."""


@secret_app.command("rotate")
def secret_rotate(
    starts_in: Annotated[
        str, typer.Option("--in", help="When tokens are signed with it: 10m. All hubs must have restarted by then.")
    ] = "10m",
    compromised: Annotated[
        bool, typer.Option("--compromised", help="Somebody else knows the old secret: accept it no more.")
    ] = False,
) -> None:
    """Make a new secret. Tokens of the old one stay valid for a while; hubs and workers have to restart."""
    from hub.ops.rotate_secret import rotate_secret
    from hub.services.build import utc_now

    delay = parse_duration(starts_in, "--in")
    settings = read_settings()
    with operator_errors():
        lines = rotate_secret(settings, utc_now(), delay, compromised=compromised)
    print("\n".join(lines))

"""`comanda keys …`: the API keys of partners."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from hub.cli.common import parse_duration, run_with_services
from hub.core.times import format_time
from hub.domain.key_commands import AddKey, RevokeKey
from hub.domain.roles import Kind, Principal, Role, Scope

if TYPE_CHECKING:
    from hub.services.build import Services

keys_app = typer.Typer(no_args_is_help=True, help="API keys of partners: make one, list them, revoke one.")

_OPERATOR = Principal(kind=Kind.SERVICE, id="operator", name="operator", roles=frozenset({Role.MANAGER}))


@keys_app.command("add")
def keys_add(
    title: Annotated[str, typer.Argument(metavar="TITLE", help="Who holds the key.")],
    scope: Annotated[list[Scope], typer.Option(help="What it opens; may be repeated.")],
    ttl: Annotated[str, typer.Option(help="How long it lasts, in days: 30d.")] = "365d",
) -> None:
    """Make an API key; prints the key, which is shown this once, and nothing else."""
    try:
        expires_at = datetime.now(UTC) + parse_duration(ttl)
        command = AddKey(title=title, scopes=frozenset(scope), expires_at=expires_at)
    except OverflowError:
        raise typer.BadParameter("that is longer than the calendar", param_hint="--ttl") from None
    except ValidationError:
        raise typer.BadParameter("a title is one line of 1 to 80 characters", param_hint="TITLE") from None

    async def add(services: Services) -> None:
        print((await services.keys.add(_OPERATOR, command)).key)

    run_with_services(add)


@keys_app.command("list")
def keys_list() -> None:
    """List the valid keys: id, title, scopes, end."""

    async def show(services: Services) -> None:
        for key in (await services.keys.shown(_OPERATOR)).keys:
            print(f"{key.key_id}\t{key.title}\t{', '.join(key.scopes)}\t{format_time(key.expires_at)}")

    run_with_services(show)


@keys_app.command("revoke")
def keys_revoke(which: Annotated[str, typer.Argument(metavar="ID", help="Its id.")]) -> None:
    """Revoke a key; requests with it are refused at once."""

    try:
        command = RevokeKey(key_id=which)
    except ValidationError:
        raise typer.BadParameter("name the key by its id; see `comanda keys list`", param_hint="ID") from None

    async def revoke(services: Services) -> None:
        await services.keys.revoke(_OPERATOR, command)
        print(f"{which} is revoked")

    run_with_services(revoke)

"""`comanda token`: prints a token for a program or a courier's app, lists tokens, revokes one."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.common import operator_errors, parse_duration, read_settings, run_with_services
from hub.config import Settings
from hub.core.errors import ComandaError
from hub.core.times import format_time
from hub.domain.roles import Kind, Principal, Role

if TYPE_CHECKING:
    from hub.services.build import Services

token_app = typer.Typer(invoke_without_command=True, help="Tokens for programs: print one, list them, revoke one.")


@token_app.callback()
def token(
    context: typer.Context,
    role: Annotated[Role | None, typer.Option(help="What the holder may do.")] = None,
    name: Annotated[str, typer.Option(help="Who the holder is, as shown to others.")] = "",
    ttl: Annotated[str, typer.Option(help="How long it lasts: 90s, 30m, 12h, 7d.")] = "1h",
) -> None:
    """Print a staff token, and nothing else; or list and revoke printed tokens."""
    if context.invoked_subcommand is not None:
        return
    if role is None:
        context.fail("Missing option '--role'.")
    settings = read_settings()
    lasts = _lasting(settings, ttl)
    with operator_errors():
        issued = issue_token(settings, role, name, lasts)
    _list_token(settings, issued)
    print(issued)


@token_app.command("courier")
def token_courier(
    name: Annotated[str, typer.Argument(help="The courier's name.")],
    ttl: Annotated[str, typer.Option(help="How long it lasts: 12h, 7d, 30d.")] = "30d",
) -> None:
    """Print a token for the app on a courier's phone; it only reports that courier's positions."""
    lasts = _lasting(read_settings(), ttl)

    async def issue(services: Services) -> None:
        account = await services.staff.named(name)
        print(await services.service_tokens.issue_for_courier(account, lasts))

    run_with_services(issue)


@token_app.command("list")
def token_list() -> None:
    """List the valid tokens: id, name, roles, end."""

    async def show(services: Services) -> None:
        for listed in await services.service_tokens.list():
            print(f"{listed.id}\t{listed.name}\t{', '.join(listed.roles)}\t{format_time(listed.ends_at)}")

    run_with_services(show)


@token_app.command("revoke")
def token_revoke(which: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the token itself.")]) -> None:
    """Revoke a token; it stops working within seconds."""

    async def revoke(services: Services) -> None:
        revoked = await services.service_tokens.revoke(which)
        print(f"{revoked.id} ({revoked.name}) is revoked")

    run_with_services(revoke)


def _lasting(settings: Settings, ttl: str) -> timedelta:
    """Return how long a new token lasts; exit with code 2 if that is malformed or too long."""
    lasts = parse_duration(ttl)
    if (max_days := settings.limits.token_days) and lasts > timedelta(days=max_days):
        raise typer.BadParameter(
            f"a token lasts {max_days}d at the most (COMANDA_LIMIT_TOKEN_DAYS)", param_hint="--ttl"
        )
    return lasts


def issue_token(settings: Settings, role: Role, name: str, lasts: timedelta) -> str:
    """Return a new token of a program; it needs no Redis.

    Raises:
        CannotStart: The secret can be neither read nor made.
    """
    from hub.bootstrap import read_previous_secret, read_secret
    from hub.services.auth.tokens import Tokens
    from hub.services.build import utc_now

    shown = name or str(role)
    principal = Principal(kind=Kind.SERVICE, id=f"token:{shown}", name=shown, roles=frozenset({role}))
    tokens = Tokens(read_secret(settings), settings.branch, previous=read_previous_secret(settings))
    return tokens.issue(principal, utc_now(), lasts)


def _list_token(settings: Settings, issued: str) -> None:
    """Add an issued token to the list. The token is valid without it, so an absent Redis is only a warning."""
    import uvloop

    from hub.bootstrap import CannotStart, open_services
    from hub.telemetry import configure_logging

    async def record() -> None:
        async with open_services(settings) as services:
            await services.service_tokens.record(issued)

    configure_logging(quiet=True)
    try:
        uvloop.run(record())
    except (CannotStart, ComandaError, OSError) as exc:
        print(f"comanda: this token is not listed, and can be revoked by itself only: {exc}", file=sys.stderr)

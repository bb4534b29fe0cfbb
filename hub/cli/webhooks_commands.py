"""`comanda webhooks …`: endpoints that get events, and deliveries that were given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from hub.cli.common import WRONG_USAGE, fail, parse_duration, run_with_services

if TYPE_CHECKING:
    from hub.domain.commands import Command
    from hub.services.build import Services

webhooks_app = typer.Typer(no_args_is_help=True, help="Endpoints that get events, and their dead letters.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The endpoint's id, as `list` prints it.")]
Types = Annotated[list[str] | None, typer.Option("--type", help="A type or family, order.*; may be repeated.")]
C = TypeVar("C", bound="Command")


@webhooks_app.command("add")
def webhooks_add(
    url: Annotated[str, typer.Argument(help="Where events are sent: https://…")],
    type_: Types = None,
    description: Annotated[str, typer.Option(help="A note for people.")] = "",
) -> None:
    """Add an endpoint; prints its id and its secret, which is shown this once."""
    from hub.domain.commands import AddWebhook
    from hub.ops import webhook_admin

    types = {"types": tuple(type_)} if type_ else {}
    command = _command(AddWebhook, url=url, description=description, **types)

    async def add(services: Services) -> None:
        added = await webhook_admin.add(services, command)
        print(f"{added.webhook.id}\t{added.secret}")

    run_with_services(add)


@webhooks_app.command("list")
def webhooks_list() -> None:
    """List the endpoints: id, state, dead letters, types, URL."""
    from hub.ops import webhook_admin

    async def show(services: Services) -> None:
        for endpoint in await webhook_admin.endpoints(services):
            print(webhook_admin.row(endpoint))

    run_with_services(show)


@webhooks_app.command("change")
def webhooks_change(
    webhook_id: Id,
    url: Annotated[str | None, typer.Option(help="Where events are sent.")] = None,
    type_: Types = None,
    description: Annotated[str | None, typer.Option(help="A note for people.")] = None,
    enabled: Annotated[bool | None, typer.Option("--enabled/--no-enabled", help="Send, or pause.")] = None,
) -> None:
    """Change an endpoint, pause it, or start it again."""
    from hub.domain.commands import ChangeWebhook
    from hub.ops import webhook_admin

    types = {"types": tuple(type_)} if type_ else {}
    command = _command(ChangeWebhook, webhook_id=webhook_id, url=url, description=description, enabled=enabled, **types)

    async def change(services: Services) -> None:
        print(webhook_admin.row(await webhook_admin.change(services, command)))

    run_with_services(change)


@webhooks_app.command("rotate")
def webhooks_rotate(
    webhook_id: Id,
    overlap: Annotated[
        str, typer.Option(help="How long the old secret signs beside the new one: 30m, 12h, 7d.")
    ] = "1d",
) -> None:
    """Give an endpoint another secret, and print it this once."""
    from hub.domain.commands import RotateWebhook
    from hub.ops import webhook_admin

    overlap_s = int(parse_duration(overlap, "--overlap").total_seconds())
    command = _command(RotateWebhook, webhook_id=webhook_id, overlap_s=overlap_s)

    async def rotate(services: Services) -> None:
        print((await webhook_admin.rotate(services, command)).secret)

    run_with_services(rotate)


@webhooks_app.command("remove")
def webhooks_remove(webhook_id: Id) -> None:
    """Remove an endpoint; nothing is sent to it any more, within seconds."""
    from hub.ops import webhook_admin

    async def remove(services: Services) -> None:
        await webhook_admin.remove(services, webhook_id)
        print(f"{webhook_id} is removed")

    run_with_services(remove)


@webhooks_app.command("dead")
def webhooks_dead(webhook_id: Id) -> None:
    """List the deliveries that were given up: id, type, order, time, reason, attempts."""
    from hub.ops import webhook_admin

    async def show(services: Services) -> None:
        async for letter in webhook_admin.letters(services, webhook_id):
            print(webhook_admin.letter_row(letter))

    run_with_services(show)


@webhooks_app.command("replay")
def webhooks_replay(
    webhook_id: Id,
    letter: Annotated[list[str] | None, typer.Option(help="The id of a dead letter; may be repeated.")] = None,
) -> None:
    """Send deliveries that were given up again: all, or those named."""
    from hub.ops import webhook_admin

    async def replay(services: Services) -> None:
        count = await webhook_admin.replay(services, webhook_id, tuple(letter or ()))
        print(f"{count} {'delivery is' if count == 1 else 'deliveries are'} sent again")

    run_with_services(replay)


def _command(model: type[C], **fields: Any) -> C:
    """Return a command; exit with code 2 if an argument makes no sense."""
    from pydantic import ValidationError

    try:
        return model(**fields)
    except ValidationError as exc:
        error = exc.errors()[0]
        fail(f"{error['loc'][0]}: {error['msg'].removeprefix('Value error, ')}", code=WRONG_USAGE)

"""`comanda staff …`: the accounts of the people who work here."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.common import fail, run_with_services
from hub.domain.roles import Role

if TYPE_CHECKING:
    from hub.services.build import Services

staff_app = typer.Typer(no_args_is_help=True, help="Accounts of the people who work here.")

Name = Annotated[str, typer.Argument(help="The person's name.")]
Roles = Annotated[list[Role], typer.Option(help="kitchen, courier, support or manager; may be repeated.")]
PinStdin = Annotated[bool, typer.Option("--pin-stdin", help="Read the PIN from standard input.")]


@staff_app.command("add")
def staff_add(name: Name, role: Roles, pin_stdin: PinStdin = False) -> None:
    """Add an account; prints its PIN if it was generated."""
    pin = _read_or_make_pin(pin_stdin)

    async def add(services: Services) -> None:
        account = await services.staff.add(name, role, pin)
        roles = ", ".join(sorted(account.roles))
        print(f"{account.name} ({roles}) may log in" + ("" if pin_stdin else f" with PIN {pin}"))

    run_with_services(add)


@staff_app.command("pin")
def staff_pin(name: Name, pin_stdin: PinStdin = False) -> None:
    """Change a PIN, and print it if it was generated. Sessions of the old PIN end within seconds."""
    pin = _read_or_make_pin(pin_stdin)

    async def change(services: Services) -> None:
        account = await services.staff.set_pin(name, pin)
        print(f"{account.name} logs in with the new PIN" if pin_stdin else f"{account.name} logs in with PIN {pin}")

    run_with_services(change)


@staff_app.command("role")
def staff_role(name: Name, role: Roles) -> None:
    """Replace a person's roles. The new roles apply within seconds, also to open sessions."""

    async def change(services: Services) -> None:
        account = await services.staff.set_roles(name, role)
        print(f"{account.name} is now {', '.join(sorted(account.roles))}")

    run_with_services(change)


@staff_app.command("list")
def staff_list() -> None:
    """List the accounts."""

    async def show(services: Services) -> None:
        for account in await services.staff.list():
            print(f"{account.name}\t{', '.join(sorted(account.roles))}\t{account.id}")

    run_with_services(show)


@staff_app.command("remove")
def staff_remove(name: Name) -> None:
    """Remove an account; its open sessions end within seconds."""

    async def remove(services: Services) -> None:
        await services.staff.remove(name)
        print(f"{name} is removed")

    run_with_services(remove)


def _read_or_make_pin(pin_stdin: bool) -> str:
    """Return the PIN on standard input, or a generated one."""
    from hub.services.auth.staff_service import new_pin

    if not pin_stdin:
        return new_pin()
    try:
        line = sys.stdin.readline().strip()
        line.encode()  # bytes that are not UTF-8 arrive as surrogates
    except UnicodeError:
        fail("what came on standard input is not text")
    return line

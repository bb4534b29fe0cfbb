"""`comanda orders …`: commands about the orders of a branch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.common import WRONG_USAGE, fail, parse_duration, run
from hub.config import Settings
from hub.domain.lifecycle import OrderStatus

if TYPE_CHECKING:
    from hub.domain.commands import OrderFilter

orders_app = typer.Typer(no_args_is_help=True, help="Orders of a branch.")


@orders_app.callback()
def orders() -> None:
    """Orders of a branch."""


@orders_app.command("cancel")
def orders_cancel(
    status: Annotated[OrderStatus | None, typer.Option(help="Those at this step.")] = None,
    placed_after: Annotated[str | None, typer.Option(help="2026-11-20T21:30:00Z, or how long ago: 30m.")] = None,
    placed_before: Annotated[str | None, typer.Option(help="The same.")] = None,
    unseen: Annotated[bool, typer.Option("--unseen", help="Those that nobody has acknowledged.")] = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="Those that wait for acceptance.")] = False,
    phone: Annotated[str | None, typer.Option(help="Those with this phone number.")] = None,
    from_address: Annotated[str | None, typer.Option(help="Those placed from this network address.")] = None,
    origin: Annotated[str | None, typer.Option(help="The same, by the origin that staff see of an order.")] = None,
    min_total: Annotated[int | None, typer.Option(min=0, help="Those of so much or more, in minor units.")] = None,
    reason: Annotated[str | None, typer.Option(help="What their customers are told.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count them only.")] = False,
) -> None:
    """Cancel the open orders that match every given option."""
    from hub.ops.cancel_orders import cancel_orders

    async def cancel(settings: Settings) -> None:
        wanted = _order_filter(
            status=status,
            origin=_origin(settings, from_address, origin),
            placed_after=_parse_time(placed_after),
            placed_before=_parse_time(placed_before),
            acknowledged=False if unseen else None,
            waiting=waiting or None,
            phone=phone,
            min_total=min_total,
        )
        count, ids = await cancel_orders(settings, wanted, reason, dry_run=dry_run)
        orders = "order" if count == 1 else "orders"
        print("\n".join([*ids, f"{count} {orders} {'found' if dry_run else 'cancelled'}"]))

    run(cancel)


def _origin(settings: Settings, from_address: str | None, origin: str | None) -> str | None:
    """Return the origin of the wanted orders, given by itself or as an address."""
    from hub.ops.cancel_orders import origin_of

    if from_address is None:
        return origin
    if origin is not None:
        fail("give --from-address or --origin, not both", code=WRONG_USAGE)
    try:
        return origin_of(settings, from_address)
    except ValueError as exc:
        fail(f"--from-address: {exc}", code=WRONG_USAGE)


def _order_filter(**wanted: Any) -> OrderFilter:
    """Return the filter; exit with code 2 if an option makes no sense."""
    from pydantic import ValidationError

    from hub.domain.commands import OrderFilter

    try:
        return OrderFilter(**wanted)
    except ValidationError as exc:
        error = exc.errors()[0]
        option = "".join(f"--{name}: " for name in error["loc"]).replace("_", "-")
        fail(option + error["msg"].removeprefix("Value error, "), code=WRONG_USAGE)


def _parse_time(text: str | None) -> datetime | None:
    """Parse a time, or a duration before now."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC) - parse_duration(text, "--placed-after, --placed-before")

"""`comanda …`: the command line. Each command parses, calls one function, and prints one clear line when it fails."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from hub import __version__
from hub.config import Settings
from hub.domain.errors import ComandaError, Unavailable
from hub.domain.models import OrderStatus
from hub.domain.roles import Kind, Principal, Role
from hub.domain.values import format_time

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The order hub of a taquería.",
)
staff_app = typer.Typer(no_args_is_help=True, help="Accounts of the people who work here.")
app.add_typer(staff_app, name="staff")
orders_app = typer.Typer(no_args_is_help=True, help="Orders of a branch.")
app.add_typer(orders_app, name="orders")
token_app = typer.Typer(invoke_without_command=True, help="Tokens for programs: print one, list them, revoke one.")
app.add_typer(token_app, name="token")

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")]
Speed = Annotated[float, typer.Option(min=0.1, max=1000, help="1 is a person's pace; 10 is ten times that.")]


@app.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Hub processes on the one port.")] = 1,
    agent: Annotated[bool, typer.Option("--agent/--no-agent", help="Run an agent worker beside the hub.")] = True,
    shared_port: Annotated[Path | None, typer.Option("--shared-port", hidden=True)] = None,
    worker: Annotated[int, typer.Option("--worker", min=1, hidden=True)] = 1,
) -> None:
    """Run the hub, and one agent worker beside it."""
    from hub.announce import announce
    from hub.fanout.siblings import Siblings
    from hub.serve import Plan
    from hub.serve import serve as run

    if workers > 1 and port == 0:
        raise typer.BadParameter("several workers share one port: name it with --port", param_hint="--workers")
    siblings = Siblings(shared_port, worker, workers) if shared_port is not None else None
    plan = Plan(host, port, workers, agent, siblings)
    _run(lambda settings: run(settings, plan, announce if siblings is None else _say_nothing), logs=True)


@app.command()
def demo(host: Host = "127.0.0.1", port: Port = 8080, speed: Speed = 1.0) -> None:
    """Run the hub with customers and a kitchen that act by themselves; prints the links to open."""
    from hub.announce import demo_beside
    from hub.serve import Plan
    from hub.serve import serve as run

    _run(lambda settings: run(settings, Plan(host, port), demo_beside(speed)), logs=True)


@app.command()
def simulate(
    url: Annotated[str, typer.Option(help="The hub's root, as in http://127.0.0.1:8080.")],
    orders: Annotated[int, typer.Option(min=1, max=100_000, help="How many orders.")],
    speed: Speed = 1.0,
    token: Annotated[
        str,
        typer.Option(
            envvar="COMANDA_TOKEN",
            help="A manager's token; without one it is made from this machine's secret.",
        ),
    ] = "",
) -> None:
    """Send customers and a kitchen to a running hub, and say how long things took."""
    from hub.announce import simulate_against

    _run(lambda settings: simulate_against(settings, url, orders, speed, token or _service_token(settings)))


@app.command()
def agent() -> None:
    """Run an agent worker alone (the hub it works for is found through COMANDA_REDIS_URL or the data folder)."""
    import os

    # The agent is a program of its own: importing it here would load LlamaIndex into every `comanda` command.
    os.execv(sys.executable, [sys.executable, "-m", "agents"])


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
    lasts = _duration(ttl)
    settings = _settings()
    if (most := settings.limits.token_days) and lasts > timedelta(days=most):
        raise typer.BadParameter(f"a token lasts {most}d at the most (COMANDA_LIMIT_TOKEN_DAYS)", param_hint="--ttl")
    with _clear_errors():
        issued = _token(settings, role, name, lasts)
    _list_token(settings, issued)
    print(issued)


@token_app.command("list")
def token_list() -> None:
    """List the valid tokens: id, name, roles, end."""
    from hub.bootstrap import services_of

    async def show(settings: Settings) -> None:
        async with services_of(settings) as services:
            for listed in await services.service_tokens.list():
                print(f"{listed.id}\t{listed.name}\t{', '.join(listed.roles)}\t{format_time(listed.ends_at)}")

    _run(show)


@token_app.command("revoke")
def token_revoke(which: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the token itself.")]) -> None:
    """Revoke a token; it stops working within seconds."""
    from hub.bootstrap import services_of

    async def revoke(settings: Settings) -> None:
        async with services_of(settings) as services:
            revoked = await services.service_tokens.revoke(which)
        print(f"{revoked.id} ({revoked.name}) is revoked")

    _run(revoke)


@app.command()
def doctor() -> None:
    """Say what is configured, what is reachable, and what is wrong."""
    from hub.doctor import examine

    settings = _settings()
    healthy = asyncio.run(examine(settings, print))
    raise typer.Exit(0 if healthy else 1)


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An empty folder, or one to be made.")],
) -> None:
    """Copy the data folder, as of one moment, into an empty folder; the hub may run."""
    from hub.backup.make import back_up

    async def make(settings: Settings) -> None:
        made = await back_up(settings, folder)
        print(f"{folder}: {made.size_bytes:,} bytes, read back; {_places(made.branches)}")
        if settings.secret is not None:
            print("COMANDA_SECRET is not in it: keep it as well, or every token and tracking link ends")

    _run(make)


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `comanda backup` made.")],
) -> None:
    """Restore a backup, in a new epoch; the hub must not run. The old data is kept."""
    from hub.backup.restore import restore as put_back

    async def put(settings: Settings) -> None:
        done = await put_back(settings, folder)
        print(f"{folder} of {done.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC is back; {_places(done.branches)}")
        if done.aside is not None:
            print(f"what was there before is in {done.aside}")

    _run(put)


@app.command("new-epoch")
def new_epoch() -> None:
    """Begin a new epoch of the log: every client gets its rooms anew. Use it after you restored Redis from a copy."""
    from hub.bootstrap import services_of

    async def begin(settings: Settings) -> None:
        async with services_of(settings) as services:
            cursor = await services.log.begin_anew()
        print(f"branch {settings.branch} goes on at {cursor}")

    _run(begin)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


@staff_app.command("add")
def staff_add(
    name: Annotated[str, typer.Argument(help="The person's name.")],
    role: Annotated[list[Role], typer.Option(help="kitchen, courier, support or manager; may be repeated.")],
    pin_stdin: Annotated[bool, typer.Option("--pin-stdin", help="Read the PIN from standard input.")] = False,
) -> None:
    """Add an account; prints its PIN if it was generated."""
    from hub.bootstrap import services_of
    from hub.services.staff import new_pin

    pin = _line_from_stdin() if pin_stdin else new_pin()

    async def add(settings: Settings) -> None:
        async with services_of(settings) as services:
            account = await services.staff.add(name, role, pin)
        roles = ", ".join(sorted(account.roles))
        print(f"{account.name} ({roles}) may log in" + ("" if pin_stdin else f" with PIN {pin}"))

    _run(add)


@staff_app.command("pin")
def staff_pin(
    name: Annotated[str, typer.Argument(help="The person's name.")],
    pin_stdin: Annotated[bool, typer.Option("--pin-stdin", help="Read the PIN from standard input.")] = False,
) -> None:
    """Change a PIN, and print it if it was generated. Sessions of the old PIN end within seconds."""
    from hub.bootstrap import services_of
    from hub.services.staff import new_pin

    pin = _line_from_stdin() if pin_stdin else new_pin()

    async def change(settings: Settings) -> None:
        async with services_of(settings) as services:
            account = await services.staff.set_pin(name, pin)
        print(f"{account.name} logs in with the new PIN" if pin_stdin else f"{account.name} logs in with PIN {pin}")

    _run(change)


@staff_app.command("role")
def staff_role(
    name: Annotated[str, typer.Argument(help="The person's name.")],
    role: Annotated[list[Role], typer.Option(help="kitchen, courier, support or manager; may be repeated.")],
) -> None:
    """Replace a person's roles. The new roles apply within seconds, also to open sessions."""
    from hub.bootstrap import services_of

    async def change(settings: Settings) -> None:
        async with services_of(settings) as services:
            account = await services.staff.set_roles(name, role)
        print(f"{account.name} is now {', '.join(sorted(account.roles))}")

    _run(change)


@staff_app.command("list")
def staff_list() -> None:
    """List the accounts."""
    from hub.bootstrap import services_of

    async def show(settings: Settings) -> None:
        async with services_of(settings) as services:
            for account in await services.staff.list():
                print(f"{account.name}\t{', '.join(sorted(account.roles))}\t{account.id}")

    _run(show)


@staff_app.command("remove")
def staff_remove(name: Annotated[str, typer.Argument(help="The person's name.")]) -> None:
    """Remove an account; whoever is logged in with it is out within seconds."""
    from hub.bootstrap import services_of

    async def remove(settings: Settings) -> None:
        async with services_of(settings) as services:
            await services.staff.remove(name)
        print(f"{name} is removed")

    _run(remove)


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
    reason: Annotated[str, typer.Option(help="What their customers are told.")] = "cancelado por la taquería",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count them only.")] = False,
) -> None:
    """Cancel the open orders that match every given option."""
    from pydantic import ValidationError

    from hub.cancel_orders import cancel_orders, origin_of
    from hub.domain.commands import OrderFilter

    async def cancel(settings: Settings) -> None:
        if from_address is not None and origin is not None:
            _fail("give --from-address or --origin, not both", code=2)
        try:
            origin_wanted = origin if from_address is None else origin_of(settings, from_address)
        except ValueError as exc:
            _fail(f"--from-address: {exc}", code=2)
        try:
            wanted = OrderFilter(
                status=status,
                placed_after=_moment(placed_after),
                placed_before=_moment(placed_before),
                acknowledged=False if unseen else None,
                waiting=waiting or None,
                phone=phone,
                origin=origin_wanted,
                min_total=min_total,
            )
        except ValidationError as exc:
            error = exc.errors()[0]
            option = "".join(f"--{name}: " for name in error["loc"]).replace("_", "-")
            _fail(option + error["msg"].removeprefix("Value error, "), code=2)
        count, ids = await cancel_orders(settings, wanted, reason, dry_run=dry_run)
        orders = "order" if count == 1 else "orders"
        print("\n".join([*ids, f"{count} {orders} {'found' if dry_run else 'cancelled'}"]))

    _run(cancel)


def _moment(text: str | None) -> datetime | None:
    """Parse a time, or a duration before now."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC) - _duration(text, "--placed-after, --placed-before")


def _places(branches: Mapping[str, str]) -> str:
    """Format the end of each branch's log for an operator."""
    return ", ".join(f"branch {name} at {cursor}" for name, cursor in branches.items()) or "no branch in it"


def _run(job: Callable[[Settings], Coroutine[Any, Any, None]], *, logs: bool = False) -> None:
    """Run a command to its end, on the fast event loop."""
    import uvloop

    from hub.telemetry import configure_logging

    configure_logging(quiet=not logs)
    settings = _settings()
    with _clear_errors():
        uvloop.run(job(settings))


class _clear_errors:
    """Turns the errors an operator can do something about into one line on standard error and exit code 1."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, exc: BaseException | None, _trace: object) -> None:
        while isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
            exc = exc.exceptions[0]
        if isinstance(exc, KeyboardInterrupt):
            raise typer.Exit(130)
        if isinstance(exc, Unavailable):
            _fail(f"{exc.message}; see COMANDA_REDIS_URL")
        if isinstance(exc, ComandaError):
            _fail(exc.message)
        if isinstance(exc, (OSError, *_reasons())):
            _fail(str(exc))


def _reasons() -> tuple[type[Exception], ...]:
    """Return the hub's errors whose message is meant for an operator."""
    from hub.bootstrap import CannotStart
    from hub.eventlog.copies import CopyError
    from hub.eventlog.embedded import StartError

    return CannotStart, CopyError, StartError


def _settings() -> Settings:
    from hub.bootstrap import BadSetting, read_settings

    try:
        return read_settings()
    except BadSetting as exc:
        _fail(str(exc), code=2)


def _service_token(settings: Settings) -> str:
    return _token(settings, Role.MANAGER, "simulator", timedelta(hours=12))


def _token(settings: Settings, role: Role, name: str, lasts: timedelta) -> str:
    from hub.bootstrap import secret_of
    from hub.services.build import utc_now
    from hub.services.tokens import Tokens

    shown = name or str(role)
    principal = Principal(kind=Kind.SERVICE, id=f"token:{shown}", name=shown, roles=frozenset({role}))
    return Tokens(secret_of(settings), settings.branch).issue(principal, utc_now(), lasts)


def _list_token(settings: Settings, issued: str) -> None:
    """Add an issued token to the list. The token is valid without it, so an absent Redis is only a warning."""
    import uvloop

    from hub.bootstrap import CannotStart, services_of
    from hub.telemetry import configure_logging

    async def record() -> None:
        async with services_of(settings) as services:
            await services.service_tokens.record(issued)

    configure_logging(quiet=True)
    try:
        uvloop.run(record())
    except (CannotStart, ComandaError, OSError) as exc:
        print(f"comanda: this token is not listed, and can be revoked by itself only: {exc}", file=sys.stderr)


def _line_from_stdin() -> str:
    try:
        line = sys.stdin.readline().strip()
        line.encode()  # bytes that are no text come in as halves of characters
    except UnicodeError:
        _fail("what came on standard input is not text")
    return line


def _duration(text: str, option: str = "--ttl") -> timedelta:
    match = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text)
    if match is None:
        raise typer.BadParameter("write a duration like 90s, 30m, 12h or 7d", param_hint=option)
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[match[2]]
    return timedelta(**{unit: int(match[1])})


async def _say_nothing(_running: object) -> None:
    return None


def _fail(message: str, code: int = 1) -> NoReturn:
    print(f"comanda: {message}", file=sys.stderr)
    raise typer.Exit(code)

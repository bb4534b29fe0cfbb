"""The shared parts of the commands: settings, the event loop, exit codes, durations."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from hub.config import Settings
from hub.core.errors import ComandaError, Unavailable

if TYPE_CHECKING:
    from hub.services.build import Services

FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130  # exit codes

Speed = Annotated[float, typer.Option(min=0.1, max=1000, help="1 is a person's pace; 10 is ten times that.")]


def run(job: Callable[[Settings], Coroutine[Any, Any, None]], *, logs: bool = False) -> None:
    """Run a command to its end, on the fast event loop.

    Args:
        job: Called with the settings of this environment.
        logs: True to log events as well as warnings; for commands that serve.
    """
    import uvloop

    from hub.telemetry import configure_logging

    configure_logging(quiet=not logs)
    settings = read_settings()
    with operator_errors():
        uvloop.run(job(settings))


def run_with_services(job: Callable[[Services], Coroutine[Any, Any, None]]) -> None:
    """Run a command that asks the branch's services for something."""
    from hub.bootstrap import open_services

    async def with_services(settings: Settings) -> None:
        async with open_services(settings) as services:
            await job(services)

    run(with_services)


def read_settings() -> Settings:
    """Return the settings of this environment; exit with code 2 if one is wrong."""
    from hub import bootstrap

    try:
        return bootstrap.read_settings()
    except bootstrap.BadSetting as exc:
        fail(str(exc), code=WRONG_USAGE)


@contextmanager
def operator_errors() -> Iterator[None]:
    """Turn errors that an operator can act on into one line on standard error, and exit with code 1."""
    try:
        yield
    except BaseException as exc:
        _exit_for(_single(exc))
        raise


def _single(exc: BaseException) -> BaseException:
    """Return the one error inside groups of one."""
    while isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
        exc = exc.exceptions[0]
    return exc


def _exit_for(exc: BaseException) -> None:
    """Exit if an operator can act on the error; return otherwise."""
    if isinstance(exc, KeyboardInterrupt):
        raise typer.Exit(INTERRUPTED)
    if isinstance(exc, Unavailable):
        fail(f"{exc.message}; see COMANDA_REDIS_URL")
    if isinstance(exc, ComandaError):
        fail(exc.message)
    if isinstance(exc, (OSError, *_operator_error_types())):
        fail(str(exc))


def _operator_error_types() -> tuple[type[Exception], ...]:
    """Return the hub's errors whose message is meant for an operator."""
    from hub.bootstrap import CannotStart
    from hub.local_redis.data_copies import CopyError
    from hub.local_redis.data_folder import StartError

    return CannotStart, CopyError, StartError


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Print one line on standard error, and exit."""
    print(f"comanda: {message}", file=sys.stderr)
    raise typer.Exit(code)


def parse_duration(text: str, option: str = "--ttl") -> timedelta:
    """Parse a duration like `90s`, `30m`, `12h` or `7d`.

    Args:
        option: The option's name, for the message about wrong usage.
    """
    match = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text)
    if match is None:
        raise typer.BadParameter("write a duration like 90s, 30m, 12h or 7d", param_hint=option)
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[match[2]]
    return timedelta(**{unit: int(match[1])})

"""`comanda backup`, `restore` and `new-epoch`: commands about the data as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.common import run, run_with_services
from hub.config import Settings

if TYPE_CHECKING:
    from hub.services.build import Services


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An empty folder, or one to be made.")],
) -> None:
    """Copy the data folder, as of one moment, into an empty folder; the hub may run."""
    from hub.ops.backup.make import back_up

    async def make(settings: Settings) -> None:
        made = await back_up(settings, folder)
        print(f"{folder}: {made.size_bytes:,} bytes, read back; {_positions(made.branches)}")
        if settings.secret is not None:
            print("COMANDA_SECRET is not in it: keep it as well, or every token and tracking link ends")

    run(make)


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `comanda backup` made.")],
) -> None:
    """Restore a backup, in a new epoch; the hub must not run. The old data is kept."""
    from hub.ops.backup import restore as restoring

    async def put_back(settings: Settings) -> None:
        done = await restoring.restore(settings, folder)
        print(f"{folder} of {done.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC is back; {_positions(done.branches)}")
        if done.aside is not None:
            print(f"what was there before is in {done.aside}")

    run(put_back)


def new_epoch() -> None:
    """Begin a new epoch of the log: every client reloads its rooms. Use it after restoring Redis from a copy."""

    async def begin(services: Services) -> None:
        cursor = await services.log.begin_anew()
        print(f"branch {services.log.branch} goes on at {cursor}")

    run_with_services(begin)


def _positions(branches: Mapping[str, str]) -> str:
    """Format the end of each branch's log for an operator."""
    return ", ".join(f"branch {name} at {cursor}" for name, cursor in branches.items()) or "no branch in it"

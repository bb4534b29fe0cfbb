"""`comanda doctor`."""

from __future__ import annotations

import asyncio

import typer

from hub.cli.common import FAILED, read_settings


def doctor() -> None:
    """Say what is configured, what is reachable, and what is wrong."""
    from hub.ops.doctor import examine

    healthy = asyncio.run(examine(read_settings(), print))
    raise typer.Exit(0 if healthy else FAILED)

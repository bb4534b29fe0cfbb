"""`comanda simulate`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from hub.cli.common import Speed, run
from hub.cli.token_commands import issue_token
from hub.config import Settings
from hub.domain.roles import Role

TOKEN_LIFE = timedelta(hours=12)


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
    from hub.ops.announce import simulate_against

    async def simulate(settings: Settings) -> None:
        manager = token or issue_token(settings, Role.MANAGER, "simulator", TOKEN_LIFE)
        await simulate_against(settings, url, orders, speed, manager)

    run(simulate)

"""The first message on a Socket.IO connection, and the answer that tests one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from hub import __version__
from hub.core.times import format_time
from hub.domain.answers import Answer
from hub.domain.answers.staff_answers import PublicPrincipal, shown_principal
from hub.domain.roles import Principal
from hub.domain.values import Time


class ServerInfo(Answer):
    """The server's name and version."""

    name: str = "comanda"
    version: str = __version__


class Welcome(Answer):
    """The data of `hub.welcome`.

    Attributes:
        epoch: The epoch of the log.
        principal: The caller, as the hub knows it.
        at: The hub's time.
    """

    branch: str
    epoch: str
    principal: PublicPrincipal
    at: Time
    server: ServerInfo = ServerInfo()


def welcome_of(branch: str, epoch: str, principal: Principal, at: datetime) -> Mapping[str, Any]:
    """Return the data of `hub.welcome` as JSON values."""
    return {"branch": branch, "epoch": epoch, **_introduction(principal), "at": format_time(at)}


@lru_cache(maxsize=64)
def _introduction(principal: Principal) -> Mapping[str, Any]:
    """Return the caller and the server; remembered, since nearly all customers are sent the same."""
    return {"principal": shown_principal(principal).as_json(), "server": ServerInfo().as_json()}


class Pong(Answer):
    """The answer to `hub.ping`.

    Attributes:
        at: The hub's time: the clock of a client's device may be wrong.
    """

    at: Time

"""Translates Redis's errors into the domain's: a temporary refusal with its reason, or a fault of the hub."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from redis.exceptions import (
    AuthenticationError,
    ConnectionError,
    NoPermissionError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from hub.domain.errors import ComandaError, Internal, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping


class Refusal(StrEnum):
    """The reasons for which Redis refuses a commit."""

    UNREACHABLE = "unreachable"  # no connection, or no answer in time
    PASSWORD = "password"
    PERMISSION = "permission"
    OUT_OF_MEMORY = "out_of_memory"
    READ_ONLY = "read_only"  # a replica, as after a failover
    NO_DISK = "no_disk"  # it cannot write its own files
    NO_REPLICAS = "no_replicas"  # fewer of them than min-replicas-to-write
    LOADING = "loading"
    MASTER_DOWN = "master_down"  # a replica that has lost its master
    CLUSTER_DOWN = "cluster_down"
    WRONG_NODE = "wrong_node"  # of a cluster
    CONNECTIONS = "connections"  # maxclients
    BUSY = "busy"


class WritesRefused(Unavailable):
    """Redis refuses commits at the moment, and gives the reason.

    Attributes:
        refusal: The reason.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(_SAID[refusal])
        self.refusal = refusal


_SAID: Mapping[Refusal, str] = {
    Refusal.UNREACHABLE: "Redis does not answer",
    Refusal.PASSWORD: "Redis refused the password",
    Refusal.PERMISSION: "Redis does not let this user do that",
    Refusal.OUT_OF_MEMORY: "Redis is out of memory and refuses writes",
    Refusal.READ_ONLY: "this Redis is a read-only replica",
    Refusal.NO_DISK: "Redis cannot write to its disk and refuses writes",
    Refusal.NO_REPLICAS: "Redis has lost its replicas and refuses writes",
    Refusal.LOADING: "Redis is loading its data",
    Refusal.MASTER_DOWN: "this Redis is a replica that has lost its master",
    Refusal.CLUSTER_DOWN: "the Redis cluster is down",
    Refusal.WRONG_NODE: "this Redis is a node of a cluster that does not hold the branch",
    Refusal.CONNECTIONS: "Redis takes no more connections",
    Refusal.BUSY: "Redis is busy with a script",
}
ADVICE: Mapping[Refusal, str] = {
    Refusal.UNREACHABLE: "check that it runs, and that COMANDA_REDIS_URL names it",
    Refusal.PASSWORD: "correct the user and password in COMANDA_REDIS_URL",
    Refusal.PERMISSION: "allow the user of COMANDA_REDIS_URL all commands on its keys and channels (ACL SETUSER)",
    Refusal.OUT_OF_MEMORY: "raise its maxmemory, or give the machine more memory",
    Refusal.READ_ONLY: "point COMANDA_REDIS_URL at the master, or promote this one (REPLICAOF NO ONE)",
    Refusal.NO_DISK: "free space on its disk, and check that it may write to its folder; its own log has the cause",
    Refusal.NO_REPLICAS: "bring its replicas back, or lower its min-replicas-to-write",
    Refusal.LOADING: "wait until it has loaded its data",
    Refusal.MASTER_DOWN: "bring its master back, or promote this one (REPLICAOF NO ONE)",
    Refusal.CLUSTER_DOWN: "bring the missing nodes back (CLUSTER INFO); Comanda needs a single Redis, not a cluster",
    Refusal.WRONG_NODE: "use a single Redis, with replicas if you like: Comanda does not follow a cluster's slots",
    Refusal.CONNECTIONS: "raise its maxclients",
    Refusal.BUSY: "find the script that runs; SCRIPT KILL ends it",
}

# Redis 6.2 wraps the error of a command in a script ("Error running script (call to f_…): …: -OOM command not
# allowed …"), later ones pass it on as it is. redis-py gives some prefixes a class, and cuts them off the message.
_SIGNS: tuple[tuple[Refusal, str, tuple[str, ...]], ...] = (
    # A long command on a connection without a password is refused before Redis knows which command it is.
    (Refusal.PASSWORD, r"NOAUTH\s|WRONGPASS\s|unauthenticated (?:multi)?bulk length", ()),
    (Refusal.OUT_OF_MEMORY, r"OOM\s|command not allowed when used memory", ("OutOfMemoryError",)),
    (Refusal.READ_ONLY, r"READONLY\s|read only replica", ("ReadOnlyError",)),
    (Refusal.NO_DISK, r"MISCONF\s", ()),
    (Refusal.NO_REPLICAS, r"NOREPLICAS\s", ()),
    (Refusal.LOADING, r"LOADING\s|loading the dataset", ("BusyLoadingError",)),
    (Refusal.MASTER_DOWN, r"MASTERDOWN\s|MASTER is down", ("MasterDownError",)),
    (Refusal.CLUSTER_DOWN, r"CLUSTERDOWN\s", ("ClusterDownError",)),
    (Refusal.WRONG_NODE, r"MOVED\s|ASK\s|CROSSSLOT\s|TRYAGAIN\s", ("MovedError", "AskError", "TryAgainError")),
    (Refusal.WRONG_NODE, r"$^", ("ClusterCrossSlotError",)),
    (Refusal.CONNECTIONS, r"max number of clients", ()),
    (Refusal.BUSY, r"BUSY\s|UNKILLABLE\s", ()),
)
_FOUND = tuple((refusal, re.compile(rf"(?:^|[\s-])(?:{sign})"), names) for refusal, sign, names in _SIGNS)


def translate(error: BaseException) -> ComandaError:
    """The error to raise `from` one of redis-py's, or of the system's."""
    refusal = refusal_of(error)
    return Internal("the event log failed") if refusal is None else WritesRefused(refusal)


def refusal_of(error: BaseException) -> Refusal | None:
    """Return the reason for a temporary refusal; None for a permanent one, which is a fault of the hub."""
    # Before the next: redis-py's AuthenticationError is a ConnectionError, or comes as the cause of one. The password
    # is for the operator to put right, and then the same request succeeds.
    if isinstance(error, AuthenticationError) or isinstance(error.__cause__, AuthenticationError):
        return Refusal.PASSWORD
    if isinstance(error, NoPermissionError):
        return Refusal.PERMISSION
    if isinstance(error, RedisError):
        # While a connection is made, an error of Redis comes as the cause of another one.
        for each in (error, error.__cause__):
            if (found := _said_by(each)) is not None:
                return found
    return Refusal.UNREACHABLE if isinstance(error, ConnectionError | TimeoutError | OSError) else None


def _said_by(error: BaseException | None) -> Refusal | None:
    if not isinstance(error, ResponseError | ConnectionError):
        return None
    text, name = str(error), type(error).__name__
    return next((refusal for refusal, sign, names in _FOUND if name in names or sign.search(text)), None)

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

from hub.core.errors import ComandaError, Internal, Unavailable

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
    NOT_REPLICATED = "not_replicated"  # too few replicas confirmed the commit (COMANDA_REDIS_WAIT_REPLICAS)


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
    Refusal.NOT_REPLICATED: "too few replicas of Redis confirmed the commit in time",
}
ADVICE: Mapping[Refusal, str] = {
    Refusal.UNREACHABLE: "check that it runs, and that COMANDA_REDIS_URL names it",
    Refusal.PASSWORD: "correct the user and password in COMANDA_REDIS_URL",
    Refusal.PERMISSION: "allow the user of COMANDA_REDIS_URL all commands on its keys and channels (ACL SETUSER)",
    Refusal.OUT_OF_MEMORY: "raise its maxmemory, or give the machine more memory",
    Refusal.READ_ONLY: "point COMANDA_REDIS_URL at the primary or at Sentinels, or promote this one (REPLICAOF NO ONE)",
    Refusal.NO_DISK: "free space on its disk, and check that it may write to its folder; its own log has the cause",
    Refusal.NO_REPLICAS: "bring its replicas back, or lower its min-replicas-to-write",
    Refusal.LOADING: "wait until it has loaded its data",
    Refusal.MASTER_DOWN: "bring its master back, or promote this one (REPLICAOF NO ONE)",
    Refusal.CLUSTER_DOWN: "bring the missing nodes back (CLUSTER INFO)",
    Refusal.WRONG_NODE: "name the cluster as one: COMANDA_REDIS_URL=redis+cluster://host1,host2,host3",
    Refusal.CONNECTIONS: "raise its maxclients",
    Refusal.BUSY: "find the script that runs; SCRIPT KILL ends it",
    Refusal.NOT_REPLICATED: "bring its replicas back, or lower COMANDA_REDIS_WAIT_REPLICAS",
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
    (Refusal.WRONG_NODE, r"MOVED\s|ASK\s|TRYAGAIN\s", ("MovedError", "AskError", "TryAgainError")),
    # A script asked for a key that it did not declare, while the slot's keys go to another node.
    (Refusal.WRONG_NODE, r"Script attempted to access a non local key|CROSSSLOT\s", ("ClusterCrossSlotError",)),
    (Refusal.CONNECTIONS, r"max number of clients", ()),
    (Refusal.BUSY, r"BUSY\s|UNKILLABLE\s", ()),
)
_FOUND = tuple((refusal, re.compile(rf"(?:^|[\s-])(?:{sign})"), names) for refusal, sign, names in _SIGNS)


# Reasons for which the server has certainly not executed the command: it may be sent again, to the right server or
# a moment later, and is executed once.
_ELSEWHERE = frozenset({Refusal.READ_ONLY, Refusal.LOADING, Refusal.MASTER_DOWN, Refusal.CLUSTER_DOWN})
_STAYS = ("AskError", "TryAgainError")  # a slot's keys are on their way, and its owner is still the same
_UNBLOCKED = re.compile(r"^UNBLOCKED\s")  # a primary became a replica while a command waited in it


def was_not_executed(error: BaseException) -> bool:
    """Return True if the server refused the command because another server is to have it, now or soon."""
    return _is_elsewhere(error) or type(error).__name__ in _STAYS or _is_halfway(error)


def ends_connection(error: BaseException) -> bool:
    """Return True if nothing more is to be sent to the server that answered this."""
    return _is_elsewhere(error)


def _is_elsewhere(error: BaseException) -> bool:
    if not isinstance(error, ResponseError | ConnectionError):
        return False
    return (
        refusal_of(error) in _ELSEWHERE
        or type(error).__name__ == "MovedError"
        or _UNBLOCKED.search(str(error)) is not None
    )


def _is_halfway(error: BaseException) -> bool:
    return isinstance(error, ResponseError) and "non local key" in str(error)


def translate(error: BaseException) -> ComandaError:
    """The error to raise `from` one of redis-py's, or of the system's."""
    refusal = refusal_of(error)
    return Internal("the event log failed") if refusal is None else WritesRefused(refusal)


def refusal_of(error: BaseException) -> Refusal | None:
    """Return the reason for a temporary refusal; None for a permanent one, which is a fault of the hub."""
    # Checked first: redis-py's AuthenticationError is a ConnectionError, or the cause of one. The password
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

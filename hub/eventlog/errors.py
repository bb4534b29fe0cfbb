"""Redis's failures in the domain's words: not now, or our fault."""

from __future__ import annotations

import re

from redis.exceptions import (
    AuthenticationError,
    ConnectionError,
    NoPermissionError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from hub.domain.errors import ComandaError, Internal, Unavailable

# Redis 6.2 wraps the error of a command in a script ("Error running script (call to f_…): …: -OOM command not
# allowed …"), later ones pass it on as it is.
_NOT_NOW = re.compile(
    r"(?:^|[\s-])(OOM|LOADING|READONLY|MASTERDOWN|MISCONF|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|BUSY|UNKILLABLE)\s"
    r"|command not allowed when used memory|read only replica|MASTER is down|loading the dataset"
)


def translate(error: BaseException) -> ComandaError:
    """The error to raise `from` one of redis-py's, or of the system's."""
    # Before the next: redis-py's AuthenticationError is a ConnectionError, or comes as the cause of one. The password
    # is for the operator to put right, and then the same request succeeds.
    if isinstance(error, AuthenticationError) or isinstance(error.__cause__, AuthenticationError):
        return Unavailable("Redis refused the password")
    if isinstance(error, NoPermissionError):
        return Unavailable("Redis does not let this user do that")
    if isinstance(error, ConnectionError | TimeoutError | ReadOnlyError | OSError):
        return Unavailable("Redis does not answer")
    if isinstance(error, ResponseError) and (_not_now(error) or _NOT_NOW.search(str(error))):
        return Unavailable("Redis cannot take this now")
    return Internal("the event log failed")


def _not_now(error: RedisError) -> bool:
    # redis-py gives some prefixes a class of their own, and cuts them off the message.
    return type(error).__name__ in {
        "OutOfMemoryError",
        "MasterDownError",
        "ClusterDownError",
        "TryAgainError",
        "BusyLoadingError",
    }

"""Replies that say that a server has not executed a command, as another server is to have it."""

from __future__ import annotations

import pytest

from hub.store import connect
from hub.store.redis import redis_py
from hub.store.redis.error_translation import ends_connection, was_not_executed

# Each with the answers: was it not executed; is nothing more to be sent to that server?
REPLIES = {
    "MOVED 12000 10.0.0.2:6379": (True, True),
    "ASK 12000 10.0.0.2:6379": (True, False),
    "TRYAGAIN Multiple keys request during rehashing of slot": (True, False),
    "ERR Script attempted to access a non local key in a cluster node script: f_1, on @user_script:3.": (True, False),
    "CLUSTERDOWN Hash slot not served": (True, True),
    "READONLY You can't write against a read only replica.": (True, True),
    "READONLY You can't write against a read only replica. script: f_1, on @user_script:3.": (True, True),
    "ERR Error running script (call to f_1): @user_script:3: -READONLY You can't write against a read only replica.": (
        True,
        True,
    ),
    "LOADING Redis is loading the dataset in memory": (True, True),
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.": (True, True),
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)": (True, True),
    "CROSSSLOT Keys in request don't hash to the same slot": (False, False),
    "NOREPLICAS Not enough good replicas to write.": (False, False),
    "OOM command not allowed when used memory > 'maxmemory'.": (False, False),
    "WRONGTYPE Operation against a key holding the wrong kind of value": (False, False),
    "NOSCRIPT No matching script. Please use EVAL.": (False, False),
    "BUSY Redis is busy running a script.": (False, False),
}


@pytest.mark.parametrize("text", REPLIES)
async def test_a_command_is_repeated_only_if_it_was_not_executed(text: str) -> None:
    client = connect("redis://127.0.0.1:1")
    error = redis_py.error_parser(redis_py.new_connection(client))(text)
    await client.aclose()
    assert (was_not_executed(error), ends_connection(error)) == REPLIES[text]


def test_a_broken_connection_says_nothing_about_what_was_executed() -> None:
    assert not was_not_executed(ConnectionResetError())
    assert not was_not_executed(TimeoutError())

"""Requests to stop a job: published to the workers, and kept for the worker that takes the job later."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from redis.exceptions import RedisError

from hub.store.redis.answer_deadline import answer_timeout
from hub.store.redis.client import RedisClient, Script

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from hub.store.keys import Keys

logger = structlog.get_logger(__name__)

KEPT_S = 3_600
_PING_S = 5.0
_MAX_UNREAD = 1_000  # requests that wait for the worker to look at them
_BACKOFF_S = (0.1, 5.0)  # the first and the longest wait before the channel is subscribed again


@dataclass(frozen=True, slots=True)
class StopRequest:
    """A request to stop one job.

    Attributes:
        by: The name of the person who stops it.
    """

    job_id: str
    by: str


class StopRequests:
    """Stops jobs in workers of other processes.

    Args:
        id_field: The name that a job's id has in the messages.
    """

    def __init__(self, calls: RedisClient, keys: Keys, *, id_field: str) -> None:
        self._calls = calls
        self._keys = keys
        self._id_field = id_field
        self._request = Script("stop_request")

    async def request(self, job_id: str, by: str) -> None:
        """Tell the worker that has the job, or will have it within the hour, to stop.

        Raises:
            Unavailable: Redis did not answer in time.
        """
        message = json.dumps({self._id_field: job_id, "by": by})
        argv: list[str | int] = [by, KEPT_S, self._calls.publish_command, self._keys.jobs_channel, message]
        await self._calls.run(self._request, [self._keys.stop_request(job_id)], argv, again=True)

    async def requested_by(self, job_id: str) -> str | None:
        """Return the name of the person who stops this job; None if nobody does.

        Raises:
            Unavailable: Redis did not answer in time.
        """
        by = await self._calls.call("GET", self._keys.stop_request(job_id), again=True)
        return None if by is None else str(by)

    async def listen(self) -> AsyncGenerator[StopRequest | None, None]:
        """Yield every request as it is made; never ends.

        Yields:
            A request; or None each time the channel was subscribed, or subscribed again. Requests made before that are
            not yielded: ask for them with `requested_by`.
        """
        wait_s = _BACKOFF_S[0]
        while True:
            channel = _Channel(self._calls, self._keys.jobs_channel, self._parse)
            try:
                await channel.open()
                while True:
                    request = await channel.next()
                    wait_s = _BACKOFF_S[0]
                    yield request
            except (RedisError, OSError):  # TimeoutError is an OSError
                await channel.close()
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, _BACKOFF_S[1])
            finally:
                await channel.close()

    def _parse(self, data: bytes) -> StopRequest | None:
        """Parse a message; None if it is malformed."""
        try:
            said = json.loads(data)
            return StopRequest(str(said[self._id_field]), str(said["by"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            logger.error("job_queue.stop_request_unreadable")
            return None


class _Channel:
    """One subscription to the channel. A connection that answers no ping is dead, whatever TCP says."""

    def __init__(self, calls: RedisClient, name: str, parse: Callable[[bytes], StopRequest | None]) -> None:
        self._pubsub = calls.pubsub()
        self._deadline_s = calls.deadline_s
        self._name = name
        self._parse = parse
        self._heard: asyncio.Queue[StopRequest | None] = asyncio.Queue(_MAX_UNREAD)
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Subscribe.

        Raises:
            RedisError, OSError: There is nothing to subscribe to.
        """
        await self._pubsub.connect(self)
        self._reading = asyncio.create_task(self._pubsub.wait_lost(), name="stop-requests")
        async with answer_timeout(self._deadline_s):
            await self._pubsub.subscribe([self._name])

    async def next(self) -> StopRequest | None:
        """Return the next request; None when the channel was subscribed.

        Raises:
            RedisError, OSError: The connection is gone.
        """
        assert self._reading is not None
        while self._heard.empty():
            getting = asyncio.create_task(self._heard.get())
            try:
                done, _ = await asyncio.wait(
                    (getting, self._reading), timeout=_PING_S, return_when=asyncio.FIRST_COMPLETED
                )
                if getting in done:
                    return getting.result()
            finally:
                getting.cancel()
            if self._reading.done():
                self._reading.result()
            await self._pubsub.ping()
        return self._heard.get_nowait()

    async def close(self) -> None:
        """Close the connection."""
        await self._pubsub.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    # The listener of `PubSub`. A full queue ends the connection: the worker then checks each of its jobs.

    def on_message(self, channel: bytes, payload: bytes) -> None:
        """Queue the stop request of a message."""
        if (request := self._parse(payload)) is not None:
            self._heard.put_nowait(request)

    def on_several(self) -> None:
        """Do nothing: each message is handled by itself."""

    def on_heard(self) -> None:
        """Do nothing: each message is handled by itself."""

    def on_subscribed(self, channel: bytes) -> None:
        """Queue None: requests from before the subscription have to be read."""
        self._heard.put_nowait(None)

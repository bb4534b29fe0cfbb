"""The private parts of aiohttp that the HTTP server relies on: these fail on a version that has changed them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from hub.gateways import http_server
from hub.gateways.http_server import HubRunner

if TYPE_CHECKING:
    from collections.abc import Callable

HINT = "this version of aiohttp is not the one that hub/gateways/http_server.py was written for"


def parameters(function: Callable[..., object]) -> list[str]:
    return list(inspect.signature(function).parameters)


async def test_a_runner_makes_a_server_that_can_be_made_again_with_other_parts() -> None:
    assert inspect.iscoroutinefunction(web.AppRunner._make_server), HINT
    runner = web.AppRunner(web.Application(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    made = runner.server
    assert made is not None
    assert parameters(web.Server)[0] == "handler", HINT
    assert {"request_factory", "handler_cancellation", "loop"} <= set(parameters(web.Server)), HINT
    for part in ("request_handler", "request_factory", "handler_cancellation", "_loop", "_kwargs"):
        assert hasattr(made, part), f"{HINT}: web.Server.{part}"
    assert "access_log" in made._kwargs, HINT
    assert type(made()) is RequestHandler, HINT  # where the server's own connections are made
    await runner.cleanup()


async def test_the_hubs_runner_gives_each_connection_to_the_hubs_handler_with_the_settings_of_its_own() -> None:
    runner = HubRunner(web.Application(), access_log=None, keepalive_timeout=7)
    await runner.setup()
    assert runner.server is not None
    connection = runner.server()
    assert type(connection) is http_server._Connection, HINT
    assert connection.keepalive_timeout == 7, HINT
    await runner.cleanup()


def test_a_connection_asks_its_handler_for_the_answer_to_a_request_that_failed() -> None:
    assert parameters(RequestHandler.handle_error) == parameters(http_server._Connection.handle_error), HINT
    assert "handle_error" in RequestHandler._handle_request.__code__.co_names, HINT
    assert hasattr(AbstractStreamWriter, "output_size"), HINT


def test_a_request_can_be_made_for_another_path() -> None:
    for part in ("path", "url", "_replace"):
        assert hasattr(RawRequestMessage, part), f"{HINT}: RawRequestMessage.{part}"


def test_an_expectation_that_is_not_met_comes_as_an_exception_that_can_be_caught() -> None:
    assert issubclass(web.HTTPExpectationFailed, web.HTTPException), HINT


async def test_a_connection_says_which_requests_wait_and_which_of_them_cannot_be_read() -> None:
    runner = HubRunner(web.Application(), access_log=None)
    await runner.setup()
    assert runner.server is not None
    connection = runner.server()
    assert parameters(RequestHandler.data_received) == parameters(http_server._Connection.data_received), HINT
    assert (len(connection._messages), connection._current_request) == (0, None), HINT
    assert set(parameters(_ErrInfo)) == {"status", "exc", "message"}, HINT
    await runner.cleanup()

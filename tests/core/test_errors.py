"""The errors a caller may be told, against the protocol's table."""

from __future__ import annotations

import json

import pytest

from hub.core.errors import ComandaError, Conflict, RateLimited
from hub.domain.error_catalogue import ERRORS, OutOfStock

TABLE = {
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "out_of_stock": 409,
    "price_changed": 409,
    "recall_expired": 409,
    "idempotency_mismatch": 422,
    "too_large": 413,
    "rate_limited": 429,
    "limit_reached": 429,
    "unavailable": 503,
    "internal": 500,
}


def test_codes_and_statuses_are_those_of_the_protocol() -> None:
    assert {error.code: error.status for error in ERRORS} == TABLE
    assert len(ERRORS) == len(TABLE)


def test_only_what_time_can_mend_is_retryable() -> None:
    assert {error.code for error in ERRORS if error.retryable} == {"rate_limited", "unavailable"}


def test_every_error_of_the_tree_is_in_the_table() -> None:
    modules = {"hub.core.errors", "hub.domain.error_catalogue"}
    assert {error for error in ComandaError.__subclasses__() if error.__module__ in modules} == set(ERRORS)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_an_error_tells_its_code_its_message_and_whether_to_retry(error: type[ComandaError]) -> None:
    assert error("así no").as_dict() == {"code": error.code, "message": "así no", "retryable": error.retryable}


def test_an_error_says_when_to_come_back_where_it_knows() -> None:
    assert RateLimited("espera", retry_after_s=1.23456).as_dict()["retry_after_s"] == 1.235
    assert RateLimited("espera", retry_after_s=0).as_dict()["retry_after_s"] == 0


def test_facts_of_an_error_are_json() -> None:
    shown = OutOfStock("no hay", items=[{"sku": "flan", "left": 2}]).as_dict()
    assert json.loads(json.dumps(shown))["values"] == {"items": [{"sku": "flan", "left": 2}]}
    assert str(Conflict("ya salió", version=3)) == "ya salió"

"""The clients' shapes are those of the hub."""

from __future__ import annotations

import json
from typing import Any, NotRequired, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel

from comanda import shapes
from hub import __version__
from hub.domain import order_document as documents
from hub.domain.lifecycle import OrderStatus
from scripts import write_client_types
from tests.support.processes import ROOT

SHAPES: dict[Any, type[BaseModel]] = {
    shapes.Order: documents.Order,
    shapes.Line: documents.OrderItem,
    shapes.CustomerName: documents.CustomerName,
    shapes.Delivery: documents.OrderDelivery,
    shapes.Courier: documents.Courier,
    shapes.Eta: documents.Eta,
    shapes.Acceptance: documents.Acceptance,
    shapes.Delay: documents.Delay,
    shapes.Recall: documents.RecallOffer,
}


def test_the_statuses_are_those_of_the_hub() -> None:
    assert set(get_args(shapes.Status)) == set(OrderStatus)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_shape_has_fields_of_the_hubs_model_and_only_those(shape: Any) -> None:
    fields = SHAPES[shape].model_fields
    may_be_absent = {name for name, field in fields.items() if field.exclude_if is not None}
    hints = get_type_hints(shape, include_extras=True)
    assert set(hints) <= set(fields)
    assert {name for name, hint in hints.items() if get_origin(hint) is NotRequired} == may_be_absent & set(hints)


def test_the_types_of_the_javascript_client_are_those_of_the_contract() -> None:
    written = (ROOT / "client/contract.d.ts").read_text()
    assert write_client_types.types(write_client_types.document()) == written, "run make client-types"


def test_the_types_say_what_may_be_left_out_and_what_is_always_there() -> None:
    schema = {"properties": {"a": {"type": "string"}, "b": {"type": "integer", "default": 1}}, "required": ["a"]}
    order = {"$ref": "#/components/schemas/Order"}
    message = {"name": "order.place", "payload": order}
    ack = {"payload": {"oneOf": [{"properties": {"data": order}}]}}
    refusal = {"properties": {"error": {"properties": {"code": {"enum": ["conflict"]}}}}}
    document = {"channels": {}, "components": {"schemas": {"Order": schema, "Refusal": refusal}, "messages": {}}}
    assert "interface Order { a: string; b: number }" in write_client_types.types(document)
    document["components"]["messages"] = {"Place": message, "PlaceAck": ack}
    assert "interface Order { a: string; b?: number }" in write_client_types.types(document)


def test_the_javascript_client_has_the_hubs_version() -> None:
    assert json.loads((ROOT / "client/package.json").read_text())["version"] == __version__

"""The fields of models and of JSON values, in the form in which the document writes them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tests.protocol.document import Shape

Model = type[BaseModel]


def of_answer(model: Model, named: Collection[Model] = (), skip: Collection[str] = ()) -> Shape:
    """Return the shape of an answer's model: a field that may be left out has a "?".

    Args:
        named: Models that are described in a table of their own.
        skip: Fields that are not sent.
    """
    return {
        _marked(key, field.exclude_if is not None): _inner(field, named, of_answer)
        for key, field in model.model_fields.items()
        if key not in skip
    }


def of_request(model: Model) -> Shape:
    """Return the shape of a request's model: a field with a default has a "?"."""
    return {
        _marked(key, not field.is_required()): _inner(field, (), lambda inner, _named: of_request(inner))
        for key, field in model.model_fields.items()
    }


def paths(model: Model, prefix: str = "") -> Iterator[str]:
    """Every field that is sent, by its dotted path; an object that is always there has its fields alone."""
    for key, field in model.model_fields.items():
        inner, path = _model_in(field), prefix + _marked(key, field.exclude_if is not None)
        if inner is None or type(None) in get_args(field.annotation):
            yield path
        if inner is not None:
            yield from paths(inner, f"{path}[]." if _is_list(field) else f"{path}.")


def differences(documented: Shape, sent: Collection[Mapping[str, Any]], where: str = "") -> list[str]:
    """Return the differences between JSON objects and their documented fields.

    Each documented field must be in at least one of the objects, and no object may have another field. Nested fields
    are compared where the document names them.
    """
    found: list[str] = []
    inner = {key.removesuffix("?"): value for key, value in documented.items()}
    seen = {key for value in sent for key in value}
    found += [f"{where}{key} is not documented" for key in sorted(seen - inner.keys())]
    found += [f"{where}{key} was never sent" for key in sorted(inner.keys() - seen)]
    for key in documented.keys() & inner.keys():
        if any(key not in value for value in sent):
            found.append(f"{where}{key} is not always sent")
    for key, fields in inner.items():
        if fields is not None:
            held = [each for value in sent for each in _objects(value.get(key))]
            found += differences(fields, held, f"{where}{key}.")
    return found


def _objects(value: Any) -> list[Mapping[str, Any]]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _marked(key: str, optional: bool) -> str:
    return f"{key}?" if optional else key


def _inner(field: FieldInfo, named: Collection[Model], of: Any) -> Shape | None:
    model = _model_in(field)
    if model is None or model in named:
        return None
    shape: Shape = of(model, named)
    return shape


def _model_in(field: FieldInfo) -> Model | None:
    """The model that a field holds, be it one of them, several, or perhaps none."""
    return next(_models(field.annotation), None)


def _models(annotation: Any) -> Iterator[Model]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _is_list(field: FieldInfo) -> bool:
    return str(field.annotation).startswith(("tuple", "list"))

"""A hub of the next version: everything that it stores has an additional field with a random value.

`python -m tests.support.newer_hub serve …` takes the arguments of `comanda`.
"""

from __future__ import annotations

import uuid
from typing import Any

from pydantic import Field

from hub.domain import values

FIELD = "born_next_year"


class Newer(values.Stored):
    """The base of the next version's models. If an older hub drops the added value, another one takes its place."""

    born_next_year: dict[str, Any] = Field(default_factory=lambda: {"as": uuid.uuid4().hex, "deep": [1, None, "ñ"]})


def main() -> None:
    values.Stored = Newer  # type: ignore[misc]
    from hub.cli import app

    app()


if __name__ == "__main__":
    main()

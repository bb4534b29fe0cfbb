"""How long the rows take: a moment each in `make test`, longer in `make chaos`."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def long() -> bool:
    """Whether there is time: `CHAOS_LONG=1`."""
    return os.environ.get("CHAOS_LONG") == "1"

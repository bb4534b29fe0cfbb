"""The hub that tests/gateways opens."""

from __future__ import annotations

from tests.gateways.conftest import house, open_hub

__all__ = ["house", "open_hub"]

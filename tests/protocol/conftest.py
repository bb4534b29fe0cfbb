"""The hub that tests/gateways opens."""

from __future__ import annotations

from tests.gateways.conftest import any_redis_url, empty_redis_url, house, no_settings, open_hub

__all__ = ["any_redis_url", "empty_redis_url", "house", "no_settings", "open_hub"]

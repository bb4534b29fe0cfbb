"""Digests of addresses and phone numbers, which show only that two of them are the same."""

from __future__ import annotations

import hashlib
import hmac

from hub.domain.phones import local_number

_CHARS = 12  # 48 bits: no two addresses that one branch sees are likely to collide


class Digests:
    """Keyed digests: equal values have equal digests, and the value cannot be found without the secret.

    Args:
        secret: The key that signs tokens; all hubs of a branch share it.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"comanda digest", hashlib.sha256)

    def address(self, address: str) -> str:
        """Return the digest of an address: twelve hexadecimal digits."""
        return self._of("address", address)

    def phone(self, number: str) -> str:
        """Return the digest of a phone number's last ten digits; an empty text if it has too few."""
        local = local_number(number)
        return self._of("phone", local) if local else ""

    def _of(self, kind: str, value: str) -> str:
        return hmac.digest(self._key, f"{kind}:{value}".encode(), hashlib.sha256).hex()[:_CHARS]

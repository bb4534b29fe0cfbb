"""The keys of a browser that subscribes to Web Push."""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import http_ece  # type: ignore[import-untyped]
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass
class Browser:
    """A browser with a subscription, which can read what is pushed to it."""

    endpoint: str
    lang: str = "es"
    _key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    _auth: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def keys(self) -> dict[str, str]:
        """`keys`, as `PushSubscription.toJSON()` has them."""
        public = self._key.public_key()
        point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        return {"p256dh": _text(point), "auth": _text(self._auth)}

    @property
    def subscription(self) -> dict[str, Any]:
        """What the page tells the hub."""
        return {"endpoint": self.endpoint, "keys": self.keys, "lang": self.lang}

    def read(self, body: bytes) -> bytes:
        """Decrypt a message, as the browser does."""
        read: bytes = http_ece.decrypt(body, private_key=self._key, auth_secret=self._auth, version="aes128gcm")
        return read


def browser_keys() -> dict[str, str]:
    """Return the keys of some browser."""
    return Browser("").keys

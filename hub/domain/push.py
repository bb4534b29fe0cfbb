"""Web Push: the commands of a browser that wants to be told, and its subscription as stored.

Shapes after the W3C's Push API (`PushSubscription.toJSON()`) and RFC 8291.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, StringConstraints

from hub.domain.command import Keyed, Token
from hub.domain.values import Stored, Value

# A person has a phone, a tablet and a laptop; past these, the device that has been silent for longest leaves.
MAX_DEVICES = 8


def _is_url(endpoint: str) -> str:
    try:
        parts = urlsplit(endpoint)
        fits = parts.scheme in ("https", "http") and bool(parts.hostname) and not parts.username
    except ValueError:
        fits = False
    if not fits:
        raise ValueError("an endpoint is the https address of a push service")
    return endpoint


Endpoint = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{12,1024}$"), AfterValidator(_is_url)]


class PushKeys(Value):
    """The keys with which messages to a browser are encrypted, in base64url without padding.

    Attributes:
        p256dh: A point of the curve P-256, uncompressed: 65 bytes.
        auth: 16 random bytes.
    """

    p256dh: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{87}=?$")]
    auth: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{22}={0,2}$")]


class SubscribePush(Keyed):
    """Tell a browser about the caller's orders and chats, or staff about their work."""

    name: ClassVar[str] = "push.subscribe"
    endpoint: Endpoint
    keys: PushKeys
    lang: Literal["es", "en"] = "es"
    token: Token | None = None


class UnsubscribePush(Keyed):
    """Tell a browser nothing more about the caller's orders and chats."""

    name: ClassVar[str] = "push.unsubscribe"
    endpoint: Endpoint
    token: Token | None = None


class Device(Stored):
    """One browser, as stored.

    Attributes:
        lang: The language of its messages.
    """

    endpoint: str
    p256dh: str
    auth: str
    lang: str = "es"

    @property
    def digest(self) -> str:
        """A short name of the browser, from which nobody can send to it."""
        return hashlib.sha256(self.endpoint.encode()).hexdigest()[:24]


class Devices(Stored):
    """The browsers that are told about one order, chat or person; the last to subscribe stands last."""

    devices: tuple[Device, ...] = ()

    def adding(self, device: Device) -> Devices:
        """Return these browsers with one more. A browser has one place, and keeps what only a newer hub knows of it."""
        known = next((each for each in self.devices if each.endpoint == device.endpoint), device)
        newest = known.model_copy(update={"p256dh": device.p256dh, "auth": device.auth, "lang": device.lang})
        others = self.without(device.endpoint).devices
        return self.model_copy(update={"devices": (*others, newest)[-MAX_DEVICES:]})

    def without(self, endpoint: str) -> Devices:
        """Return these browsers without one of them."""
        return self.model_copy(update={"devices": tuple(one for one in self.devices if one.endpoint != endpoint)})

"""The key by which push services know this branch (VAPID, RFC 8292).

It is kept in the log's documents, not in the data folder: every hub needs the same one, and a backup brings it along.
Browsers bind their subscription to it, so that it is never replaced while anybody is to be told.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from contextlib import suppress

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hub.core.errors import Conflict
from hub.domain.values import Stored
from hub.services.stored_documents import load
from hub.store.log import DocKey, Document, EventLog, Write

VAPID_KEY = DocKey("push_key", "vapid")


class StoredVapidKey(Stored):
    """The private key, as stored: its number in hexadecimal."""

    private: str


class VapidKeys:
    """Makes the branch's key once, and keeps it.

    Attributes:
        contact: Where a push service reaches whoever runs this hub (`sub` of RFC 8292); empty: nothing is pushed.
    """

    def __init__(self, log: EventLog, contact: str) -> None:
        self.contact = contact
        self._log = log
        self._key: ec.EllipticCurvePrivateKey | None = None

    async def private_key(self) -> ec.EllipticCurvePrivateKey:
        """Return the branch's key. The first caller of all makes it."""
        if self._key is None:
            self._key = await self._read() or await self._make()
        return self._key

    async def public_key(self) -> str:
        """Return the public half as browsers take it (`applicationServerKey`): the point, in base64url."""
        public = (await self.private_key()).public_key()
        point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        return urlsafe_b64encode(point).decode().rstrip("=")

    async def _read(self) -> ec.EllipticCurvePrivateKey | None:
        found = await self._log.document(VAPID_KEY)
        if found is None:
            return None
        return ec.derive_private_key(int(load(self._log, StoredVapidKey, found).private, 16), ec.SECP256R1())

    async def _make(self) -> ec.EllipticCurvePrivateKey:
        number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
        document = Document(VAPID_KEY, 1, StoredVapidKey(private=f"{number:x}").model_dump_json())
        with suppress(Conflict):  # another hub was first: its key counts
            await self._log.commit(Write(expects=((VAPID_KEY, 0),), documents=(document,)))
        made = await self._read()
        assert made is not None
        return made

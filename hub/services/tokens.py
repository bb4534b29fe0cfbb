"""The two kinds of token: signed identities for staff, and capabilities for one order or one chat."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import jwt

from hub.domain.errors import Unauthorized
from hub.domain.roles import Kind, Principal, Role

_ALGORITHM = "HS256"
_VERIFIED_KEPT = 1_000
_MAC_CHARS = 22  # 128 bits and a little in base64url


class Tokens:
    """Makes and reads tokens. Nothing is stored: the secret alone decides.

    A staff token is a JWT. A capability is `"<id>.<mac>"`: whoever holds it may see that one order
    (or chat), and nobody can guess one. Whether the order has ended meanwhile is `Access`'s question.
    """

    def __init__(self, secret: bytes, branch: str) -> None:
        # A key for each use, so that one kind of token can never pass for another.
        self._jwt_key = hmac.digest(secret, b"comanda jwt", hashlib.sha256)
        self._capability_key = hmac.digest(secret, b"comanda capability", hashlib.sha256)
        self._branch = branch
        # Whoever has a token shows it with every request: only its time has to be looked at again.
        self._verified = lru_cache(maxsize=_VERIFIED_KEPT)(self._verify)

    def issue(self, principal: Principal, now: datetime, ttl: timedelta) -> str:
        """A staff token that says who this is, until `now + ttl`."""
        claims = {
            "sub": principal.id,
            "name": principal.name,
            "kind": str(principal.kind),
            "roles": sorted(principal.roles),
            "aud": self._branch,
            "iat": int(now.timestamp()),
            "exp": int((now + ttl).timestamp()),
        }
        return jwt.encode(claims, self._jwt_key, algorithm=_ALGORITHM)

    def read(self, token: str, now: datetime) -> Principal:
        """Who a staff token says this is.

        Raises:
            Unauthorized: It is not ours, for another branch, or past its time.
        """
        principal = self._verified(token)
        if principal.until is None or principal.until <= now.timestamp():
            raise Unauthorized("the token has expired")
        return principal

    def _verify(self, token: str) -> Principal:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._jwt_key,
                algorithms=[_ALGORITHM],
                audience=self._branch,
                # Checked by `read` against the injected clock; the library would ask the machine's own.
                options={"require": ["exp", "sub"], "verify_exp": False, "verify_iat": False},
            )
            return Principal(
                kind=Kind(claims["kind"]),
                id=claims["sub"],
                name=claims["name"],
                roles=frozenset(Role(role) for role in claims["roles"]),
                until=float(claims["exp"]),
            )
        except (jwt.InvalidTokenError, KeyError, ValueError, TypeError) as exc:
            raise Unauthorized("the token is not valid") from exc

    def for_order(self, order_id: str) -> str:
        return self._capability("order", order_id)

    def for_chat(self, chat_id: str) -> str:
        return self._capability("chat", chat_id)

    def order_of(self, token: str) -> str | None:
        """The order that a capability opens; None if it opens none."""
        return self._subject("order", token)

    def chat_of(self, token: str) -> str | None:
        """The chat that a capability opens; None if it opens none."""
        return self._subject("chat", token)

    def _capability(self, kind: str, subject: str) -> str:
        mac = hmac.digest(self._capability_key, f"{self._branch}:{kind}:{subject}".encode(), hashlib.sha256)
        return f"{subject}.{base64.urlsafe_b64encode(mac).decode()[:_MAC_CHARS]}"

    def _subject(self, kind: str, token: str) -> str | None:
        if not token.isascii():  # what a header smuggled in may not even be text
            return None
        subject, _, _ = token.partition(".")
        expected = self._capability(kind, subject)
        return subject if hmac.compare_digest(expected.encode(), token.encode()) else None

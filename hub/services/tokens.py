"""The two kinds of token: signed identities for staff, and capabilities for one order or one chat."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import jwt

from hub.domain.errors import Unauthorized
from hub.domain.roles import Kind, Principal, Role

_ALGORITHM = "HS256"
_VERIFIED_KEPT = 1_000
_ROLES = frozenset(Role)
_TOKEN_ID_BYTES = 8
_MAC_CHARS = 22  # 128 bits and a little in base64url
SERVICE_LIFE = timedelta(days=90)


class Tokens:
    """Makes and reads tokens. Nothing is stored: the secret alone decides.

    A staff token is a JWT; it belongs to one life of one account, which `Roster` compares. A capability is
    `"<id>.<mac>"`: whoever holds it may see that one order (or chat), and nobody can guess one. Whether the order has
    ended meanwhile is `Access`'s question.

    Args:
        service_life: Programs' tokens are good for so long after they were issued, whatever they say; None: no limit.
    """

    def __init__(self, secret: bytes, branch: str, service_life: timedelta | None = SERVICE_LIFE) -> None:
        # A key for each use, so that one kind of token can never pass for another.
        self._jwt_key = hmac.digest(secret, b"comanda jwt", hashlib.sha256)
        self._capability_key = hmac.digest(secret, b"comanda capability", hashlib.sha256)
        self._branch = branch
        self._service_life = service_life
        # Whoever has a token shows it with every request: only its time has to be looked at again.
        self._verified = lru_cache(maxsize=_VERIFIED_KEPT)(self._verify)

    def issue(self, principal: Principal, now: datetime, ttl: timedelta) -> str:
        """A staff token that says who this is, until `now + ttl`."""
        claims: dict[str, Any] = {
            "sub": principal.id,
            "name": principal.name,
            "kind": str(principal.kind),
            "roles": sorted(principal.roles),
            "aud": self._branch,
            "jti": secrets.token_hex(_TOKEN_ID_BYTES),
            "iat": int(now.timestamp()),
            "exp": int((now + ttl).timestamp()),
        }
        if principal.kind is Kind.STAFF:
            claims["life"] = principal.life
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
            return self._principal(claims, token)
        except (jwt.InvalidTokenError, KeyError, ValueError, TypeError) as exc:
            raise Unauthorized("the token is not valid") from exc

    def _principal(self, claims: dict[str, Any], token: str) -> Principal:
        kind, until = Kind(claims["kind"]), float(claims["exp"])
        if kind is Kind.SERVICE and self._service_life is not None:
            until = min(until, float(claims["iat"]) + self._service_life.total_seconds())
        return Principal(
            kind=kind,
            id=claims["sub"],
            name=claims["name"],
            # A role that only a newer hub knows gives no rights here.
            roles=frozenset(Role(role) for role in claims["roles"] if role in _ROLES),
            until=until,
            # Members of staff who logged in before accounts had lives log in again: that was twelve hours at the most.
            life=str(claims["life"]) if kind is Kind.STAFF else "",
            token_id=str(claims.get("jti") or hashlib.sha256(token.encode()).hexdigest()[: 2 * _TOKEN_ID_BYTES]),
        )

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

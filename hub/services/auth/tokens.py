"""The two kinds of token: signed identities for staff, and capabilities for one order or one chat."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

import jwt

from hub.config.secret_key import PreviousSecret
from hub.core.errors import Unauthorized
from hub.domain.roles import Kind, Principal, Role

_ALGORITHM = "HS256"
_VERIFIED_KEPT = 1_000
_ROLES = frozenset(Role)
_TOKEN_ID_BYTES = 8
_MAC_CHARS = 22  # 128 bits and a little in base64url
SERVICE_LIFE = timedelta(days=90)


class TokenUse(StrEnum):
    """What a staff token is good for. A token of one use is no token at all where another one is asked for."""

    EVERYTHING = "everything"  # all that its holder may do
    POSITIONS = "positions"  # only to report the positions of its holder, a courier


class _Keys(NamedTuple):
    """A key for each use, so that one kind of token can never pass for another."""

    jwt: bytes
    capability: bytes

    @classmethod
    def of(cls, secret: bytes) -> _Keys:
        return cls(*(hmac.digest(secret, use, hashlib.sha256) for use in (b"comanda jwt", b"comanda capability")))


class Tokens:
    """Makes and reads tokens. Nothing is stored: the secret alone decides.

    A staff token is a JWT; it belongs to one life of one account, which `Roster` compares. A capability is
    `"<id>.<mac>"`: whoever holds it may see that one order (or chat), and nobody can guess one. Whether the order has
    ended meanwhile is `Access`'s question.

    Args:
        secret: The key. Every hub and worker of a branch has the same one.
        service_life: The tokens of programs and of couriers' apps are good for so long after they were issued,
            whatever they say; None: no limit.
        previous: The key before it, whose tokens are accepted for a while.
        clock: Returns the time; capabilities have none of their own.
    """

    def __init__(
        self,
        secret: bytes,
        branch: str,
        service_life: timedelta | None = SERVICE_LIFE,
        *,
        previous: PreviousSecret | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._keys = _Keys.of(secret)
        self._previous = previous
        self._previous_keys = _Keys.of(previous.secret) if previous else None
        self._clock = clock
        self._branch = branch
        self._service_life = service_life
        # A token comes with every request: only its expiry has to be checked again.
        self._verified = lru_cache(maxsize=_VERIFIED_KEPT)(self._verify)

    def issue(self, principal: Principal, now: datetime, ttl: timedelta, use: TokenUse = TokenUse.EVERYTHING) -> str:
        """Return a staff token of a principal, valid until `now + ttl`."""
        claims: dict[str, Any] = {
            "sub": principal.id,
            "name": principal.name,
            "kind": str(principal.kind),
            "roles": sorted(principal.roles),
            "aud": self._audience(use),
            "jti": secrets.token_hex(_TOKEN_ID_BYTES),
            "iat": int(now.timestamp()),
            "exp": int((now + ttl).timestamp()),
        }
        if principal.kind is Kind.STAFF:
            claims["life"] = principal.life
        return jwt.encode(claims, self._signing_keys(now).jwt, algorithm=_ALGORITHM)

    def read(self, token: str, now: datetime, use: TokenUse = TokenUse.EVERYTHING) -> Principal:
        """Return the principal of a staff token.

        Raises:
            Unauthorized: The signature is wrong, or it is for another branch or another use, or expired.
        """
        principal = self._verified(token, use)
        if principal.until is None or principal.until <= now.timestamp():
            raise Unauthorized("the token has expired")
        return principal

    def _verify(self, token: str, use: TokenUse) -> Principal:
        try:
            try:
                return self._principal(self._claims(token, self._keys, use), token)
            except jwt.InvalidSignatureError:
                if self._previous is None or self._previous_keys is None:
                    raise
                principal = self._principal(self._claims(token, self._previous_keys, use), token)
        except (jwt.InvalidTokenError, KeyError, ValueError, TypeError) as exc:
            raise Unauthorized("the token is not valid") from exc
        assert principal.until is not None  # `_principal` always gives it one
        return replace(principal, until=min(principal.until, self._previous.accepted_until.timestamp()))

    def _claims(self, token: str, keys: _Keys, use: TokenUse) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            token,
            keys.jwt,
            algorithms=[_ALGORITHM],
            audience=self._audience(use),
            # Checked by `read` against the injected clock; the library would ask the machine's own.
            options={"require": ["exp", "sub"], "verify_exp": False, "verify_iat": False},
        )
        return claims

    def _audience(self, use: TokenUse) -> str:
        """Return the audience of tokens of a use. No branch has a colon in its name."""
        return self._branch if use is TokenUse.EVERYTHING else f"{self._branch}:{use}"

    def _signing_keys(self, now: datetime) -> _Keys:
        if self._previous is not None and self._previous_keys is not None and now < self._previous.replaced_at:
            return self._previous_keys
        return self._keys

    def _principal(self, claims: dict[str, Any], token: str) -> Principal:
        kind, until = Kind(claims["kind"]), float(claims["exp"])
        lasting = kind is Kind.SERVICE or claims["aud"] != self._branch  # longer than a shift
        if lasting and self._service_life is not None:
            until = min(until, float(claims["iat"]) + self._service_life.total_seconds())
        return Principal(
            kind=kind,
            id=claims["sub"],
            name=claims["name"],
            # A role that only a newer hub knows gives no rights here.
            roles=frozenset(Role(role) for role in claims["roles"] if role in _ROLES),
            until=until,
            # Staff who logged in before accounts had lives must log in again; such a login lasts at most twelve hours.
            life=str(claims["life"]) if kind is Kind.STAFF else "",
            token_id=str(claims.get("jti") or hashlib.sha256(token.encode()).hexdigest()[: 2 * _TOKEN_ID_BYTES]),
        )

    def for_order(self, order_id: str) -> str:
        """Return the capability of an order."""
        return self._capability("order", order_id, self._signing_keys(self._clock()))

    def for_chat(self, chat_id: str) -> str:
        """Return the capability of a chat."""
        return self._capability("chat", chat_id, self._signing_keys(self._clock()))

    def order_of(self, token: str) -> str | None:
        """Return the order that a capability opens; None if it opens none."""
        return self._subject("order", token)

    def chat_of(self, token: str) -> str | None:
        """Return the chat that a capability opens; None if it opens none."""
        return self._subject("chat", token)

    def _capability(self, kind: str, subject: str, keys: _Keys) -> str:
        mac = hmac.digest(keys.capability, f"{self._branch}:{kind}:{subject}".encode(), hashlib.sha256)
        return f"{subject}.{base64.urlsafe_b64encode(mac).decode()[:_MAC_CHARS]}"

    def _subject(self, kind: str, token: str) -> str | None:
        if not token.isascii():  # the bytes of a header may not be valid text
            return None
        subject, _, _ = token.partition(".")
        if self._is_capability(kind, subject, token, self._keys):
            return subject
        if self._previous is None or self._previous_keys is None or self._clock() >= self._previous.accepted_until:
            return None
        return subject if self._is_capability(kind, subject, token, self._previous_keys) else None

    def _is_capability(self, kind: str, subject: str, token: str, keys: _Keys) -> bool:
        return hmac.compare_digest(self._capability(kind, subject, keys).encode(), token.encode())

"""Logins and sign-outs of staff."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from hub.domain.commands import Login, Logout
from hub.domain.errors import RateLimited, Unauthorized
from hub.domain.roles import Principal
from hub.domain.values import format_time
from hub.services.accounts import letters_of
from hub.services.login_throttle import LoginThrottle
from hub.services.pin_hasher import PinHasher
from hub.services.revocations import Revocations
from hub.services.staff import StaffService
from hub.services.tokens import Tokens

SESSION = timedelta(hours=12)  # a shift


class LoginService:
    """Issues tokens to staff for a name and a PIN, and slows down guessing."""

    def __init__(
        self,
        staff: StaffService,
        tokens: Tokens,
        throttle: LoginThrottle,
        hasher: PinHasher,
        revocations: Revocations,
        clock: Callable[[], datetime],
    ) -> None:
        self._staff = staff
        self._tokens = tokens
        self._throttle = throttle
        self._hasher = hasher
        self._revocations = revocations
        self._clock = clock

    async def login(self, login: Login, address: str) -> dict[str, Any]:
        """Log in with a name and a PIN.

        Returns:
            `{token, expires_at, principal}`; the token lasts a shift of twelve hours.

        Raises:
            Unauthorized: No such name, or another PIN; the two are not told apart.
            RateLimited: Too many tries of this name from here, or too many logins at once; it says when to come back.
        """
        # By the letters alone, as accounts are: "carmen", "Carmen!" and "cármen" are one name.
        name = letters_of(login.name) or "-"
        account = await self._staff.get(name)
        counted = await self._throttle.count(name, account.life if account else "-", address, login.device)
        try:
            # A name that is not there takes as long as one that is.
            pin_hash = account.pin_hash if account else None
            right = await self._hasher.verify(pin_hash, login.pin, address, known=counted.known)
        except RateLimited:
            await self._throttle.take_back(counted)
            raise
        if account is None or not right:
            raise Unauthorized("the name or the PIN is wrong")
        await self._throttle.succeeded(counted)
        now = self._clock()
        return {
            "token": self._tokens.issue(account.principal, now, SESSION),
            "expires_at": format_time(now + SESSION),
            "principal": account.principal.public(),
        }

    async def logout(self, principal: Principal, _command: Logout) -> dict[str, Any]:
        """End the caller's token: at once in this process, within seconds in the others.

        Raises:
            Unauthorized: The caller shows no token that a logout could end.
        """
        if not principal.token_id or principal.until is None:
            raise Unauthorized("nobody is signed in")
        await self._revocations.revoke(principal.token_id, principal.until)
        return {}

"""Logins and sign-outs of staff."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from hub.core.errors import RateLimited, Unauthorized
from hub.core.times import format_time
from hub.domain.answers import Empty
from hub.domain.answers.staff_answers import LoggedIn, shown_principal
from hub.domain.commands import Login, Logout
from hub.domain.roles import Principal
from hub.services.auth.accounts import letters_of
from hub.services.auth.login_throttle import LoginThrottle
from hub.services.auth.pin_hasher import PinHasher
from hub.services.auth.revocations import Revocations
from hub.services.auth.staff_service import StaffService
from hub.services.auth.tokens import Tokens

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

    async def login(self, login: Login, address: str) -> LoggedIn:
        """Log in with a name and a PIN.

        Returns:
            A token for a shift of twelve hours.

        Raises:
            Unauthorized: The name or the PIN is wrong; the error does not say which.
            RateLimited: Too many tries of this name from here, or too many logins at once; the error says when.
        """
        # By the letters alone, as accounts are: "carmen", "Carmen!" and "cármen" are one name.
        name = letters_of(login.name) or "-"
        account = await self._staff.get(name)
        counted = await self._throttle.count(name, account.life if account else "-", address, login.device)
        try:
            # An unknown name takes as long to check as a known one.
            pin_hash = account.pin_hash if account else None
            right = await self._hasher.verify(pin_hash, login.pin, address, known=counted.known)
        except RateLimited:
            await self._throttle.take_back(counted)
            raise
        if account is None or not right:
            raise Unauthorized("the name or the PIN is wrong")
        await self._throttle.succeeded(counted)
        now = self._clock()
        return LoggedIn(
            token=self._tokens.issue(account.principal, now, SESSION),
            expires_at=format_time(now + SESSION),
            principal=shown_principal(account.principal),
        )

    async def logout(self, principal: Principal, _command: Logout) -> Empty:
        """End the caller's token: at once in this process, within seconds in the others.

        Raises:
            Unauthorized: The caller shows no token that a logout could end.
        """
        if not principal.token_id or principal.until is None:
            raise Unauthorized("nobody is signed in")
        await self._revocations.revoke(principal.token_id, principal.until)
        return Empty()

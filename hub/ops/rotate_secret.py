"""`comanda secret rotate`: a new key to sign tokens with; the old one is accepted for another while."""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.bootstrap import CannotStart, read_previous_secret
from hub.config import DataSettings
from hub.config.secret_key import new_secret, replace_secret_file


def rotate_secret(settings: DataSettings, now: datetime, starts_in: timedelta, *, compromised: bool) -> list[str]:
    """Replace the secret in the data folder, or propose settings where `COMANDA_SECRET` holds it.

    Args:
        starts_in: The time until tokens are signed with the new secret. All hubs and workers restart within it.
        compromised: True to end every token of the old secret at once.

    Returns:
        Lines for the operator. Those that begin with `COMANDA_` are secret.

    Raises:
        CannotStart: An older secret is still accepted; a second rotation would end its tokens too early.
    """
    previous = read_previous_secret(settings)
    if previous is not None and now < previous.accepted_until and not compromised:
        raise CannotStart(
            f"the secret before this one is accepted until {_shown(previous.accepted_until)}; rotate after that, "
            "or use --compromised, which ends all tokens"
        )
    starts_at = (now if compromised else now + starts_in).replace(microsecond=0)
    ends_at = starts_at + timedelta(seconds=settings.secret_previous_s)
    if settings.secret is None:
        replace_secret_file(settings, starts_at, keep_previous=not compromised)
        steps = [f"{settings.data_dir / 'secret'} holds a new secret"]
    else:
        old = settings.secret.get_secret_value()
        steps = [
            "put these lines into the environment of every hub and worker (.env), in place of their old ones:",
            f"COMANDA_SECRET={new_secret()}",
            f"COMANDA_SECRET_PREVIOUS={'' if compromised else old}",
            f"COMANDA_SECRET_ROTATED_AT={'' if compromised else f'{starts_at:%Y-%m-%dT%H:%M:%SZ}'}",
        ]
    if compromised:
        return [*steps, "restart every hub and worker now: everyone logs in again, and every tracking link ends"]
    return [
        *steps,
        f"restart every hub and worker before {_shown(starts_at)}, when the first token is signed with it",
        f"tokens of the old secret are accepted until {_shown(ends_at)} (COMANDA_SECRET_PREVIOUS_S)",
    ]


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"

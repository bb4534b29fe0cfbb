"""Answers about the people who work here, and about logins."""

from __future__ import annotations

from pydantic import Field

from hub.domain.answers.base import Answer
from hub.domain.roles import Principal
from hub.domain.values import absent


class PublicPrincipal(Answer):
    """A principal as a client sees it. `name` and `id` are left out where there are none."""

    kind: str
    roles: tuple[str, ...]
    name: str | None = Field(default=None, exclude_if=absent)
    id: str | None = Field(default=None, exclude_if=absent)


def shown_principal(principal: Principal) -> PublicPrincipal:
    """Return a principal as a client sees it, in `hub.welcome` and in the answer to a login."""
    return PublicPrincipal(
        kind=str(principal.kind),
        roles=tuple(sorted(principal.roles)),
        name=principal.name or None,
        id=principal.id or None,
    )


class LoggedIn(Answer):
    """A token for a shift, and its owner."""

    token: str
    expires_at: str
    principal: PublicPrincipal


class StaffMember(Answer):
    """A member of staff."""

    id: str
    name: str
    roles: tuple[str, ...]


class StaffList(Answer):
    """The people who work here, by name."""

    staff: tuple[StaffMember, ...]

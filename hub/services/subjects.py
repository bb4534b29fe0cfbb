"""What a caller's choices hang on: the account of staff, or the orders and chats whose tokens a customer holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.core.errors import NotFound
from hub.services.service_bounds import MAX_SUBJECTS

if TYPE_CHECKING:
    from hub.domain.roles import Principal


def subjects_of(principal: Principal) -> list[str]:
    """Return `["person-<id>"]`, or `order-<id>` and `chat-<id>` for each token, at most `MAX_SUBJECTS`.

    Raises:
        NotFound: The caller holds no order or chat.
    """
    if principal.id:
        return [f"person-{principal.id}"]
    held = [f"order-{order}" for order in sorted(principal.orders)]
    held += [f"chat-{chat}" for chat in sorted(principal.chats)]
    if not held:
        raise NotFound("show the token of an order or a chat to be told of it")
    return held[:MAX_SUBJECTS]

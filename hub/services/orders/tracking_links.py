"""The links to orders, which customers follow and pass on."""

from __future__ import annotations

from hub.domain.events import Tracking
from hub.services.auth.tokens import Tokens


class TrackingLinks:
    """Makes the link to an order.

    Args:
        public_url: The address under which customers open the site, without a slash at its end; empty: the link is a
            path of the page's own site.
    """

    def __init__(self, tokens: Tokens, public_url: str = "") -> None:
        self._tokens = tokens
        self._public_url = public_url

    def of(self, order_id: str) -> Tracking:
        """Return the link to an order."""
        token = self._tokens.for_order(order_id)
        return Tracking(url=f"{self._public_url}/t/{token}", token=token)

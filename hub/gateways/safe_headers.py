"""The security headers of every answer."""

from __future__ import annotations

from collections.abc import Mapping

# 'self' covers WebSockets of the page's own host; a browser without that rule stays on long-polling.
_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
SAFE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    # The features that pages may use: a courier's position, camera and microphone for calls, a screen that stays on.
    "Permissions-Policy": (
        "camera=(self), geolocation=(self), microphone=(self), screen-wake-lock=(self), "
        "bluetooth=(), browsing-topics=(), display-capture=(), hid=(), midi=(), payment=(), serial=(), usb=()"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # a tracking page's address is a capability
}

"""WhatsApp's Cloud API, by pywa: one call a message, with a deadline, and an answer that says what to do next."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import httpx
import structlog
from pywa_async.client import WhatsApp
from pywa_async.errors import AuthorizationError, ThrottlingError, WhatsAppError
from pywa_async.types.callback import Button, Section, SectionList, SectionRow
from pywa_async.types.templates import BodyText, TemplateLanguage

from hub.config.environment import plain_text
from hub.core.errors import Unavailable
from hub.domain.whatsapp_port import ButtonsMessage, ListMessage, TextMessage

if TYPE_CHECKING:
    from hub.config import WhatsAppSettings
    from hub.domain.whatsapp_template import TemplateMessage

logger = structlog.get_logger(__name__)

CALL_S = 10.0  # for one call, all in all
_MAX_WAIT_S = 3_600.0
_PAIR_WAIT_S = 60.0  # after "too many messages to this number", which Meta says without a time
_TOKEN_WAIT_S = 60.0  # before another try with a token that was refused: somebody has to change it
_REENGAGEMENT = 131047
_PAIR_RATE = 131056
# Faults of Meta's own, which pass.
_PASSING = frozenset({1, 2, 131000, 131016, 131057, 133004, 135000})


class SendOutcome(Enum):
    """What a try came to."""

    SENT = "sent"
    UNKNOWN = "unknown"  # it may have been sent: the answer was lost
    AGAIN = "again"  # certainly not sent; later it may work
    TEMPLATE = "template"  # the number has not written for a day: only a template is taken
    REFUSED = "refused"  # for good


@dataclass(frozen=True, slots=True)
class SendResult:
    """The end of one try.

    Attributes:
        wamid: WhatsApp's id of a message that was sent.
        detail: Why it was not sent: a word, or Meta's code.
        wait_s: With `AGAIN`: the seconds to wait; None: it did not say.
    """

    outcome: SendOutcome
    wamid: str = ""
    detail: str = ""
    wait_s: float | None = None


class GraphClient:
    """Sends messages from the shop's number. `open_graph_client` makes one."""

    def __init__(self, whatsapp: WhatsApp) -> None:
        self._whatsapp = whatsapp

    async def send(
        self, wa_id: str, message: TextMessage | ButtonsMessage | ListMessage | TemplateMessage, message_id: str
    ) -> SendResult:
        """Send a message once. It raises nothing.

        Args:
            message_id: Comes back in the statuses of the message, as `biz_opaque_callback_data`.
        """
        try:
            sent = await self._send(wa_id, message, message_id)
        except WhatsAppError as exc:
            return _refusal(exc)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return SendResult(SendOutcome.AGAIN, detail="unreachable")
        except (httpx.HTTPError, ValueError, KeyError):  # the answer was cut off, or is none
            return SendResult(SendOutcome.UNKNOWN, detail="no_answer")
        return SendResult(SendOutcome.SENT, wamid=str(sent))

    async def _send(
        self, wa_id: str, message: TextMessage | ButtonsMessage | ListMessage | TemplateMessage, tracker: str
    ) -> str:
        match message:
            case TextMessage(text=text):
                sent = await self._whatsapp.send_message(wa_id, text, tracker=tracker, preview_url="http" in text)
            case ButtonsMessage(text=text, buttons=buttons):
                shown = [Button(title=each.title, callback_data=each.id) for each in buttons]
                sent = await self._whatsapp.send_message(wa_id, text, buttons=shown, tracker=tracker)
            case ListMessage(text=text, button=button, rows=rows):
                section = Section(
                    title=button,
                    rows=[
                        SectionRow(title=row.title, callback_data=row.id, description=row.description or None)
                        for row in rows
                    ],
                )
                listed = SectionList(button_title=button, sections=[section])
                sent = await self._whatsapp.send_message(wa_id, text, buttons=listed, tracker=tracker)
            case _:
                sent = await self._whatsapp.send_template(
                    wa_id,
                    message.name,
                    TemplateLanguage(message.language),
                    [BodyText.params(**message.parameters)],
                    tracker=tracker,
                )
        return str(sent.id)

    async def show_typing(self, wamid: str) -> None:
        """Mark a message as read, and show that an answer is on its way. A failure changes nothing."""
        try:
            await self._whatsapp.indicate_typing(wamid)
        except (WhatsAppError, httpx.HTTPError, ValueError, KeyError) as exc:
            logger.debug("whatsapp.typing_failed", reason=type(exc).__name__)


@asynccontextmanager
async def open_graph_client(settings: WhatsAppSettings) -> AsyncIterator[GraphClient]:
    """Give a client of the Graph API, with connections of its own."""
    async with open_pywa(settings) as whatsapp:
        yield GraphClient(whatsapp)


@asynccontextmanager
async def open_pywa(settings: WhatsAppSettings) -> AsyncIterator[WhatsApp]:
    """Give pywa's client, which speaks to the address of the settings."""
    limits = httpx.Limits(max_connections=32, max_keepalive_connections=8)
    async with httpx.AsyncClient(timeout=CALL_S, limits=limits) as session:
        whatsapp = WhatsApp(
            phone_id=settings.whatsapp_phone_id,
            token=plain_text(settings.whatsapp_token),
            session=session,
            waba_id=settings.whatsapp_account_id or None,
        )
        # pywa makes its own base URL; only the host is another one, the version stays.
        session.base_url = httpx.URL(f"{settings.whatsapp_api_url}{session.base_url.path}")
        yield whatsapp


def _refusal(error: WhatsAppError) -> SendResult:
    """Return what an error of the Graph API means for the message."""
    status, detail = error.status_code or 0, f"code_{error.code}"
    wait_s = _retry_after(error)
    if error.code == _REENGAGEMENT:
        return SendResult(SendOutcome.TEMPLATE, detail=detail)
    if isinstance(error, AuthorizationError) or status == httpx.codes.UNAUTHORIZED:
        logger.error("whatsapp.token_refused", code=error.code)
        return SendResult(SendOutcome.AGAIN, detail=detail, wait_s=_TOKEN_WAIT_S)
    if error.code == _PAIR_RATE:
        return SendResult(SendOutcome.AGAIN, detail=detail, wait_s=wait_s or _PAIR_WAIT_S)
    if isinstance(error, ThrottlingError) or status == httpx.codes.TOO_MANY_REQUESTS or error.code in _PASSING:
        return SendResult(SendOutcome.AGAIN, detail=detail, wait_s=wait_s)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:  # without an error of the Graph API: a gateway's, on the way
        return SendResult(SendOutcome.UNKNOWN, detail=f"status_{status}")
    return SendResult(SendOutcome.REFUSED, detail=detail)


def _retry_after(error: WhatsAppError) -> float | None:
    """Return the seconds of `Retry-After`, if it says a sensible number."""
    header = error.raw_response.headers.get("Retry-After", "") if error.raw_response is not None else ""
    try:
        seconds = float(header)
    except ValueError:
        return None
    return min(seconds, _MAX_WAIT_S) if math.isfinite(seconds) and seconds > 0 else None


@contextmanager
def asking(refused: type[Exception]) -> Iterator[None]:
    """Translate what goes wrong while Meta is asked: into `refused`, or `Unavailable` if it gives no answer."""
    try:
        yield
    except WhatsAppError as exc:
        raise refused(f"Meta says: {exc.message}") from exc
    except (httpx.HTTPError, ValueError) as exc:
        raise Unavailable(f"the Graph API does not answer: {type(exc).__name__}") from exc

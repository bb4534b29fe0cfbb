"""The words of a notice."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hub.domain.notices import KINDS

if TYPE_CHECKING:
    from hub.domain.texts import Lang
    from hub.outbound.senders import Telling


class NoticeWords(NamedTuple):
    """What a notice says."""

    title: str
    body: str


def words_of(telling: Telling, lang: Lang) -> NoticeWords:
    """Return what a notice says in a language."""
    kind, order = KINDS[telling.notice.type], telling.order
    about = {"code": order.code, "name": order.customer.name} if order is not None else {}
    values = _Values(telling.notice.fields, **about)
    return NoticeWords(*(text.in_(lang).format_map(values).strip() for text in (kind.title, kind.body)))


class _Values(dict[str, str]):
    """What a text may name. What an event does not say is empty."""

    def __init__(self, fields: dict[str, str], **more: str) -> None:
        super().__init__(fields, **more)

    def __missing__(self, name: str) -> str:
        return ""

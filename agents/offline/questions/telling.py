"""What somebody wants to be told of, and when not; and a word to one order's people."""

from __future__ import annotations

import re
from typing import Any

from agents.offline.intent_types import ASKS_HOURS, NOTICE, NOTIFIED, NOTIFY, Intent, asked
from agents.offline.text.words import AMOUNTS

_TELL = re.compile(
    r"\b(?:avis(?:a|e|en|ar)(?:me|nme)?|notifi\w+|alert\w+|suscri\w+|let me know|notify|tell me when|text me|"
    r"subscribe|unsubscribe|remind me|mandame (?:un )?aviso)\b"
)
_NOT_TELL = re.compile(
    r"\b(?:no (?:me|quiero) (?:avis\w+|notif\w+|mand\w+|recib\w+)|deja de (?:avisar|mandar)\w*|sin avisos|"
    r"don'?t (?:notify|tell|send|text)|stop (?:notifying|sending|telling)|unsubscribe|desuscri\w+|"
    r"ya no me (?:avis\w+|mand\w+)|quita(?:me)? los avisos|no more notifications)\b"
)
_WHICH_NOTICES = re.compile(
    r"\b(?:que (?:avisos|notificaciones)|cuales avisos|mis (?:avisos|notificaciones)|my notifications|"
    r"what notifications|which notifications|de que me avisas)\b"
)
_HOUR = rf"(\d{{1,2}}|{'|'.join(word for word, value in AMOUNTS.items() if value <= 12)})"
_CLOCK = (
    rf"{_HOUR}(?::(\d{{2}}))?\s*(?:hrs?\.?|h)?\s*([ap]\.?m\b\.?)?\s*"
    r"(?:(?:de|en|por) la (noche|tarde|manana|madrugada))?"
)
_QUIET = re.compile(
    rf"\b(?:(?:de(?:sde)?|entre|between|from)\s+)?(?:las?\s+)?{_CLOCK}\s*(?:\ba\b|\bhasta\b|\by\b|\bto\b|\band\b|"
    rf"\buntil\b|\btill\b|[-–])"
    rf"\s*(?:las?\s+)?{_CLOCK}"
)
_NO_NOISE = re.compile(
    r"\b(?:silencio|no (?:me )?molest\w+|sin ruido|quiet|do not disturb|don'?t disturb|mute|horas? de silencio)\b"
)
_AT_NIGHT = re.compile(
    r"\b(?:(?:de|en|por|toda) la (?:noche|madrugada|manana|tarde)|de noche|noches?|madrugada|temprano|at night|"
    r"overnight|nights?|"
    r"in the (?:morning|evening|night)|while i sleep|cuando duermo|horas? de silencio|quiet hours|do not disturb|"
    r"no (?:me )?molest\w+)\b"
)
_EVENTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bpromo\w*|\boferta\w*|\bdeals?\b|\boffers?\b"), "promo.published"),
    (re.compile(r"\bempie\w+|\bprepar\w+|\bstart\w*\b"), "order.preparing"),
    (
        re.compile(
            r"\bsal(?:e|ga|io)\b|\bout for delivery\b|\ben camino\b|\bon (?:its|the) way\b|\bleaves?\b|\bviene\b"
        ),
        "order.en_route",
    ),
    (re.compile(r"\bentreg\w+|(?<!for )\bdeliver\w*|\bllegue?\b|\barriv\w+|\bhere\b"), "order.delivered"),
    (re.compile(r"\bretras\w+|\btarde\b|\bdelay\w*|\blate\b|\bdemor\w+"), "order.delayed"),
    (re.compile(r"\bcancel\w+"), "order.cancelled"),
    (re.compile(r"\blist[oa]s?\b|\bready\b|\bdone\b|\brecoger\b"), "order.ready"),
)
_CHANNELS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bwhats ?app\b|\bwhats\b(?! ?up)|\bwasap\b|\bguats\w*\b"), "whatsapp"),
    (
        re.compile(r"\bpush\b|\bnotificaci(?:on|ones) (?:del|en el) (?:celular|telefono|navegador)\b|\bmy phone\b"),
        "push",
    ),
    (re.compile(r"\ben la pagina\b|\bon the page\b"), "page"),
)
_NOTICE = re.compile(
    r"\b(?:avisa|dile|diles|manda(?:le)?|tell|notify|send)\b.{0,30}?\b(?:pedido|orden|order)\s+#?([A-Z0-9]{4,15})\b"
    r"[^:]{0,30}?(?:\bque\b|\bthat\b|:)\s*(.+)",
    re.IGNORECASE | re.DOTALL,
)


def being_told(text: str, compared: str, before: str) -> Intent | None:
    """What to be told of, and when not; or a word to one order's people."""
    if match := _NOTICE.search(text):
        return Intent(NOTICE, {"code": match[1], "message": match[2].strip(" .\"'«»“”")[:200]})
    if _WHICH_NOTICES.search(compared):
        return Intent(NOTIFIED)
    if (_NO_NOISE.search(compared) or _NOT_TELL.search(compared) or asked(before, ASKS_HOURS)) and (
        hours := _hours(compared)
    ):
        return Intent(NOTIFY, {"quiet_from": hours[0], "quiet_to": hours[1]})
    if _AT_NIGHT.search(compared) and (_NO_NOISE.search(compared) or _NOT_TELL.search(compared)):
        return Intent(say="quiet_hours")
    off = _NOT_TELL.search(compared)
    if not off and not _TELL.search(compared):
        return None
    events = [name for pattern, name in _EVENTS if pattern.search(compared)]
    channels = [name for pattern, name in _CHANNELS if pattern.search(compared)]
    if not events and not channels:
        return Intent(say="what_notice")
    wanted: dict[str, Any] = {("remove" if off else "add"): events} if events else {}
    if channels and not off:
        wanted["channels"] = channels
    return Intent(NOTIFY, wanted) if wanted else Intent(say="what_notice")


def _hours(compared: str) -> tuple[str, str] | None:
    match = _QUIET.search(compared)
    if match is None:
        return None
    first = _clock(match[1], match[2], match[3], match[4], late=True)
    second = _clock(match[5], match[6], match[7], match[8], late=False)
    return (first, second) if first and second else None


def _clock(hour: str, minute: str | None, half: str | None, part: str | None, *, late: bool) -> str | None:
    """An hour as said: from ten to seven, at night, is 22:00 to 07:00."""
    number = int(hour) if hour.isdecimal() else AMOUNTS[hour]
    half = half.replace(".", "") if half else None
    afternoon = half == "pm" or part in ("noche", "tarde") or (late and not half and not part and 7 <= number < 12)
    if number == 12 and (half == "am" or part in ("noche", "madrugada")):
        number = 0
    elif afternoon and number < 12:
        number += 12
    return f"{number:02}:{minute or '00'}" if number < 24 else None

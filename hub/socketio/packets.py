"""Packets of Engine.IO 4 and Socket.IO 5, as python-engineio and python-socketio encode and decode them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from engineio import packet as engineio_packet
from socketio import packet as socketio_packet

# Engine.IO's packet types, as they open a packet.
OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = (
    str(kind)
    for kind in (
        engineio_packet.OPEN,
        engineio_packet.CLOSE,
        engineio_packet.PING,
        engineio_packet.PONG,
        engineio_packet.MESSAGE,
        engineio_packet.UPGRADE,
        engineio_packet.NOOP,
    )
)
BASE64 = "b"  # opens a binary message in a poll
SEPARATOR = "\x1e"  # between the packets of a poll

# Socket.IO's packet types.
CONNECT: int = socketio_packet.CONNECT
DISCONNECT: int = socketio_packet.DISCONNECT
EVENT: int = socketio_packet.EVENT
ACK: int = socketio_packet.ACK
CONNECT_ERROR: int = socketio_packet.CONNECT_ERROR

NAMESPACE = "/"
# A packet's type, attachments, namespace and acknowledgement id, up to its JSON. The library accepts digits of every
# script, this pattern only 0 to 9.
_HEADER = re.compile(r"[0-6](?:[0-9]{1,10}-)?(?:/[^,]*(?:,|\Z))?[0-9]{0,100}(?=[\[{\"]|\Z)")
_BINARY = (str(socketio_packet.BINARY_EVENT), str(socketio_packet.BINARY_ACK))

encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Packet:
    """A Socket.IO packet without attachments.

    Attributes:
        kind: Its type: `CONNECT`, `EVENT`, …
        namespace: `/` if the packet names none.
        ack_id: The id that its acknowledgement carries; None if it asks for none.
        data: Its payload, decoded from JSON; None if it has none.
    """

    kind: int
    namespace: str
    ack_id: int | None
    data: Any


class MalformedPacket(ValueError):
    """The text is not a packet of Socket.IO."""


class BinaryPacket(ValueError):
    """The packet announces binary attachments."""


def decode(text: str) -> Packet:
    """Decode the Socket.IO packet in an Engine.IO message.

    Raises:
        BinaryPacket: It announces attachments.
        MalformedPacket: It is not a packet.
    """
    if text.startswith(_BINARY):
        raise BinaryPacket
    if not _HEADER.match(text):
        raise MalformedPacket
    try:
        packet = socketio_packet.Packet(encoded_packet=text)
    except (ValueError, IndexError, RecursionError) as exc:
        raise MalformedPacket from exc
    if packet.attachment_count:
        raise MalformedPacket
    return Packet(packet.packet_type, packet.namespace or NAMESPACE, packet.id, packet.data)


def connect(sid: str, pid: str) -> str:
    """Return the packets that accept a client: Engine.IO's message with Socket.IO's CONNECT."""
    return f"{MESSAGE}{CONNECT}{encode_json({'sid': sid, 'pid': pid})}"


def connect_error(payload: dict[str, Any], namespace: str = NAMESPACE) -> str:
    """Return the message that refuses a client's CONNECT."""
    prefix = "" if namespace == NAMESPACE else f"{namespace},"
    return f"{MESSAGE}{CONNECT_ERROR}{prefix}{encode_json(payload)}"


def disconnect() -> str:
    """Return the message that tells a client to leave the namespace."""
    return f"{MESSAGE}{DISCONNECT}"


def event(name: str, *args: Any) -> str:
    """Return the message of an event with its arguments."""
    return f"{MESSAGE}{EVENT}{encode_json([name, *args])}"


def ack(ack_id: int, json_text: str) -> str:
    """Return the message that acknowledges an event, with one argument that is JSON already."""
    return f"{MESSAGE}{ACK}{ack_id}[{json_text}]"

"""The names of everything Comanda keeps in Redis: no other module spells a key."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.eventlog.types import DocKey

PREFIX = "comanda"
HOLDER = "holder:"  # what the fields of `holds` begin with that say which places a holder has
METAS = f"{PREFIX}:{{*}}:meta"  # the pattern of every branch's `meta`


def branch_of(meta: str) -> str:
    """The branch whose `meta` key this is."""
    return meta.removeprefix(f"{PREFIX}:{{").removesuffix("}:meta")


class Keys:
    """One branch's keys. All carry its hash tag, so that one script may touch them all, also in a cluster.

    Attributes:
        meta: A hash: `epoch`, and `offset`, the counter.
        stock: A hash: SKU to how many are left; a SKU that is not in it is not limited.
        turns: The stream of work for agent workers; each entry's field `p` is one payload.
        turns_channel: Where workers are told of what cannot wait: stop this turn.
        attendant: The agent worker that was heard of last; what is left of the key's life says when.
        holds: A hash: how many places of each counter are taken, and by which holder (see `Hold`).
        staff: A hash: account name to account.
        service_tokens: A sorted set: what is listed of programs' tokens, by the Unix time of each one's end.
        channels: What the rooms' channels begin with.
    """

    def __init__(self, branch: str) -> None:
        self.prefix = f"{PREFIX}:{{{branch}}}:"
        self.meta = f"{self.prefix}meta"
        self.stock = f"{self.prefix}stock"
        self.turns = f"{self.prefix}turns"
        self.turns_channel = f"{self.prefix}channel/turns"
        self.attendant = f"{self.prefix}attendant"
        self.holds = f"{self.prefix}holds"
        self.staff = f"{self.prefix}staff"
        self.service_tokens = f"{self.prefix}tokens:service"
        self.channels = f"{self.prefix}channel:"

    def room(self, room: str) -> str:
        """The room's stream: id `<offset>-0`, fields `p` (prev), `t` (type), `b` (body)."""
        return f"{self.prefix}room:{room}"

    def head(self, room: str) -> str:
        """The offset of the room's last event."""
        return f"{self.prefix}head:{room}"

    def channel(self, room: str) -> str:
        """The room's pub/sub channel; a message is `<epoch> <offset> <prev> <type> <rest>\\n<body>`.

        `rest` of a durable event: the other rooms that get it after this one, in that order, with commas between.
        Of a volatile one (its offset is 0): what it is about. `-`: nothing to say.
        """
        return f"{self.channels}{room}"

    def room_of(self, channel: str) -> str:
        """The room whose channel this is."""
        return channel.removeprefix(self.channels)

    def doc(self, kind: str, id: str) -> str:
        """A document, a hash: `v` (version), `b` (body)."""
        return f"{self.prefix}doc:{kind}:{id}"

    def document(self, key: DocKey) -> str:
        return self.doc(key.kind, key.id)

    def documents(self, kind: str) -> str:
        """What the keys of all documents of a kind begin with."""
        return f"{self.prefix}doc:{kind}:"

    def index(self, name: str) -> str:
        """A sorted set: members by the offset at which they came in."""
        return f"{self.prefix}index:{name}"

    def command(self, scoped_id: str) -> str:
        """What became of a command: fingerprint, epoch, head, offsets, result; a line each."""
        return f"{self.prefix}command:{scoped_id}"

    def warning(self, subject: str) -> str:
        """A text: a hub's warning for the operator. The key expires about when the warning is no longer true."""
        return f"{self.prefix}warning:{subject}"

    def quota(self, name: str) -> str:
        """A number: the amount counted under this name in the present window. The key expires with the window."""
        return f"{self.prefix}quota:{name}"

    def samples(self, name: str) -> str:
        """A list: the newest measurements of something, newest first."""
        return f"{self.prefix}samples:{name}"

    def counts(self, name: str) -> str:
        """A hash of tallies: a field each."""
        return f"{self.prefix}counts:{name}"

    def session(self, pid: str) -> str:
        """A stored session: JSON, with the connection that owns it as `owner`.

        The key holds a hash of the `pid`, which may be any text that a client sends.
        """
        return f"{self.prefix}session:{sha256(pid.encode(errors='surrogatepass')).hexdigest()}"

    def login_tries(self, *of: str) -> str:
        """A number: the Unix time in ms at which the counter of these tries is empty again. The key reveals no name."""
        return f"{self.prefix}login:tries:{sha256(chr(0).join(of).encode()).hexdigest()}"

    def login_devices(self, account: str) -> str:
        """A sorted set: hashes of the devices that logged in to an account, by the Unix time of the last login."""
        return f"{self.prefix}login:devices:{account}"

    def login_addresses(self, account: str) -> str:
        """A sorted set: digests of the addresses that logged in to an account, by the Unix time of the last login."""
        return f"{self.prefix}login:addresses:{account}"

    def revoked_token(self, token_id: str) -> str:
        """A key that exists if the token was revoked. It expires when the token would have."""
        return f"{self.prefix}tokens:revoked:{token_id}"

    def turn(self, turn_id: str) -> str:
        """What is known of a turn beside its events."""
        return f"{self.prefix}turn:{turn_id}"

"""The names of everything that is kept in Redis. No other module spells a key."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.store.types import DocKey

PREFIX = "comanda"
HOLDER = "holder:"  # the prefix of the fields of `holds` with one holder's slots
METAS = f"{PREFIX}:{{*}}:meta"  # the pattern of every branch's `meta`


def branch_of(meta: str) -> str:
    """Return the branch of a `meta` key."""
    return meta.removeprefix(f"{PREFIX}:{{").removesuffix("}:meta")


class Keys:
    """The keys of one branch. All have its hash tag, so that one script may use them all, also in a cluster.

    Attributes:
        meta: A hash: `epoch`, and `offset`, the counter.
        counters: A hash: the name of a counter to its count. Its key ends in `stock`, after the first use of counters.
        jobs: The stream of jobs for workers; each entry's field `p` is one payload.
        jobs_channel: The channel of requests to stop a job.
        worker_heartbeat: The name of the worker with the last heartbeat; the rest of the key's life says when that was.
        confirmed: A key that is written where WAIT has no other write to wait for.
        outbound: The stream of events for readers outside (see `OutboundStream`); each entry has the fields `p` (the
            id of the entry before it), `e` (the event's id, `<epoch>.<offset>`), `t` (type), `b` (body), and `r` (its
            rooms, comma-separated).
        outbound_deleted: A hash: the id of an entry that was deleted from it, to the id of the entry before.
        holds: A hash: how many places of each pool are taken, and by which holder (see `Hold`).
        staff: A hash: account name to account.
        service_tokens: A sorted set: entries of programs' tokens, by the Unix time at which each one ends.
        newest_positions: A sorted set: names, by the Unix time (ms) of the newest position of each; never a position.
        channels: The prefix of the rooms' channels.
    """

    def __init__(self, branch: str) -> None:
        self.prefix = f"{PREFIX}:{{{branch}}}:"
        self.meta = f"{self.prefix}meta"
        self.counters = f"{self.prefix}stock"
        self.jobs = f"{self.prefix}turns"
        self.jobs_channel = f"{self.prefix}channel/turns"
        self.worker_heartbeat = f"{self.prefix}attendant"
        self.confirmed = f"{self.prefix}confirmed"
        self.outbound = f"{self.prefix}outbound"
        self.outbound_deleted = f"{self.prefix}outbound:deleted"
        self.holds = f"{self.prefix}holds"
        self.staff = f"{self.prefix}staff"
        self.service_tokens = f"{self.prefix}tokens:service"
        self.newest_positions = f"{self.prefix}positions:newest"
        self.channels = f"{self.prefix}channel:"

    def room(self, room: str) -> str:
        """Return the key of a room's stream: id `<offset>-0`, fields `p` (prev), `t` (type), `b` (body)."""
        return f"{self.prefix}room:{room}"

    def head(self, room: str) -> str:
        """Return the key of the offset of a room's last event."""
        return f"{self.prefix}head:{room}"

    def channel(self, room: str) -> str:
        """Return a room's pub/sub channel; a message is `<epoch> <offset> <prev> <type> <rest>\\n<body>`.

        `rest` of a durable event: the rooms that get it after this one, in that order, comma-separated. Of a volatile
        event, which has the offset 0: its subject. `-`: none.
        """
        return f"{self.channels}{room}"

    def room_of(self, channel: str) -> str:
        """Return the room of a channel."""
        return channel.removeprefix(self.channels)

    def doc(self, kind: str, id: str) -> str:
        """Return the key of a document, a hash: `v` (version), `b` (body)."""
        return f"{self.prefix}doc:{kind}:{id}"

    def document(self, key: DocKey) -> str:
        """Return the key of a document; see `doc`."""
        return self.doc(key.kind, key.id)

    def documents(self, kind: str) -> str:
        """Return the prefix of the keys of all documents of a kind."""
        return f"{self.prefix}doc:{kind}:"

    def index(self, name: str) -> str:
        """Return the key of an index, a sorted set: members by score, usually the offset at which they came in."""
        return f"{self.prefix}index:{name}"

    def command(self, scoped_id: str) -> str:
        """Return the key of a command's outcome: fingerprint, epoch, head, offsets, result; a line each."""
        return f"{self.prefix}command:{scoped_id}"

    def warning(self, subject: str) -> str:
        """Return the key of a text: a hub's warning for the operator. It expires about when it is no longer true."""
        return f"{self.prefix}warning:{subject}"

    def quota(self, name: str) -> str:
        """Return the key of a number: the amount counted in the present window. It expires with the window."""
        return f"{self.prefix}quota:{name}"

    def samples(self, name: str) -> str:
        """Return the key of a list: the newest measurements of something, newest first."""
        return f"{self.prefix}samples:{name}"

    def counts(self, name: str) -> str:
        """Return the key of a hash of tallies: a field each."""
        return f"{self.prefix}counts:{name}"

    def session(self, pid: str) -> str:
        """Return the key of a stored session: JSON, with the connection that owns it as `owner`.

        The key holds a hash of the `pid`, which may be any text that a client sends.
        """
        return f"{self.prefix}session:{sha256(pid.encode(errors='surrogatepass')).hexdigest()}"

    def login_tries(self, *of: str) -> str:
        """Return the key of a number: the Unix time (ms) at which these tries are forgotten. It reveals no name."""
        return f"{self.prefix}login:tries:{sha256(chr(0).join(of).encode()).hexdigest()}"

    def login_devices(self, account: str) -> str:
        """Return the key of a sorted set: hashes of an account's devices, by the Unix time of their last login."""
        return f"{self.prefix}login:devices:{account}"

    def login_addresses(self, account: str) -> str:
        """Return the key of a sorted set: digests of an account's addresses, by the Unix time of their last login."""
        return f"{self.prefix}login:addresses:{account}"

    def revoked_token(self, token_id: str) -> str:
        """Return the key that exists if a token was revoked. It expires when the token would have."""
        return f"{self.prefix}tokens:revoked:{token_id}"

    def reader_lease(self, reader: str) -> str:
        """Return the key of a text: the process that reads the outbound stream under this name. It expires."""
        return f"{self.prefix}reader:{reader}:lease"

    def reader_cursor(self, reader: str) -> str:
        """Return the key of a text: the id of the last entry of the outbound stream that a reader has dealt with."""
        return f"{self.prefix}reader:{reader}:cursor"

    def inbox(self, name: str) -> str:
        """Return the key of a stream: payloads of a service, with the fields `b` (body) and `n` (bytes)."""
        return f"{self.prefix}inbox:{name}"

    def inbox_bytes(self, name: str) -> str:
        """Return the key of a number: the bytes of the payloads in an inbox."""
        return f"{self.prefix}inbox:{name}:bytes"

    def inbox_seen(self, name: str, id: str) -> str:
        """Return the key that exists if a message of a service has been dealt with. It reveals no id."""
        return f"{self.prefix}inbox:{name}:seen:{sha256(id.encode()).hexdigest()[:32]}"

    def stop_request(self, job_id: str) -> str:
        """Return the key of a text: the name of the person who stops a job."""
        return f"{self.prefix}turn:{job_id}"

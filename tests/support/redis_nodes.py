"""Several real Redis servers on loopback: a primary with replicas that Sentinels watch, and a cluster."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Self

from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError

from tests.support.processes import Process, free_port, listening, program

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path
    from types import TracebackType

SOON_S = 30.0
PRIMARY = "comanda"
_LOOK_S = 0.02
_RIG = "rig"
_DURABLE = ("--appendonly", "yes", "--appendfsync", "everysec", "--repl-diskless-sync-delay", "0")


async def until(ask: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until an answer is yes; a Redis that does not answer counts as no."""
    try:
        async with asyncio.timeout(SOON_S):
            while True:
                with suppress(RedisError, OSError):
                    if await ask():
                        return
                await asyncio.sleep(_LOOK_S)
    except TimeoutError as exc:
        raise TimeoutError(what) from exc


class RedisNode:
    """A server of its own, and a client for looking at it."""

    def __init__(self, folder: Path, name: str, *options: str, port: int, config: Path | None) -> None:
        self.port = port
        self.name = name
        self.folder = folder / name
        self.folder.mkdir()
        where = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder))
        self.process = Process(
            program("redis-server"), *((str(config),) if config else ()), *where, *options, name=name
        )
        self.redis = Redis(host="127.0.0.1", port=self.port, decode_responses=True, client_name=_RIG)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def ask(self, *command: str | int) -> Any:
        """Return the reply to a command."""
        return await self.redis.execute_command(*command)

    def start(self) -> None:
        self.process.start()
        self.process.wait_for(lambda: listening(self.port), SOON_S, "it listens")

    async def role(self) -> str:
        """Return `master` or `slave`."""
        return str((await self.ask("ROLE"))[0])

    async def until_left(self) -> None:
        """Wait until nobody is connected any more but this rig, Sentinels (which have names) and replicas."""

        async def ask() -> bool:
            clients = await self.redis.client_list()
            return not any(client["name"] == "" and "S" not in client["flags"] for client in clients)

        await until(ask, f"every hub has left {self.name}")


class Nodes:
    """Servers that end together."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nodes: list[RedisNode] = []
        self._stack = ExitStack()

    def add(self, name: str, *options: str, port: int = 0, config: Path | None = None) -> RedisNode:
        """Start a server."""
        node = RedisNode(self.folder, name, *options, port=port or free_port(), config=config)
        self._stack.enter_context(node.process)
        node.process.wait_for(lambda: listening(node.port), SOON_S, "it listens")
        self.nodes.append(node)
        return node

    async def begin(self) -> None:
        """Start the servers and introduce them to each other."""

    async def __aenter__(self) -> Self:
        try:
            await self.begin()
        except BaseException as exc:
            await self.__aexit__(type(exc), exc, exc.__traceback__)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node in self.nodes:
            await node.redis.aclose()
        self._stack.__exit__(kind, exc, trace)


class Sentinels(Nodes):
    """A primary, two replicas, and three Sentinels that agree by two.

    Attributes:
        down_after_ms: The silence after which a Sentinel takes a server for dead.
    """

    down_after_ms = 500

    async def begin(self) -> None:
        first = self.add("redis-0", *_SERVER)
        self.servers = [
            first,
            *(self.add(f"redis-{n}", *_SERVER, "--replicaof", "127.0.0.1", str(first.port)) for n in (1, 2)),
        ]
        await until(self._replicated, "both replicas are in step")
        self.sentinels = [self._sentinel(n) for n in range(3)]
        await until(self._agreed, "the Sentinels know each other and the replicas")

    @property
    def url(self) -> str:
        hosts = ",".join(sentinel.address for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{PRIMARY}"

    async def primary(self) -> RedisNode:
        """Return the server that takes writes."""
        found: list[RedisNode] = []

        async def ask() -> bool:
            found[:] = [node for node in self.servers if node.process.running and await _role(node) == "master"]
            return len(found) == 1

        await until(ask, "one server is the primary")
        return found[0]

    async def switched(self, former: RedisNode) -> RedisNode:
        """Wait until every Sentinel names another primary than this one, which takes writes; return it."""

        async def ask() -> bool:
            named = {
                int((await sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", PRIMARY))[1])
                for sentinel in self.sentinels
            }
            return len(named) == 1 and former.port not in named

        await until(ask, f"{former.name} is no longer the primary")
        (port,) = {int((await self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", PRIMARY))[1])}
        return next(node for node in self.servers if node.port == port)

    async def in_step(self) -> None:
        """Wait until there is one primary, and both other servers are its replicas and have all that it has."""

        async def ask() -> bool:
            roles = [await _role(node) for node in self.servers]
            if sorted(roles) != ["master", "slave", "slave"]:
                return False
            primary = self.servers[roles.index("master")]
            await primary.ask("SET", "in-step", 1)
            return int(await primary.ask("WAIT", 2, 100)) == 2

        await until(ask, "both replicas are in step")

    async def hand_over(self) -> RedisNode:
        """Have the primary hand over to a replica, which it then follows; the Sentinels are not told."""
        primary = await self.primary()
        new = next(node for node in self.servers if node is not primary)
        await primary.ask("FAILOVER", "TO", "127.0.0.1", new.port)

        async def ask() -> bool:
            return await _role(new) == "master" and await _role(primary) == "slave"

        await until(ask, f"{new.name} is the primary")
        return new

    async def failover(self) -> None:
        """Have the Sentinels promote a replica while the primary is alive, as an operator does."""
        await self.sentinels[0].ask("SENTINEL", "FAILOVER", PRIMARY)

    def _sentinel(self, n: int) -> RedisNode:
        port = free_port()
        config = self.folder / f"sentinel-{n}.conf"
        config.write_text(
            f"port {port}\nbind 127.0.0.1\n"
            f"sentinel monitor {PRIMARY} 127.0.0.1 {self.servers[0].port} 2\n"
            f"sentinel down-after-milliseconds {PRIMARY} {self.down_after_ms}\n"
            f"sentinel failover-timeout {PRIMARY} 3000\n"
            f"sentinel parallel-syncs {PRIMARY} 2\n"
        )
        return self.add(f"sentinel-{n}", "--sentinel", port=port, config=config)

    async def _replicated(self) -> bool:
        return int(await self.servers[0].ask("WAIT", 2, 100)) == 2

    async def _agreed(self) -> bool:
        for sentinel in self.sentinels:
            flat = await sentinel.ask("SENTINEL", "MASTER", PRIMARY)
            about = flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))
            if (int(about["num-slaves"]), int(about["num-other-sentinels"])) != (2, 2):
                return False
        return True


class Cluster(Nodes):
    """A cluster of three nodes, each with a third of the slots."""

    async def begin(self) -> None:
        self.masters = [self._node(n) for n in range(3)]
        bounds = (0, 5_461, 10_923, 16_384)
        for node, first, end in zip(self.masters, bounds, bounds[1:], strict=False):
            await node.ask("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
        for epoch, node in enumerate(self.masters, 1):
            await node.ask("CLUSTER", "SET-CONFIG-EPOCH", epoch)
        for node in self.masters[1:]:
            await self.masters[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port)
        await until(self._whole, "every node knows the others and all slots")

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(node.address for node in self.masters)

    async def add_replica(self, of: RedisNode) -> RedisNode:
        """Start another node, a replica of this one."""
        node = self._node(len(self.nodes))
        await of.ask("CLUSTER", "MEET", "127.0.0.1", node.port)
        own = await of.ask("CLUSTER", "MYID")

        async def knows() -> bool:
            return own in await node.ask(
                "CLUSTER",
                "NODES",
            )

        await until(knows, "it knows its primary")
        await node.ask("CLUSTER", "REPLICATE", own)

        async def linked() -> bool:
            return int(await of.ask("WAIT", 1, 100)) == 1

        await until(linked, "the replica is in step")
        return node

    async def owner(self, branch: str) -> RedisNode:
        """Return the node that owns a branch's slot, as it says itself."""
        for node in self.nodes:
            if node.process.running and await _serves(node, slot_of(branch)):
                return node
        raise LookupError(branch)

    async def owned_by(self, node: RedisNode, branch: str) -> None:
        """Wait until a node owns a branch's slot."""

        async def ask() -> bool:
            return await _serves(node, slot_of(branch))

        await until(ask, f"{node.name} owns the slot")

    async def move(self, branch: str, to: RedisNode, *, keys_a_call: int = 100) -> int:
        """Move a branch's slot to another node, as `redis-cli --cluster reshard` does; return the number of keys."""
        slot, source = slot_of(branch), await self.owner(branch)
        source_id, target_id = await source.ask("CLUSTER", "MYID"), await to.ask("CLUSTER", "MYID")
        await to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        await source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
        moved = 0
        while keys := await source.ask("CLUSTER", "GETKEYSINSLOT", slot, keys_a_call):
            await source.ask("MIGRATE", "127.0.0.1", to.port, "", 0, 5_000, "KEYS", *keys)
            moved += len(keys)
        await to.ask("CLUSTER", "SETSLOT", slot, "NODE", target_id)
        await source.ask("CLUSTER", "SETSLOT", slot, "NODE", target_id)
        return moved

    def _node(self, n: int) -> RedisNode:
        return self.add(f"node-{n}", *_SERVER, *_CLUSTER, port=_bus_port())

    async def _whole(self) -> bool:
        for node in self.masters:
            info = await node.ask("CLUSTER", "INFO")
            text = info if isinstance(info, str) else "\n".join(f"{key}:{value}" for key, value in info.items())
            if "cluster_state:ok" not in text or "cluster_known_nodes:3" not in text:
                return False
        return True


_SERVER = ("--save", "", *_DURABLE)
_CLUSTER = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-replica-validity-factor", "0")


def slot_of(branch: str) -> int:
    return key_slot(f"{{{branch}}}".encode())


async def _role(node: RedisNode) -> str:
    try:
        return await node.role()
    except (RedisError, OSError):
        return ""


async def _serves(node: RedisNode, slot: int) -> bool:
    nodes: Any = await node.ask("CLUSTER", "SLOTS")
    own = node.port
    flat = nodes.items() if isinstance(nodes, dict) else [((each[0], each[1]), each[2]) for each in nodes]
    for (first, last), about in flat:
        port = about["primary"][1] if isinstance(about, dict) else about[1]
        if int(first) <= slot <= int(last) and int(port) == own:
            return True
    return False


def _bus_port() -> int:
    """Return a port that is free, and so is the one 10,000 above it, on which nodes talk to each other."""
    while True:
        bus = free_port()  # connections are given none of these by chance
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", bus - 10_000))
            return bus - 10_000

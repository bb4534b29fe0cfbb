"""Who is compared, in the order of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.contenders.comanda import Comanda
from bench.contenders.contender import Contender
from bench.contenders.limit import Limit
from bench.contenders.nchan import Nchan
from bench.contenders.node import RedisAdapter, StreamsAdapter
from bench.contenders.stock import Stock

CONTENDERS: Mapping[str, Callable[[], Contender]] = {
    "comanda": Comanda,
    "limit": Limit,
    "node": RedisAdapter,
    "streams": StreamsAdapter,
    "stock": Stock,
    "nchan": Nchan,
}

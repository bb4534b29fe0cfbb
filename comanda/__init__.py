"""A client of a Comanda hub: rooms that are read without a gap, commands that are carried out once.

```python
import comanda

async with comanda.connect("http://127.0.0.1:8080", token=token) as hub:
    placed = await hub.command("order.place", order)
    async with hub.room(f"order:{placed['order']['id']}") as room:
        print(room.snapshot["order"]["status"])
        async for event in room:
            print(event["type"])
```

It needs aiohttp and nothing of the hub's own code. docs/protocol.md is the contract that it follows.
"""

from comanda.client import Comanda, connect
from comanda.errors import ComandaError, Refused, Unreachable
from comanda.room import Room
from comanda.shapes import Event, Line, Order, Status

__all__ = ["Comanda", "ComandaError", "Event", "Line", "Order", "Refused", "Room", "Status", "Unreachable", "connect"]

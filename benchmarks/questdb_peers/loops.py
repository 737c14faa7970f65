"""What a worker does in an event loop: it sends, while a heart beats.

A worker imports this in the client's own environment: standard library only, and the
client itself when it is needed.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from benchmarks.questdb_peers.clients import SYMBOLS
from benchmarks.questdb_peers.material import TABLE

if TYPE_CHECKING:
    from benchmarks.questdb_peers.clients import Client

__all__ = ["sent"]

BEAT = 0.001  # seconds
BEFORE = 0.2  # seconds in which there is nothing to do


async def sent(client: Client, way: str, conf: str, rows: Any) -> dict[str, float]:  # noqa: ANN401 - rows, or a frame of any package
    """Send rows one by one, or a frame, and tell by how much a beat was late at most.

    In seconds: in the calm before, and until all is acknowledged.
    """
    late: list[float] = []
    heart = asyncio.create_task(_beat(late))
    await asyncio.sleep(BEFORE)
    calm, known = max(late), len(late)
    start = time.perf_counter()
    async with client.async_sender(conf) as sender:
        if way == "row":
            await _by_row(client, sender, rows)
        else:
            await sender.dataframe(rows, table=TABLE, symbols=SYMBOLS, at="ts")
    took = time.perf_counter() - start
    await asyncio.sleep(2 * BEAT)  # for the beat that is under way
    heart.cancel()
    return {"longest": max(late[known:]), "calm": calm, "seconds": took}


async def _by_row(client: Client, sender: Any, rows: Any) -> None:  # noqa: ANN401 - the client's
    nanos = client.nanos()
    for symbol, side, price, amount, number, at in rows:
        await sender.row(
            TABLE,
            symbols={"symbol": symbol, "side": side},
            columns={"price": price, "amount": amount, "id": number},
            at=nanos(at),
        )


async def _beat(late: list[float]) -> None:
    while True:
        due = time.perf_counter() + BEAT
        await asyncio.sleep(BEAT)
        late.append(time.perf_counter() - due)

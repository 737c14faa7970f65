"""The way of a batch out of an asyncio sender: to a server, or by way of a disk."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from moorline.net.threads import to_its_end
from moorline.questdb.async_forwarder import AsyncForwarder
from moorline.questdb.async_wires import AsyncWires
from moorline.questdb.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.core.flow import Flow
    from moorline.questdb.batch import Batch
    from moorline.questdb.sending import Sending

__all__ = ["AsyncPost"]

R = TypeVar("R")


class AsyncPost:
    """Takes batches, and the responsibility for them; see `moorline.questdb.post`.

    Args:
        sending: What the sender knows of its servers.
        failed: Is told why a batch on disk was not delivered.
    """

    def __init__(self, sending: Sending, failed: Callable[[Exception], None]) -> None:
        self._sending = sending
        self._wires = AsyncWires(sending)
        self._failed = failed
        self._spool: Spool | None = None
        self._forwarder: AsyncForwarder | None = None

    def __len__(self) -> int:
        """Return how many bytes are on disk."""
        return 0 if self._spool is None else self._spool.size

    async def open(self) -> None:
        """Read the lists of authorities; begin to deliver what is in ``spool_dir``.

        Raises:
            ConfigError: It cannot be used, or nobody is trusted.
        """
        if self._sending.contexts is not None:
            await asyncio.to_thread(self._sending.contexts.prepare)
        folder, sending = self._sending.settings.spool_dir, self._sending
        if folder and self._spool is None:
            self._spool = spool = await asyncio.to_thread(Spool, folder)
            self._forwarder = AsyncForwarder(
                spool,
                lambda: self._wires.run(sending.drain(spool)),
                sending.pause,
                self._failed,
            )

    async def run(self, flow: Flow[R]) -> R:
        """Run a flow that asks a server something."""
        return await self._wires.run(flow)

    async def carry(self, batch: Batch) -> bool:
        """Deliver a batch, or write it to disk.

        Returns:
            Whether the caller was cancelled when it could no longer be stopped.

        Raises:
            IngestError: It was not; it is the caller's.
            TlsError: The same.
        """
        if self._spool is None or self._forwarder is None:
            await self._wires.run(self._sending.deliver(batch))
            return False
        _, cancelled = await to_its_end(partial(self._spool.put, batch))
        self._forwarder.wake()
        return cancelled

    async def finish(self) -> None:
        """Deliver what is on disk, and close a connection of TCP in order.

        Raises:
            IngestError: Some of it was not; it stays there. Or TCP's server did not
                read all that it was sent.
            TlsError: The same.
        """
        if self._forwarder is not None:
            await self._forwarder.finish()
        await self._wires.run(self._sending.leave())

    async def close(self) -> None:
        """End what goes on in the background, and let the folder go."""
        if self._forwarder is not None:
            await self._forwarder.stop()
        if self._spool is not None:
            self._spool.close()
        self._wires.close()
        self._sending.forget()
        await asyncio.sleep(0)  # the loop closes sockets in its next turn

"""The way of a batch out of a blocking sender: to a server, or by way of a disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from moorline.questdb.wires import Wires

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.core.flow import Flow
    from moorline.questdb.batch import Batch
    from moorline.questdb.sending import Sending
    from moorline.questdb.spool import Spool

__all__ = ["Post"]

R = TypeVar("R")


class Post:
    """Takes batches, and the responsibility for them.

    Without ``spool_dir`` a batch is delivered when `carry` returns. With it, the batch
    is on disk, and a thread delivers it.

    Args:
        sending: What the sender knows of its servers.
        failed: Is told why a batch on disk was not delivered.
    """

    def __init__(self, sending: Sending, failed: Callable[[Exception], None]) -> None:
        self._sending = sending
        self._wires = Wires(sending)
        self._failed = failed
        self._spool: Spool | None = None

    def open(self) -> None:
        """Look at ``spool_dir``, and begin to deliver what is there.

        Raises:
            ConfigError: It cannot be used.
        """
        sending, wires = self._sending, self._wires
        if sending.settings.spool_dir and self._spool is None:
            # Few need them, and nobody else is to wait for them.
            from moorline.questdb.forwarder import Forwarder  # noqa: PLC0415
            from moorline.questdb.spool import Spool  # noqa: PLC0415

            self._spool = spool = Spool(sending.settings.spool_dir)
            self._forwarder = Forwarder(
                spool,
                lambda: wires.run(sending.drain(spool)),
                sending.pause,
                self._failed,
            )

    def __len__(self) -> int:
        """Return how many bytes are on disk."""
        return 0 if self._spool is None else self._spool.size

    def run(self, flow: Flow[R]) -> R:
        """Run a flow that asks a server something."""
        return self._wires.run(flow)

    def carry(self, batch: Batch) -> None:
        """Deliver a batch, or write it to disk.

        Raises:
            IngestError: It was not; it is the caller's.
            TlsError: The same.
        """
        if self._spool is None:
            self._wires.run(self._sending.deliver(batch))
        else:
            self._spool.put(batch)
            self._forwarder.wake()

    def finish(self) -> None:
        """Deliver what is on disk, and close a connection of TCP in order.

        Raises:
            IngestError: Some of it was not; it stays there. Or TCP's server did not
                read all that it was sent.
            TlsError: The same.
        """
        if self._spool is not None:
            self._forwarder.finish()
        self._wires.run(self._sending.leave())

    def close(self) -> None:
        """End what goes on in the background, and let the folder go."""
        if self._spool is not None:
            self._forwarder.stop()
            self._spool.close()
        self._wires.close()
        self._sending.forget()

    def dismiss(self) -> None:
        """End it when it is done, without waiting: the sender is gone."""
        if self._spool is not None:
            self._forwarder.dismiss()

    def leave(self) -> None:
        """Let everything be, in a forked child: it is the parent's."""
        if self._spool is not None:
            self._spool.close()  # or the folder would be held when the parent is gone
        self._wires.close()
        self._sending.forget()

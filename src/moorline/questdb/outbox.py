"""What a sender holds: rows that come together, and the batch that is on its way.

Decisions only: nothing here waits, knows the time, or sends. A row is in the buffer, or
in the batch that is under way, until that batch is acknowledged; one that fails goes
back to the front of the buffer.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

from moorline.questdb.batch import Batch

if TYPE_CHECKING:
    from moorline.questdb.buffer import Buffer
    from moorline.questdb.settings import AutoFlush
    from moorline.questdb.store import Store

__all__ = ["NEVER", "Outbox", "Watch"]

NEVER = 2**62  # more rows, and more bytes, than there will ever be


class Watch(NamedTuple):
    """At how many rows or bytes a sender is to look again."""

    rows: int
    bytes: int


class Outbox:
    """The rows of one sender that are not acknowledged.

    Args:
        auto_flush: When rows are sent without being told to.

    Attributes:
        buffer: Where rows come together; `None` before the first.
        under_way: What is being delivered; `None`: nothing.
        failure: Why rows could not be sent on their own; they are in the buffer.
        refusal: Why rows on disk were put aside.
        armed: Whether an alarm is set that looks after the rows of the buffer.
        closed: Whether the sender was closed, which tells of rows that are left.
    """

    def __init__(self, auto_flush: AutoFlush) -> None:
        self.auto_flush = auto_flush
        self.buffer: Buffer | None = None
        self.under_way: Batch | None = None
        self.failure: Exception | None = None
        self.refusal: Exception | None = None
        self.armed = False
        self.closed = False
        self._kept = Watch(0, 0)  # what came back: it alone is no reason to send
        self._store: Store | None = None

    def __len__(self) -> int:
        """Return how many bytes are not acknowledged."""
        batch, buffer = self.under_way, self.buffer
        here = 0 if buffer is None else len(buffer)
        return here if batch is None else here + len(batch.body)

    def is_due(self) -> bool:
        """Tell whether enough rows have come together to be sent."""
        if self.buffer is None:
            return False
        due = self._due()
        return self.buffer.row_count >= due.rows or len(self.buffer) >= due.bytes

    def watch(self) -> Watch:
        """Return when to look next: at the first row, if that sets the alarm."""
        alarm = self.auto_flush.seconds is not None and not self.armed
        return Watch(1, 1) if alarm or self.has_news() else self._due()

    def has_news(self) -> bool:
        """Tell whether something went wrong that nobody has been told."""
        return self.failure is not None or self.refusal is not None

    def seal(self) -> Batch | None:
        """Take all rows for a batch that is under way from now on; `None`: no rows."""
        assert self.under_way is None  # noqa: S101 - one after the other
        self._kept = Watch(0, 0)
        if self.buffer is None or not self.buffer.row_count:
            return None
        self._store, rows = self.buffer.take()
        self.under_way = Batch(self._store, rows)
        return self.under_way

    def delivered(self) -> None:
        """Forget the batch: it was acknowledged."""
        assert self.buffer is not None  # noqa: S101 - the batch came from it
        assert self._store is not None  # noqa: S101 - as well
        self.buffer.recycle(self._store)
        self.under_way = self._store = None

    def kept(self) -> None:
        """Put the batch back: it was not acknowledged."""
        batch, buffer = self.under_way, self.buffer
        assert batch is not None  # noqa: S101 - whoever failed had one
        assert buffer is not None  # noqa: S101 - it came from there
        assert self._store is not None  # noqa: S101 - as well
        buffer.restore(self._store, batch.rows)
        self._kept = Watch(buffer.row_count, len(buffer))
        self.under_way = self._store = None

    def keep(self, store: Store, rows: int) -> None:
        """Put rows into the buffer that were not acknowledged, and were never in it."""
        assert self.buffer is not None  # noqa: S101 - it lent the memory
        self.buffer.restore(store, rows)
        self._kept = Watch(self.buffer.row_count, len(self.buffer))

    def tell(self) -> Exception | None:
        """Return what nobody has been told yet, once."""
        if self.refusal is not None:
            refusal, self.refusal = self.refusal, None
            return refusal
        failure, self.failure = self.failure, None
        return failure

    def warn_of_loss(self, sender: object) -> None:
        """Warn of rows whose sender is being dropped."""
        if len(self) and not self.closed:
            warnings.warn(
                f"{len(self)} bytes of rows were not sent when their sender was "
                "dropped: close it, or use it in `with`",
                ResourceWarning,
                source=sender,
                stacklevel=3,
            )

    def _due(self) -> Watch:
        rows, _, size = self.auto_flush
        return Watch(
            NEVER if rows is None else self._kept.rows + rows,
            NEVER if size is None else self._kept.bytes + size,
        )

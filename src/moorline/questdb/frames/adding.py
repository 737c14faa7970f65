"""Adding a frame to a sender: what is sent at once, and what lies in the buffer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from moorline.core.flow import Step
from moorline.core.steps import Act
from moorline.errors import IngestError, RowError, TlsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moorline.core.flow import Flow
    from moorline.errors import MoorlineError
    from moorline.questdb.batch import Batch
    from moorline.questdb.buffer import Buffer
    from moorline.questdb.frames.chunk import Chunk
    from moorline.questdb.frames.slices import Slice
    from moorline.questdb.sending import Sending
    from moorline.questdb.store import Store

__all__ = ["Deliver", "Keep", "Look", "add"]


@dataclass(frozen=True, slots=True)
class Deliver(Step[None]):
    """Send what is in the buffer, and then a batch; both are acknowledged then."""

    batch: Batch


@dataclass(frozen=True, slots=True)
class Keep(Step[None]):
    """Put rows into the buffer that were not delivered."""

    store: Store
    rows: int


@dataclass(frozen=True, slots=True)
class Look(Step[None]):
    """Have the rows of the buffer sent if they are enough, or set the alarm."""


def add(
    read: Callable[[], Iterator[Chunk]], buffer: Buffer, sending: Sending
) -> Flow[None]:
    """Add the rows of a frame.

    Args:
        read: Begins to read it, and may take its time, as its chunks may.
        buffer: Where rows lie that are not sent yet.
        sending: Says when they are, and how.

    Raises:
        RowError: It is no frame, or a row of it cannot be written, or there is no room
            for it. A note says how many rows in front of it were added.
        IngestError: Rows could not be sent. All of the frame was added, and what is not
            acknowledged is in the buffer.
        TlsError: The server could not be verified; the same.
    """
    chunks = yield from Act(read)
    if not sending.is_automatic:
        store, rows = yield from Act(partial(buffer.write, chunks))
        buffer.adopt(store, rows)
        buffer.recycle(store)
        yield from Look()
        return
    parts = sending.slices(chunks, buffer)
    failure: MoorlineError | None = None
    added = 0
    try:
        while (part := (yield from Act(partial(next, parts, None)))) is not None:
            try:
                yield from _add(part, buffer, sending, failed=failure is not None)
            except (IngestError, TlsError) as error:
                failure = error
            added += part.rows
    except RowError as error:
        error.add_note(f"{added} rows of the frame were added")
        if failure is not None:
            error.add_note(f"Rows before it could not be sent: {failure}")
        raise
    if failure is not None:
        raise failure


def _add(part: Slice, buffer: Buffer, sending: Sending, *, failed: bool) -> Flow[None]:
    """Add rows: those of the slice, and others that follow if it is sent meanwhile."""
    if failed or not part.goes_on or not sending.is_streaming:
        buffer.adopt(part.body, part.rows)
        buffer.recycle(part.body)
        if not failed:
            yield from Look()
        return
    try:
        yield from Deliver(part)
    except (IngestError, TlsError):
        yield from Keep(part.body, part.rows)
        raise
    buffer.recycle(part.body)

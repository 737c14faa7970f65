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
    parts = sending.slices((yield from Act(read)), buffer)
    if sending.is_automatic:
        yield from _add_in_parts(parts, buffer, sending)
    else:
        yield from _add_whole(parts, buffer)


def _add_whole(parts: Iterator[Slice], buffer: Buffer) -> Flow[None]:
    """Add all rows or none."""
    aside = buffer.beside()
    while (part := (yield from _next(parts))) is not None:
        yield from Act(partial(aside.adopt, part.body, part.rows))
        buffer.recycle(part.body)
    buffer.adopt(*aside.take())
    yield from Look()


def _add_in_parts(
    parts: Iterator[Slice], buffer: Buffer, sending: Sending
) -> Flow[None]:
    """Add rows that are sent when they are enough; all of them, if that fails."""
    failure: MoorlineError | None = None
    added = 0
    try:
        while True:
            streaming = failure is None and sending.is_streaming
            part = yield from _next(parts, streaming=streaming)
            if part is None:
                break
            try:
                if streaming and part.goes_on:
                    yield from _stream(part, buffer)
                else:
                    buffer.adopt(part.body, part.rows)
                    buffer.recycle(part.body)
                    if failure is None:
                        yield from Look()
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


def _next(parts: Iterator[Slice], *, streaming: bool = False) -> Flow[Slice | None]:
    """Return a slice that has enough rows, or will have them; `None`: there is none."""
    part: Slice | None = yield from Act(partial(next, parts, None))
    while part is not None and part.is_short and not (streaming and part.will_do):
        yield from Act(part.write)  # one after the other, for the sake of a loop
    return part


def _stream(part: Slice, buffer: Buffer) -> Flow[None]:
    """Send rows while others are written."""
    try:
        yield from Deliver(part)
    except (IngestError, TlsError):
        yield from Keep(part.body, part.rows)
        raise
    buffer.recycle(part.body)

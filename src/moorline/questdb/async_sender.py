"""A sender of rows, for asyncio.

It does what `moorline.questdb.sender` does, with ``await``.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from moorline.errors import ConfigError, MoorlineError
from moorline.questdb.async_courier import AsyncCourier
from moorline.questdb.async_post import AsyncPost
from moorline.questdb.outbox import Outbox
from moorline.questdb.sending import Sending
from moorline.questdb.settings import settings_from_conf, settings_from_env
from moorline.questdb.transaction import AsyncTransaction
from moorline.shell import aio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from moorline.core.flow import Step
    from moorline.core.options import Value
    from moorline.questdb.batch import Batch
    from moorline.questdb.buffer import Buffer
    from moorline.questdb.fluent import At, Row
    from moorline.questdb.frames.layout import ColumnRef, Symbols
    from moorline.questdb.schema import ColumnKind
    from moorline.questdb.settings import Settings

__all__ = ["AsyncSender"]

PACE = 1000  # rows that are written at once: a fraction of a millisecond, or a few
TURN = 1e-5  # seconds; 0 would not let another thread have its turn
T = TypeVar("T")


class AsyncSender:
    """Rows for QuestDB, buffered and sent; tasks of one loop may share it.

    Rows are sent by `flush`, and on their own when enough have come together or have
    lain for long enough (``auto_flush_*``), while more are taken. What could not be
    delivered is kept, and the next row, flush or close says so. When two batches have
    come together before the first has arrived, `row` waits.

    Args:
        settings: What the options decide; see `from_conf`.

    Raises:
        ConfigError: A file of TLS is missing or wrong.
    """

    def __init__(self, settings: Settings) -> None:
        self._sending = Sending(settings, at_once=False)
        self._outbox = Outbox(settings.auto_flush)
        self._post = AsyncPost(self._sending, self._failed)
        self._courier = AsyncCourier(self._outbox, self._post.carry, self._watch)
        self._opening = asyncio.Lock()
        self._in_turn = 0  # rows since others had theirs
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watch()

    @classmethod
    def from_conf(cls, conf: str, **options: Value) -> Self:
        """Make a sender from ``protocol::key=value;key=value;``; see `Sender`."""
        return cls(settings_from_conf(conf, **options))

    @classmethod
    def from_env(cls, **options: Value) -> Self:
        """Make a sender from the configuration string in ``QDB_CLIENT_CONF``."""
        return cls(settings_from_env(**options))

    @property
    def settings(self) -> Settings:
        """What the options decide."""
        return self._sending.settings

    @property
    def buffer(self) -> Buffer | None:
        """The rows that are neither acknowledged nor on their way.

        `None` before the first.
        """
        return self._outbox.buffer

    def __len__(self) -> int:
        """Return how many bytes are not acknowledged yet, those on disk included."""
        return len(self._outbox) + len(self._post)

    def __bool__(self) -> bool:
        return True  # with nothing to send it is a sender all the same

    async def row(
        self,
        table: str,
        *,
        symbols: Mapping[str, object] | None = None,
        columns: Mapping[str, object] | None = None,
        at: At,
    ) -> Self:
        """Add a row; see `Buffer.row`. It is sent when enough have come together.

        Raises:
            RowError: It cannot be written, or there is no room; it was not added.
            IngestError: Rows could not be sent on their own. It was added, and all of
                them are kept.
            TlsError: The server could not be verified; the same.
        """
        buffer = self._outbox.buffer
        if buffer is None:
            buffer = await self._open()
        buffer.row(table, symbols=symbols, columns=columns, at=at)
        await self._added(buffer)
        return self

    async def rows(
        self,
        table: str,
        rows: Iterable[Sequence[object]],
        schema: Mapping[str, ColumnKind],
    ) -> Self:
        """Add many rows, all of them or none; see `Buffer.rows` and `row`.

        They are taken and written in a thread, unless they are a few in a list.
        """
        buffer = self._outbox.buffer
        if buffer is None:
            buffer = await self._open()
        written = 1
        if isinstance(rows, list | tuple) and len(rows) <= PACE:
            buffer.rows(table, rows, schema)
            written = len(rows)
        else:
            aside = buffer.beside()
            await asyncio.to_thread(aside.rows, table, _paced(rows), schema)
            buffer.adopt(*aside.take())
        await self._added(buffer, written)
        return self

    def table(self, name: str) -> Row[Awaitable[None]]:
        """Begin a row; ``await`` its `Row.at` or `Row.at_now`, which ends it.

        Raises:
            ConfigError: The sender is not open, so nobody knows how rows are written.
            RowError: The name is not allowed.
        """
        return self._opened().begin(name, self._append)

    async def dataframe(
        self,
        obj: object,
        *,
        table: str | None = None,
        table_name_col: ColumnRef | None = None,
        symbols: Symbols = "auto",
        at: At | ColumnRef,
    ) -> Self:
        """Add the rows of a frame, which a thread writes; see `Sender.dataframe`."""
        buffer = self._outbox.buffer
        if buffer is None:
            buffer = await self._open()
        read = partial(
            buffer.chunks,
            obj,
            table=table,
            table_name_col=table_name_col,
            symbols=symbols,
            at=at,
        )
        adding = self._sending.add(read, buffer)
        await aio.run(adding, perform=self._perform)
        return self

    def transaction(self, table: str) -> AsyncTransaction:
        """Begin rows of one table that are stored all or not at all, over HTTP.

        ::

            async with sender.transaction("trades") as rows:
                rows.row(symbols={"side": "buy"}, columns={"price": 1.5}, at=None)

        Raises:
            ConfigError: The protocol is TCP, which has no transactions, or the sender
                is not open.
        """
        self._sending.check_transactions()
        return AsyncTransaction(self._opened(), table, self._commit)

    async def open(self) -> Self:
        """Ask a server which version of ILP it reads, unless the options say it.

        Raises:
            IngestError: No server answered.
            TlsError: A server could not be verified.
        """
        await self._open()
        return self

    async def flush(self) -> None:
        """Send what is in the buffer, and wait until it is acknowledged.

        With ``spool_dir``: write it to disk, from where it is delivered.

        Raises:
            IngestError: It was not; everything is in the buffer as before.
            TlsError: The server could not be verified; the same.
        """
        self._stay()
        if self._outbox.buffer is not None:
            self._outbox.buffer.check_finished()
        await self._courier.flush()
        self._courier.tell()

    async def close(self) -> None:
        """Send what is in the buffer and what is on disk, and close the connections.

        Raises:
            IngestError: Some of it was not acknowledged; it is where it was.
            TlsError: The same.
            RowError: A row of the buffer is not finished; all others were sent.
        """
        self._stay()
        try:
            await self._courier.flush()
            await self._post.finish()
            self._courier.tell()
            if self._outbox.buffer is not None:
                self._outbox.buffer.check_finished()
        finally:
            self._outbox.closed = True
            await self._courier.stop()
            await self._post.close()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self.close()
        except MoorlineError as failure:
            if error is None:
                raise
            error.add_note(f"the sender's rows were not delivered either: {failure}")

    def __del__(self) -> None:
        if hasattr(self, "_courier"):
            self._outbox.warn_of_loss(self)

    async def _append(self, row: bytearray) -> None:
        buffer = self._opened()
        buffer.append(row)
        await self._added(buffer)

    async def _added(self, buffer: Buffer, rows: int = 1) -> None:
        """Do what is due after rows that were written in this turn of the loop."""
        enough = self._enough
        if buffer.row_count >= enough.rows or len(buffer) >= enough.bytes:
            self._stay()
            await self._courier.reached()
        self._in_turn += rows
        if self._in_turn >= PACE:
            # Else whoever only adds rows would leave nobody else a turn.
            self._in_turn = 0
            await asyncio.sleep(0)

    async def _perform(self, step: Step[object]) -> None:
        """Perform a step of a frame that is added."""
        from moorline.questdb.frames.adding import Deliver, Keep  # noqa: PLC0415

        match step:
            case Deliver(batch):
                self._stay()
                await self._courier.flush()
                self._courier.tell()
                await self._post.run(self._sending.deliver(batch))
            case Keep(store, rows):
                self._courier.keep(store, rows)
            case _:
                await self._added(self._opened())

    def _watch(self) -> None:
        self._enough = self._outbox.watch()

    def _opened(self) -> Buffer:
        if self._outbox.buffer is None:
            raise ConfigError(
                "the sender is not open: use it in `async with`, or await open()"
            )
        return self._outbox.buffer

    def _stay(self) -> None:
        """Object to another loop, in which connections and alarms do nothing.

        Raises:
            ConfigError: It is another than before.
        """
        loop = asyncio.get_running_loop()
        if self._loop not in {None, loop}:
            raise ConfigError(
                "the sender was used in another loop of asyncio, where its connection "
                "is: make one for each asyncio.run(). Its rows are kept in its buffer"
            )
        self._loop = loop

    async def _open(self) -> Buffer:
        self._stay()
        async with self._opening:
            if self._outbox.buffer is None:
                await self._post.open()
                self._outbox.buffer = await self._post.run(self._sending.open())
            return self._outbox.buffer

    def _failed(self, error: Exception) -> None:
        if self._sending.tells(error):
            self._courier.refused(error)

    async def _commit(self, batch: Batch) -> None:
        await self.flush()
        await self._post.carry(batch)


def _paced(rows: Iterable[T]) -> Iterator[T]:
    """Yield rows, and let other threads work now and then, the loop's first of all."""
    for number, row in enumerate(rows, 1):
        yield row
        if not number % PACE:
            time.sleep(TURN)

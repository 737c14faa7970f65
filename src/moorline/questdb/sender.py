"""A sender of rows, for blocking callers.

A row that was accepted is in the buffer until a server has acknowledged it.

What delivers rows is imported with the first sender: a program that may never need one
starts without it.
"""

# ruff: noqa: PLC0415 - see above

from __future__ import annotations

import atexit
import logging
import os
import threading
from functools import partial
from typing import TYPE_CHECKING, Self
from weakref import WeakMethod, WeakSet

from moorline.errors import MoorlineError
from moorline.questdb.intake import Intake

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from moorline.core.flow import Step
    from moorline.core.options import Value
    from moorline.questdb.batch import Batch
    from moorline.questdb.buffer import Buffer
    from moorline.questdb.fluent import At
    from moorline.questdb.frames.layout import ColumnRef, Symbols
    from moorline.questdb.settings import Settings
    from moorline.questdb.transaction import Transaction

__all__ = ["Sender"]

logger = logging.getLogger(__name__)

_alive: WeakSet[Sender] = WeakSet()


class Sender(Intake):
    """Rows for QuestDB, buffered and sent.

    Rows are sent by `flush`, and on their own when enough have come together or have
    lain for long enough (``auto_flush_*``): a thread sends them while more are taken.
    What it could not deliver is kept, and the next row, flush or close says so. When
    two batches have come together before the first has arrived, `row` waits.

    Threads may share a sender: each call is whole in itself. A forked child begins
    with an empty buffer; the rows are its parent's.

    Args:
        settings: What the options decide; see `from_conf`.

    Raises:
        ConfigError: A file of TLS is missing or wrong.
    """

    def __init__(self, settings: Settings) -> None:
        from moorline.questdb.sending import Sending

        super().__init__()
        self._sending = Sending(settings)
        self._begin()
        self._post.open()
        _alive.add(self)

    def _begin(self) -> None:
        """Set up what a forked child must not share."""
        from moorline.questdb.courier import Courier
        from moorline.questdb.outbox import Outbox
        from moorline.questdb.post import Post

        self._buffer = None
        self._opening = threading.Lock()
        self._outbox = Outbox(self.settings.auto_flush)
        # Threads must not keep the sender alive: hence no methods of it.
        watch, failed = WeakMethod(self._watch), WeakMethod(self._failed)
        self._post = Post(self._sending, partial(_call, failed))
        carry = self._post.carry
        self._courier = Courier(self._outbox, carry, partial(_call, watch))
        self._watch()

    @classmethod
    def from_conf(cls, conf: str, **options: Value) -> Self:
        """Make a sender from ``protocol::key=value;key=value;``.

        Args:
            conf: The configuration string.
            options: Options by name, which count more than those in the string.

        Raises:
            ConfigError: An option is unknown, malformed, or contradicts another.
        """
        from moorline.questdb.settings import settings_from_conf

        return cls(settings_from_conf(conf, **options))

    @classmethod
    def from_env(cls, **options: Value) -> Self:
        """Make a sender from the configuration string in ``QDB_CLIENT_CONF``."""
        from moorline.questdb.settings import settings_from_env

        return cls(settings_from_env(**options))

    @property
    def settings(self) -> Settings:
        """What the options decide."""
        return self._sending.settings

    @property
    def buffer(self) -> Buffer:
        """The rows that are neither acknowledged nor on their way.

        The first look asks the server which version of ILP it reads, unless
        ``protocol_version`` says so.

        Raises:
            IngestError: No server answered.
            TlsError: A server could not be verified.
        """
        return self._open() if self._buffer is None else self._buffer

    def __len__(self) -> int:
        """Return how many bytes are not acknowledged yet, those on disk included."""
        return len(self._outbox) + len(self._post)

    def __bool__(self) -> bool:
        return True  # with nothing to send it is a sender all the same

    def dataframe(
        self,
        obj: object,
        *,
        table: str | None = None,
        table_name_col: ColumnRef | None = None,
        symbols: Symbols = "auto",
        at: At | ColumnRef,
    ) -> Self:
        """Add the rows of a frame; see `Buffer.dataframe`.

        If rows are sent on their own, so are those of a frame, as soon as they are
        enough, and over HTTP others are written into the same request meanwhile: until
        it has ``auto_flush_bytes``, or 3/10 of ``max_buf_size``. The last ones lie
        in the buffer if they are not enough. Of a frame with a row that cannot be
        written, some in front of it may be added, and the error says how many. With
        ``auto_flush=off`` all of them are added, or none.

        Raises:
            RowError: It is no frame, or a row of it cannot be written.
            BufferFull: There is no room for all of it.
            IngestError: Rows could not be sent on their own. All of the frame was
                added, and what is not acknowledged is kept.
            TlsError: The server could not be verified; the same.
            ConfigError: nanoarrow is needed to read it, and is not installed.
        """
        from moorline.shell import sync

        buffer = self.buffer
        read = partial(
            buffer.chunks,
            obj,
            table=table,
            table_name_col=table_name_col,
            symbols=symbols,
            at=at,
        )
        adding = self._sending.add(read, buffer)
        sync.run(adding, perform=self._perform)
        return self

    def transaction(self, table: str) -> Transaction:
        """Begin rows of one table that are stored all or not at all, over HTTP.

        ::

            with sender.transaction("trades") as rows:
                rows.row(symbols={"side": "buy"}, columns={"price": 1.5}, at=None)

        Leaving the block sends them, behind those of the sender; an error in it drops
        them. See `Transaction`.

        Raises:
            ConfigError: The protocol is TCP, which has no transactions.
        """
        from moorline.questdb.transaction import Transaction

        self._sending.check_transactions()
        return Transaction(self.buffer, table, self._commit)

    def flush(self) -> None:
        """Send what is in the buffer, and wait until it is acknowledged.

        With ``spool_dir``: write it to disk, from where it is delivered.

        Raises:
            IngestError: It was not; everything is in the buffer as before.
            TlsError: The server could not be verified; the same.
        """
        if self._buffer is not None:
            self._buffer.check_finished()
        self._courier.flush()
        self._courier.tell()

    def close(self) -> None:
        """Send what is in the buffer and what is on disk, and close the connections.

        Raises:
            IngestError: Some of it was not acknowledged; it is where it was.
            TlsError: The same.
            RowError: A row of the buffer is not finished; all others were sent.
        """
        try:
            self._courier.flush()
            self._post.finish()
            self._courier.tell()
            if self._buffer is not None:
                self._buffer.check_finished()
        finally:
            self._outbox.closed = True
            self._courier.stop()
            self._post.close()

    def begin_anew(self) -> None:
        """Go on without the rows and connections, which are another process's."""
        self._post.leave()
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except MoorlineError as failure:
            if error is None:
                raise
            error.add_note(f"the sender's rows were not delivered either: {failure}")

    def __del__(self) -> None:
        if hasattr(self, "_courier"):
            self._outbox.warn_of_loss(self)
            self._courier.abandon(self._post.leave)
            self._post.dismiss()

    def _open(self) -> Buffer:
        with self._opening:
            if self._buffer is None:
                self._post.open()
                self._outbox.buffer = self._post.run(self._sending.open())
                self._buffer = self._outbox.buffer
            return self._buffer

    def _perform(self, step: Step[object]) -> None:
        """Perform a step of a frame that is added."""
        from moorline.questdb.frames.adding import Deliver, Keep

        match step:
            case Deliver(batch):
                self._courier.flush()
                self._courier.tell()
                self._post.run(self._sending.deliver(batch))
            case Keep(store, rows):
                self._courier.keep(store, rows)
            case _:
                self._look(self.buffer)

    def _reached(self) -> None:
        self._courier.reached()

    def _watch(self) -> None:
        self._enough_rows, self._enough_bytes = self._outbox.watch()

    def _failed(self, error: Exception) -> None:
        if self._sending.tells(error):
            self._courier.refused(error)

    def _commit(self, batch: Batch) -> None:
        self.flush()
        self._post.carry(batch)


def _call(method: WeakMethod[Callable[..., None]], *arguments: object) -> None:
    """Call a method of a sender, if that is still there."""
    found = method()
    if found is not None:
        found(*arguments)


def _close_all() -> None:
    """Send what is left when the program ends."""
    for sender in list(_alive):
        if len(sender):
            try:
                sender.close()
            except MoorlineError as error:
                logger.error("at the end of the program: %s", error)  # noqa: TRY400


def _start_afresh() -> None:
    """Let a forked child have senders of its own, without rows."""
    for sender in list(_alive):
        sender.begin_anew()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)

"""A sender of rows over HTTP, for asyncio.

It does what `moorline.questdb.sender` does, with ``await``.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Self

from moorline.errors import ConfigError, MoorlineError
from moorline.net.aio import AsyncHttpConnection
from moorline.questdb.delivery import Exchange, deliver, negotiate
from moorline.questdb.sending import Sending
from moorline.questdb.settings import settings_from_conf, settings_from_env
from moorline.shell import aio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping, Sequence
    from types import TracebackType

    from moorline.core.flow import Step
    from moorline.core.options import Value
    from moorline.questdb.buffer import Buffer
    from moorline.questdb.fluent import At, Row
    from moorline.questdb.schema import ColumnKind
    from moorline.questdb.settings import Settings

__all__ = ["AsyncSender"]


class AsyncSender:
    """Rows for QuestDB, buffered and sent; tasks of one loop may share it.

    Args:
        settings: What the options decide; see `from_conf`.

    Raises:
        ConfigError: A file of TLS is missing or wrong.
    """

    def __init__(self, settings: Settings) -> None:
        sending = self._sending = Sending(settings)
        context = sending.contexts.get if sending.contexts else None
        self._connections = [
            AsyncHttpConnection(
                one.host, one.port, context, partial(sending.told, address=one)
            )
            for one in settings.addresses
        ]
        self._lock = asyncio.Lock()

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
        """The rows that no server has acknowledged yet; `None` before the first."""
        return self._sending.buffer

    def __len__(self) -> int:
        """Return how many bytes are not acknowledged yet."""
        return self._sending.size

    async def row(
        self,
        table: str,
        *,
        symbols: Mapping[str, object] | None = None,
        columns: Mapping[str, object] | None = None,
        at: At,
    ) -> Self:
        """Add a row; see `Buffer.row`. It is sent when enough have come together."""
        async with self._lock:
            buffer = await self._open()
            buffer.row(table, symbols=symbols, columns=columns, at=at)
            if self._sending.is_due():
                await self._flush()
        return self

    async def rows(
        self,
        table: str,
        rows: Iterable[Sequence[object]],
        schema: Mapping[str, ColumnKind],
    ) -> Self:
        """Add many rows; see `Buffer.rows`."""
        async with self._lock:
            buffer = await self._open()
            buffer.rows(table, rows, schema)
            if self._sending.is_due():
                await self._flush()
        return self

    def table(self, name: str) -> Row[Awaitable[None]]:
        """Begin a row; ``await`` its `Row.at` or `Row.at_now`, which ends it.

        Raises:
            ConfigError: The sender is not open, so nobody knows how rows are written.
            RowError: The name is not allowed.
        """
        if self._sending.buffer is None:
            raise ConfigError(
                "the sender is not open: use it in `async with`, or await open()"
            )
        return self._sending.buffer.begin(name, self.append)

    async def append(self, row: bytearray) -> None:
        """Add a row that is finished; see `Buffer.append`."""
        async with self._lock:
            (await self._open()).append(row)
            if self._sending.is_due():
                await self._flush()

    async def open(self) -> Self:
        """Ask a server which version of ILP it reads, unless the options say it.

        Raises:
            IngestError: No server answered.
            TlsError: A server could not be verified.
        """
        async with self._lock:
            await self._open()
        return self

    async def flush(self) -> None:
        """Send what is in the buffer, and wait until it is acknowledged.

        Raises:
            IngestError: It was not; everything is in the buffer as before.
            TlsError: The server could not be verified; the same.
        """
        async with self._lock:
            await self._flush()

    async def close(self) -> None:
        """Send what is in the buffer, and close the connections.

        Raises:
            IngestError: It was not acknowledged; it is still in the buffer.
            TlsError: The same.
        """
        try:
            await self.flush()
        finally:
            for connection in self._connections:
                connection.close()

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

    async def _open(self) -> Buffer:
        sending = self._sending
        if sending.buffer is not None:
            return sending.buffer
        agreed = None
        if sending.settings.protocol_version is None:
            flow = negotiate(sending.server)
            agreed = await aio.run(flow, perform=self._perform)
        return sending.open(agreed)

    async def _flush(self) -> None:
        batch = self._sending.batch()
        if batch is not None:
            flow = deliver(batch, self._sending.server)
            await aio.run(flow, perform=self._perform)
            (await self._open()).clear()

    async def _perform(self, step: Step[object]) -> object:
        if isinstance(step, Exchange):
            connection = self._connections[step.server]
            return await connection.exchange(step.request, step.timeout)
        raise TypeError(f"no runner performs {step!r}")

"""A sender of rows over HTTP, for blocking callers.

A row that was accepted is in the buffer until a server has acknowledged it.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Self

from moorline.errors import MoorlineError
from moorline.net.sync import HttpConnection
from moorline.questdb.delivery import Exchange, deliver, negotiate
from moorline.questdb.sending import Sending
from moorline.questdb.settings import settings_from_conf, settings_from_env
from moorline.shell import sync

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

    from moorline.core.address import Address
    from moorline.core.flow import Step
    from moorline.core.options import Value
    from moorline.questdb.buffer import Buffer
    from moorline.questdb.fluent import At, Row
    from moorline.questdb.schema import ColumnKind
    from moorline.questdb.settings import Settings

__all__ = ["Sender"]


class Sender:
    """Rows for QuestDB, buffered and sent.

    Threads may share a sender: each call is whole in itself.

    Args:
        settings: What the options decide; see `from_conf`.

    Raises:
        ConfigError: A file of TLS is missing or wrong.
    """

    def __init__(self, settings: Settings) -> None:
        self._sending = Sending(settings)
        secured = self._sending.contexts is not None
        self._connections = [
            HttpConnection(
                one.host, one.port, partial(self._secure, one) if secured else None
            )
            for one in settings.addresses
        ]
        self._lock = threading.RLock()

    @classmethod
    def from_conf(cls, conf: str, **options: Value) -> Self:
        """Make a sender from ``protocol::key=value;key=value;``.

        Args:
            conf: The configuration string.
            options: Options by name, which count more than those in the string.

        Raises:
            ConfigError: An option is unknown, malformed, or contradicts another.
        """
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
    def buffer(self) -> Buffer:
        """The rows that no server has acknowledged yet.

        The first look asks the server which version of ILP it reads, unless
        ``protocol_version`` says so.

        Raises:
            IngestError: No server answered.
            TlsError: A server could not be verified.
        """
        sending = self._sending
        with self._lock:
            if sending.buffer is not None:
                return sending.buffer
            agreed = None
            if sending.settings.protocol_version is None:
                flow = negotiate(sending.server)
                agreed = sync.run(flow, perform=self._perform)
            return sending.open(agreed)

    def __len__(self) -> int:
        """Return how many bytes are not acknowledged yet."""
        return self._sending.size

    def row(
        self,
        table: str,
        *,
        symbols: Mapping[str, object] | None = None,
        columns: Mapping[str, object] | None = None,
        at: At,
    ) -> Self:
        """Add a row; see `Buffer.row`. It is sent when enough have come together."""
        with self._lock:
            self.buffer.row(table, symbols=symbols, columns=columns, at=at)
            if self._sending.is_due():
                self.flush()
        return self

    def rows(
        self,
        table: str,
        rows: Iterable[Sequence[object]],
        schema: Mapping[str, ColumnKind],
    ) -> Self:
        """Add many rows; see `Buffer.rows`."""
        with self._lock:
            self.buffer.rows(table, rows, schema)
            if self._sending.is_due():
                self.flush()
        return self

    def table(self, name: str) -> Row[None]:
        """Begin a row; it is in the buffer when `Row.at` or `Row.at_now` ends it.

        Each thread may have its own.

        Raises:
            RowError: The name is not allowed.
        """
        return self.buffer.begin(name, self.append)

    def append(self, row: bytearray) -> None:
        """Add a row that is finished; see `Buffer.append`."""
        with self._lock:
            self.buffer.append(row)
            if self._sending.is_due():
                self.flush()

    def flush(self) -> None:
        """Send what is in the buffer, and wait until it is acknowledged.

        Raises:
            IngestError: It was not; everything is in the buffer as before.
            TlsError: The server could not be verified; the same.
        """
        with self._lock:
            batch = self._sending.batch()
            if batch is not None:
                flow = deliver(batch, self._sending.server)
                sync.run(flow, perform=self._perform)
                self.buffer.clear()

    def close(self) -> None:
        """Send what is in the buffer, and close the connections.

        Raises:
            IngestError: It was not acknowledged; it is still in the buffer.
            TlsError: The same.
        """
        try:
            self.flush()
        finally:
            for connection in self._connections:
                connection.close()

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

    def _perform(self, step: Step[object]) -> object:
        if isinstance(step, Exchange):
            return self._connections[step.server].exchange(step.request, step.timeout)
        raise TypeError(f"no runner performs {step!r}")

    def _secure(self, address: Address, plain: socket.socket) -> socket.socket:
        contexts = self._sending.contexts
        assert contexts is not None  # noqa: S101 - without TLS nobody comes here
        try:
            return contexts.get().wrap_socket(plain, server_hostname=address.host)
        except OSError as error:
            raise self._sending.told(error, address) from error

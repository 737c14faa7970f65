"""A sender of rows over HTTP, for blocking callers.

A row that was accepted is in the buffer until a server has acknowledged it.
"""

from __future__ import annotations

import random
import threading
from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from moorline import __version__
from moorline.core.backoff import Backoff
from moorline.errors import ConfigError, MoorlineError
from moorline.net.http import ExchangeError, Stage
from moorline.net.sync import HttpConnection
from moorline.questdb.auth import Basic, Bearer
from moorline.questdb.buffer import Buffer
from moorline.questdb.delivery import (
    Batch,
    Exchange,
    Patience,
    Server,
    deliver,
    negotiate,
)
from moorline.questdb.lines import row_text
from moorline.questdb.settings import settings_from_conf, settings_from_env
from moorline.questdb.tls import Contexts
from moorline.questdb.tls_errors import translate
from moorline.shell import sync

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from moorline.core.flow import Step
    from moorline.core.options import Value
    from moorline.questdb.buffer import At
    from moorline.questdb.schema import ColumnKind
    from moorline.questdb.settings import Settings

__all__ = ["Sender"]

FIRST_BACKOFF = 0.01  # seconds, doubled after each failure
ALPN = "http/1.1"
AGENT = f"moorline/{__version__}"


class Sender:
    """Rows for QuestDB, buffered and sent.

    Threads may share a sender: `row` and `rows` are whole in themselves.

    Args:
        settings: What the options decide; see `from_conf`.

    Raises:
        ConfigError: A file of TLS is missing or wrong.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.protocol not in {"http", "https"}:
            raise ConfigError(
                f"{settings.protocol}:: is not built yet: use http or https"
            )
        self.settings = settings
        self._contexts = (
            None if settings.tls is None else Contexts(settings.tls, alpn=ALPN)
        )
        self._connections = [
            HttpConnection(
                one.host, one.port, self._securing(number) if self._contexts else None
            )
            for number, one in enumerate(settings.addresses)
        ]
        self._server = Server(
            names=tuple(map(str, settings.addresses)),
            authorization=self._authorization,
            patience=Patience(
                request=settings.request_timeout,
                throughput=settings.request_min_throughput,
                retry=settings.retry_timeout,
                backoff=Backoff(FIRST_BACKOFF, settings.retry_max_backoff),
            ),
            dice=random.random,
            agent=AGENT,
            gzip=settings.gzip,
        )
        self._lock = threading.RLock()
        self._buffer: Buffer | None = None

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
    def buffer(self) -> Buffer:
        """The rows that no server has acknowledged yet.

        The first look asks the server which version of ILP it reads, unless
        ``protocol_version`` says so.

        Raises:
            IngestError: No server answered.
        """
        with self._lock:
            if self._buffer is None:
                self._buffer = self._new_buffer()
            return self._buffer

    def __len__(self) -> int:
        """Return how many bytes are not acknowledged yet."""
        return 0 if self._buffer is None else len(self._buffer)

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
            self._flush_if_due()
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
            self._flush_if_due()
        return self

    def flush(self) -> None:
        """Send what is in the buffer, and wait until it is acknowledged.

        Raises:
            IngestError: It was not; everything is in the buffer as before.
            TlsError: The server could not be verified; the same.
        """
        with self._lock:
            buffer = self._buffer
            if buffer is None or not len(buffer):
                return
            buffer.check_finished()
            body = bytes(buffer)
            batch = Batch(body, buffer.row_count, lambda line: row_text(body, line))
            sync.run(deliver(batch, self._server), perform=self._perform)
            buffer.clear()

    def close(self) -> None:
        """Send what is in the buffer, and close the connections.

        Raises:
            IngestError: It was not acknowledged; it is still in the buffer.
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

    def _new_buffer(self) -> Buffer:
        settings = self.settings
        version, length = settings.protocol_version, settings.max_name_len
        if version is None:
            found = sync.run(negotiate(self._server), perform=self._perform)
            version, length = found.version, found.max_name_len or length
        return Buffer(
            version,  # type: ignore[arg-type]  # it is one of the three
            length,
            settings.init_buf_size,
            settings.max_buf_size,
            strict=settings.strict,
        )

    def _flush_if_due(self) -> None:
        buffer, due = self.buffer, self.settings.auto_flush
        if (due.rows is not None and buffer.row_count >= due.rows) or (
            due.bytes is not None and len(buffer) >= due.bytes
        ):
            self.flush()

    def _perform(self, step: Step[object]) -> object:
        if isinstance(step, Exchange):
            return self._connections[step.server].exchange(step.request, step.timeout)
        raise TypeError(f"no runner performs {step!r}")

    def _authorization(self, _renewed: bool) -> str:  # noqa: FBT001 - a function's, by place
        match self.settings.auth:
            case Basic(username, password):
                pair = f"{username}:{password.reveal()}".encode()
                return f"Basic {b64encode(pair).decode()}"
            case Bearer(token):
                said = token() if callable(token) else token.reveal()
                return f"Bearer {said}"
            case _:
                return ""

    def _securing(self, number: int) -> Callable[[socket.socket], socket.socket]:
        address = self.settings.addresses[number]
        contexts = self._contexts
        assert contexts is not None  # noqa: S101 - asked by the caller

        def secure(plain: socket.socket) -> socket.socket:
            try:
                return contexts.get().wrap_socket(plain, server_hostname=address.host)
            except OSError as error:
                told = translate(
                    error,
                    address,
                    self.settings,
                    now=datetime.now(UTC),
                    trusted=contexts.trusted,
                )
                if told.passing:
                    raise ExchangeError(Stage.CONNECT, told) from error
                raise told from error

        return secure

"""What blocking and asynchronous senders have in common: all but the waiting."""

from __future__ import annotations

import random
from base64 import b64encode
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, cast

from moorline import __version__
from moorline.core.backoff import Backoff
from moorline.errors import ConfigError
from moorline.net.http import ExchangeError, Stage
from moorline.questdb.auth import Basic, Bearer
from moorline.questdb.buffer import Buffer
from moorline.questdb.delivery import Batch, Patience, Server
from moorline.questdb.lines import row_text
from moorline.questdb.tls import Contexts
from moorline.questdb.tls_errors import translate

if TYPE_CHECKING:
    from moorline.core.address import Address
    from moorline.questdb.encoding import ProtocolVersion
    from moorline.questdb.negotiation import Agreed
    from moorline.questdb.settings import Settings

__all__ = ["Sending"]

FIRST_BACKOFF = 0.01  # seconds, doubled after each failure
ALPN = "http/1.1"
AGENT = f"moorline/{__version__}"


class Sending:
    """One sender's rows, and what it knows of its servers.

    Args:
        settings: What the options decide.

    Attributes:
        server: For the flows of `moorline.questdb.delivery`.
        contexts: How servers are verified; `None` without TLS.
        buffer: The rows that are not acknowledged; `None` before the first.

    Raises:
        ConfigError: The protocol is not built yet, or a file of TLS is wrong.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.protocol not in {"http", "https"}:
            raise ConfigError(f"{settings.protocol}:: is not built yet: use http")
        self.settings = settings
        self.contexts = Contexts(settings.tls, alpn=ALPN) if settings.tls else None
        self.server = Server(
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
        self.buffer: Buffer | None = None

    @property
    def size(self) -> int:
        """How many bytes are not acknowledged."""
        return 0 if self.buffer is None else len(self.buffer)

    def open(self, agreed: Agreed | None) -> Buffer:
        """Return the buffer, as agreed with a server, or as the options say."""
        if self.buffer is None:
            settings = self.settings
            version, length = settings.protocol_version, settings.max_name_len
            if agreed is not None:
                version, length = agreed.version, agreed.max_name_len or length
            self.buffer = Buffer(
                cast("ProtocolVersion", version),
                length,
                settings.init_buf_size,
                settings.max_buf_size,
                strict=settings.strict,
            )
        return self.buffer

    def batch(self) -> Batch | None:
        """Return what is to be sent; `None` if there is nothing.

        Raises:
            RowError: A row is not finished.
        """
        if self.buffer is None or not len(self.buffer):
            return None
        self.buffer.check_finished()
        body = bytes(self.buffer)
        return Batch(body, self.buffer.row_count, partial(row_text, body))

    def is_due(self) -> bool:
        """Tell whether enough rows have come together to be sent."""
        buffer, due = self.buffer, self.settings.auto_flush
        return buffer is not None and (
            (due.rows is not None and buffer.row_count >= due.rows)
            or (due.bytes is not None and len(buffer) >= due.bytes)
        )

    def told(self, error: Exception, address: Address) -> Exception:
        """Return the error for a connection on which TLS came to nothing."""
        trusted = self.contexts.trusted if self.contexts else ()
        now = datetime.now(UTC)
        told = translate(error, address, self.settings, now=now, trusted=trusted)
        told.__cause__ = error
        return ExchangeError(Stage.CONNECT, told) if told.passing else told

    def _authorization(self, _renewed: bool) -> str:  # noqa: FBT001 - given by place
        match self.settings.auth:
            case Basic(username, password):
                pair = f"{username}:{password.reveal()}".encode()
                return f"Basic {b64encode(pair).decode()}"
            case Bearer(token):
                said = token() if callable(token) else token.reveal()
                return f"Bearer {said}"
            case _:
                return ""

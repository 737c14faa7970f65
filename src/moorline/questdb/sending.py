"""What blocking and asynchronous senders know of their servers.

TLS, TCP and frames are imported when they are first used: a program that sends rows by
HTTP starts without them.
"""

# ruff: noqa: PLC0415 - see above

from __future__ import annotations

import random
from base64 import b64encode
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, cast

from moorline import __version__
from moorline.core.backoff import Backoff
from moorline.core.steps import Act
from moorline.errors import ConfigError, IngestError, TlsError
from moorline.net.http import ExchangeError, Stage
from moorline.questdb.auth import Basic, Bearer
from moorline.questdb.buffer import Buffer
from moorline.questdb.delivery import Patience, Server, deliver, negotiate
from moorline.questdb.outbox import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moorline.core.address import Address
    from moorline.core.flow import Flow
    from moorline.questdb.batch import Batch
    from moorline.questdb.encoding import ProtocolVersion
    from moorline.questdb.frames import Chunk
    from moorline.questdb.frames.slices import Slice
    from moorline.questdb.settings import Settings
    from moorline.questdb.spool import Spool
    from moorline.questdb.tcp import Line
    from moorline.questdb.tls import Contexts

__all__ = ["Sending"]

FIRST_BACKOFF = 0.01  # seconds, doubled after each failure
ALPN = "http/1.1"
# No answer, and refusals that depend on the sender or the way, and not on the rows.
NOT_ABOUT_ROWS = frozenset({0, 401, 403, 404, 405})
WITH_HTTP = {"tcp": "http", "tcps": "https"}
PAUSE = 1.0  # seconds, where no interval says it
AGENT = f"moorline/{__version__}"


class Sending:
    """How one sender's rows get to its servers.

    Args:
        settings: What the options decide.
        at_once: Whether to read the lists of authorities now, which takes tens of
            milliseconds; if not, whoever runs the flows does it. A file of the
            user's own is always read now.

    Attributes:
        server: For the flows of `moorline.questdb.delivery`.
        line: For those of `moorline.questdb.tcp`; `None` with HTTP.
        contexts: How servers are verified; `None` without TLS.
        pause: Seconds between two attempts to deliver what is on disk.

    Raises:
        ConfigError: A file of TLS is wrong.
    """

    def __init__(self, settings: Settings, *, at_once: bool = True) -> None:
        self.settings = settings
        is_tcp = settings.protocol in WITH_HTTP
        self.contexts: Contexts | None = None
        self.line: Line | None = None
        if (tls := settings.tls) is not None:
            from moorline.questdb.tls import Contexts

            at_once = at_once or tls.ca == "pem_file"
            alpn = "" if is_tcp else ALPN
            self.contexts = Contexts(tls, alpn=alpn, at_once=at_once)
        if is_tcp:
            from moorline.questdb.tcp import Line

            self.line = Line.of(settings, self.contexts)
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
            explain=self._explain,
            agent=AGENT,
            gzip=settings.gzip,
        )
        self.pause = settings.auto_flush.seconds or PAUSE

    def deliver(self, batch: Batch) -> Flow[None]:
        """Return what has a batch accepted, or, by TCP, sent."""
        if self.line is not None:
            from moorline.questdb import tcp

            return tcp.deliver(batch, self.line)
        return deliver(batch, self.server)

    def leave(self) -> Flow[None]:
        """Return what closes a connection of TCP in order; see `tcp.leave`."""
        if self.line is not None:
            from moorline.questdb import tcp

            yield from tcp.leave(self.line)

    def forget(self) -> None:
        """Forget the connection: it is another process's."""
        if self.line is not None:
            self.line.talk = None

    def drain(self, spool: Spool) -> Flow[None]:
        """Return what delivers the batches on disk, until there are none.

        One that a server refuses for good is put aside, so that it holds up no other.

        Raises:
            IngestError: One was put aside, or could not be delivered.
            TlsError: A server could not be verified.
        """
        refusal: IngestError | None = None
        while (oldest := (yield from Act(spool.oldest))) is not None:
            batch = yield from Act(oldest.batch)
            try:
                yield from self.deliver(batch)
            except IngestError as error:
                if error.status in NOT_ABOUT_ROWS:
                    raise
                refusal = error
                place = yield from Act(partial(spool.refuse, oldest))
                error.add_note(f"These rows are in {place} now")
            else:
                yield from Act(partial(spool.remove, oldest))
        if refusal is not None:
            raise refusal

    @staticmethod
    def tells(error: Exception) -> bool:
        """Decide whether the caller is to hear that rows on disk were not delivered.

        Not if no server answered: they are safe, and that is what the disk is for.
        """
        return not (isinstance(error, IngestError) and error.status == 0)

    def open(self) -> Flow[Buffer]:
        """Return what makes a buffer: as a server reads it, or as the options say.

        Raises:
            IngestError: No server answered.
            TlsError: A server could not be verified.
        """
        settings = self.settings
        version, length = settings.protocol_version, settings.max_name_len
        if version is None and self.line is not None:
            version = 1  # nobody can be asked
        elif version is None:
            agreed = yield from negotiate(self.server)
            version, length = agreed.version, agreed.max_name_len or length
        return Buffer(
            cast("ProtocolVersion", version),
            length,
            settings.init_buf_size,
            settings.max_buf_size,
            strict=settings.strict,
        )

    @property
    def is_automatic(self) -> bool:
        """Whether rows are sent on their own when they are many."""
        rows, _, size = self.settings.auto_flush
        return rows is not None or size is not None

    @property
    def is_streaming(self) -> bool:
        """Whether rows of a frame are sent while others of the batch are written."""
        if self.line is not None or self.settings.spool_dir:
            return False
        return self.server.chunked and not self.server.gzip

    def add(self, read: Callable[[], Iterator[Chunk]], buffer: Buffer) -> Flow[None]:
        """Return what adds a frame; see `moorline.questdb.frames.adding.add`."""
        from moorline.questdb.frames.adding import add

        return add(read, buffer, self)

    def slices(self, chunks: Iterator[Chunk], buffer: Buffer) -> Iterator[Slice]:
        """Cut a frame into batches, each of which has enough rows to be sent."""
        from moorline.questdb.frames.slices import slices

        rows, _, size = self.settings.auto_flush
        most = self.settings.max_buf_size
        # By default 30 MiB. From 32 on memory is not used again by others, but fetched
        # anew from the system: mallopt(3), M_MMAP_THRESHOLD. That takes longer.
        enough = most * 3 // 10 if size is None else min(size, most // 2)
        return slices(chunks, rows or NEVER, enough, buffer.lend)

    def check_transactions(self) -> None:
        """Object to transactions where there are none.

        Raises:
            ConfigError: The protocol has none.
        """
        protocol = self.settings.protocol
        if protocol in WITH_HTTP:
            raise ConfigError(
                f"{protocol} has no transactions: write {WITH_HTTP[protocol]} instead"
            )

    def told(self, error: Exception, address: Address) -> Exception:
        """Return the error for a connection on which TLS came to nothing."""
        told = self._translated(error, address)
        told.__cause__ = error
        return ExchangeError(Stage.CONNECT, told) if told.passing else told

    def _translated(self, error: Exception, address: Address) -> TlsError:
        from moorline.questdb.tls_errors import translate

        trusted = self.contexts.trusted if self.contexts else ()
        now = datetime.now(UTC)
        return translate(error, address, self.settings, now=now, trusted=trusted)

    def _explain(self, error: ExchangeError, server: int) -> TlsError | None:
        import ssl

        from moorline.questdb.tls_errors import of_exchange

        address, cause = self.settings.addresses[server], error.__cause__
        if isinstance(cause, TlsError):
            return cause
        if isinstance(cause, ssl.SSLError):
            # As of a server that wants a certificate: TLS 1.3 says so with the answer.
            return self._translated(cause, address)
        return of_exchange(error, address, self.settings.protocol)

    def _authorization(self, _renewed: bool) -> str:  # noqa: FBT001 - given by place
        match self.settings.auth:
            case Basic(username, password):
                pair = f"{username}:{password.reveal()}".encode()
                return f"Basic {b64encode(pair).decode()}"
            case Bearer() as bearer:
                return f"Bearer {bearer.reveal()}"
            case _:
                return ""

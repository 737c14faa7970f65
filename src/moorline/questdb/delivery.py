"""Bringing a batch of rows to a server: what is tried again, and until when.

Nothing is forgotten here: the batch is the caller's until the flow returns.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from moorline.core.flow import Step
from moorline.core.steps import Act, Now, Sleep
from moorline.errors import IngestError
from moorline.net.http import ExchangeError, Request, Response, Stage, Stream
from moorline.questdb.answers import Meaning, complaint_of, meaning_of, wait_of
from moorline.questdb.batch import Batch
from moorline.questdb.negotiation import agreed

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.core.backoff import Backoff
    from moorline.core.flow import Flow
    from moorline.errors import TlsError
    from moorline.net.http import Content
    from moorline.questdb.negotiation import Agreed

__all__ = ["Exchange", "Patience", "Server", "deliver", "negotiate"]

logger = logging.getLogger(__name__)

WRITE = "/write?precision=n"
SETTINGS = "/settings"
UNAUTHORIZED = 401
NOT_LET_IN = frozenset({UNAUTHORIZED, 403})


@dataclass(frozen=True, slots=True)
class Exchange(Step[Response]):
    """Send a request to one of the servers and return the answer.

    Args:
        server: Which one, by its number.
        request: What to send.
        timeout: Seconds for all of it.
    """

    server: int
    request: Request
    timeout: float


class Patience(NamedTuple):
    """How long things may take.

    Args:
        request: Seconds for a request, at the least.
        throughput: Bytes a second that are given to a body besides; 0 for nothing.
        retry: Seconds after the first failure until which a batch is tried again.
        backoff: How long to wait between two tries.
    """

    request: float
    throughput: float
    retry: float
    backoff: Backoff

    def for_body(self, size: int) -> float:
        """Return the seconds for a request with a body of so many bytes."""
        return self.request + (size / self.throughput if self.throughput else 0.0)


@dataclass(slots=True)
class Server:
    """What a sender knows of the servers it was given.

    Args:
        names: Their hosts and ports, for errors.
        authorization: Gives the header's value, or ""; may block. Asked anew after a
            401, with `True`.
        patience: How long things may take.
        dice: Gives random numbers from 0 (included) to 1 (excluded).
        explain: Returns what TLS has to do with an exchange that failed with one of
            them; `None`: nothing.
        agent: What the client calls itself.
        gzip: Whether bodies are compressed; off once a server does not take it.
        chunked: Whether bodies may be sent while they are written; the same.
        at: The one in use.
    """

    names: tuple[str, ...]
    authorization: Callable[[bool], str]
    patience: Patience
    dice: Callable[[], float]
    explain: Callable[[ExchangeError, int], TlsError | None]
    agent: str
    gzip: bool = False
    chunked: bool = True
    at: int = 0


@dataclass(slots=True)
class _Course:
    """One delivery, as it goes on."""

    failures: int = 0
    give_up_at: float | None = None
    renewed: bool = False
    doubled: bool = False  # whether a server may have taken it unheard
    tried: list[str] = field(default_factory=list[str])


def deliver(batch: Batch, server: Server) -> Flow[None]:
    """Have a batch accepted.

    Raises:
        IngestError: It was not: the server refused it, or none was to be had in time.
        TlsError: The server could not be verified.
    """
    course = _Course()
    body, size = yield from _body(batch, server)
    while True:
        header = yield from Act(lambda: server.authorization(course.renewed))
        headers = _headers(server, header)
        if server.gzip:
            headers["Content-Encoding"] = "gzip"
        request = Request("POST", WRITE, headers, body)
        timeout = server.patience.for_body(size)
        try:
            response = yield from Exchange(server.at, request, timeout)
        except ExchangeError as error:
            course.doubled |= error.stage != Stage.CONNECT
            wait, why = None, _why(server, error)
        else:
            chunked = isinstance(body, Stream)
            match meaning_of(response, gzipped=server.gzip, chunked=chunked):
                case Meaning.ACCEPTED:
                    return
                case Meaning.PLAIN | Meaning.WHOLE as how:
                    server.gzip &= how is not Meaning.PLAIN
                    server.chunked &= how is not Meaning.WHOLE
                    body, size = yield from _body(batch, server)
                    continue
                case Meaning.UNAUTHORIZED if header and not course.renewed:
                    course.renewed = True
                    continue
                case Meaning.AGAIN:
                    course.doubled |= response.status not in {421, 425, 429}
                    wait, why = wait_of(response), complaint_of(response).message
                case _:
                    raise _refused(course, batch, server, response)
        yield from _pause(course, batch, server, wait, why)


def negotiate(server: Server) -> Flow[Agreed]:
    """Ask the servers, one after the other, what they read.

    Raises:
        IngestError: None of them said so in time.
        TlsError: One could not be verified.
    """
    course, nothing = _Course(), Batch(b"", 0)
    while True:
        header = yield from Act(lambda: server.authorization(course.renewed))
        request = Request("GET", SETTINGS, _headers(server, header), b"")
        try:
            response = yield from Exchange(server.at, request, server.patience.request)
        except ExchangeError as error:
            wait, why = None, _why(server, error)
        else:
            found = agreed(response)
            if found is not None:
                return found
            if response.status == UNAUTHORIZED and header and not course.renewed:
                course.renewed = True
                continue
            if response.status in NOT_LET_IN:
                raise _refused(course, nothing, server, response)
            wait = wait_of(response)
            why = f"no settings (HTTP {response.status})"
        yield from _pause(course, nothing, server, wait, why)


def _body(batch: Batch, server: Server) -> Flow[tuple[Content, int]]:
    """Return what is sent, as the server takes it, and about how long that is."""
    if server.chunked and not server.gzip:
        return batch.content, batch.size
    body = yield from Act(partial(_compressed, batch) if server.gzip else batch.whole)
    return body, len(body)


def _compressed(batch: Batch) -> bytes:
    import gzip  # noqa: PLC0415 - few ask for it

    # A copy: whoever is cancelled meanwhile takes the body back.
    return gzip.compress(bytes(batch.whole()), 1)


def _why(server: Server, error: ExchangeError) -> str:
    """Return what is said of an exchange that failed.

    Raises:
        TlsError: It fails each time: the server speaks TLS.
    """
    told = server.explain(error, server.at)
    if told is None:
        return f"{error} ({error.stage})"
    if not told.passing:
        raise told from error
    return str(told)


def _pause(
    course: _Course, batch: Batch, server: Server, wait: float | None, why: str
) -> Flow[None]:
    """Wait before the next try, or give up."""
    now = yield from Now()
    course.failures += 1
    course.tried.append(f"{server.names[server.at]}: {why}")
    if course.give_up_at is None:
        course.give_up_at = now + server.patience.retry
    server.at = (server.at + 1) % len(server.names)
    turn = -(-course.failures // len(server.names))
    pause = server.patience.backoff.delay(turn, server.dice())
    if wait is not None:
        pause = max(pause, wait)
    if now + pause >= course.give_up_at:
        raise _unreached(course, batch, server)
    if course.doubled:
        logger.warning(
            "%s; again in %.2f s: rows that were stored unheard are doubled, unless "
            "the table has DEDUP keys",
            course.tried[-1],
            pause,
        )
    else:
        logger.info("%s; again in %.2f s", course.tried[-1], pause)
    yield from Sleep(pause)


def _headers(server: Server, authorization: str) -> dict[str, str]:
    headers = {"Content-Type": "text/plain; charset=utf-8", "User-Agent": server.agent}
    if authorization:
        headers["Authorization"] = authorization
    return headers


def _refused(
    course: _Course, batch: Batch, server: Server, response: Response
) -> IngestError:
    said = complaint_of(response)
    where = server.names[server.at]
    what = f"{batch.rows} rows" if batch.rows else "to tell which version it reads"
    text = f"{where} refused {what} (HTTP {said.status}): {said.message}"
    row = ""
    if said.line is not None and said.line <= batch.rows:
        row = batch.row(said.line)
        text += f"\nrow {said.line}: {row}"
    if said.status in NOT_LET_IN:
        text += "\nCheck username and password, or token"
    stored = (
        "An earlier try may have stored them" if course.doubled else "None is stored"
    )
    if batch.rows:
        text += f"\n{stored}; all of them are kept"
    return IngestError(
        text,
        status=said.status,
        server_message=said.message,
        line=said.line,
        row=row,
        error_id=said.error_id,
    )


def _unreached(course: _Course, batch: Batch, server: Server) -> IngestError:
    tries = "\n".join(f"  {one}" for one in course.tried[-5:])
    within = (
        f"within retry_timeout={server.patience.retry * 1000:g} ms, in "
        f"{course.failures} tries:\n{tries}"
    )
    if not batch.rows:
        return IngestError(f"no server said which version of ILP it reads {within}")
    text = f"{batch.rows} rows were not acknowledged {within}\nThey are kept"
    if course.doubled:
        text += (
            "; a server may have stored them unheard, so that sending them again "
            "doubles them, unless the table has DEDUP keys"
        )
    return IngestError(text)

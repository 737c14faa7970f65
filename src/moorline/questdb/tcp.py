"""Bringing a batch of rows to a server by TCP, which acknowledges nothing.

A batch counts as delivered when the operating system has taken it all, and the server
was not seen to object. It can object in one way only: it closes the connection, for a
row that it cannot read, for a signature that is wrong. So that is looked for

- after the signature, before any row is sent, and after the first batch of a
  connection: for `SETTLE` and two round trips, since what is wrong with all rows shows
  here (the key, the port, the version of ILP, TLS or none). Server 9.3.4 closes within
  2 ms, and within 23 ms when it has just started;
- before and after every other batch, without waiting;
- in `leave`: the server's own end, after ours, means that it has read everything.

Until the first row of a batch is sent nothing can be doubled, and opening is tried
again for ``auth_timeout``. From there on nothing is: TCP has no option that says so,
and a batch with a bad row would fail each time, and be stored in part each time.
"""

from __future__ import annotations

import logging
import random
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from moorline.core.backoff import Backoff
from moorline.core.steps import Act, Now, Sleep
from moorline.errors import TlsError
from moorline.net.tcp import Drop, LocalAddressError, Talk
from moorline.questdb import tcp_errors as told
from moorline.questdb.auth import Key
from moorline.questdb.challenge import Signing
from moorline.questdb.tls_errors import translate

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.core.flow import Flow
    from moorline.questdb.batch import Batch
    from moorline.questdb.settings import Settings
    from moorline.questdb.tls import Contexts

__all__ = ["Line", "deliver", "leave"]

logger = logging.getLogger(__name__)

SETTLE = 0.1  # seconds
FARTHEST = 1.0  # seconds that two round trips count at most
CHALLENGE = 4096  # bytes at most; servers send 512
BACKOFF = Backoff(0.01, 1.0)


@dataclass(slots=True)
class Line:
    """What a sender knows of its server, and the connection to it.

    Args:
        settings: What the options decide, of ``tcp`` or ``tcps``.
        contexts: How the server is verified; `None` without TLS.
        signing: Answers its challenge; `None` without a key.
        dice: Gives random numbers from 0 (included) to 1 (excluded).
        clock: What time it is.
        settle: Seconds in which a server that objects shows it.
        talk: The connection; `None`: there is none.
        pace: Seconds in which an objection is here, if there is one.
        said_at: When rows were last sent on it, on the monotonic clock.
    """

    settings: Settings
    contexts: Contexts | None
    signing: Signing | None
    dice: Callable[[], float] = random.random
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    settle: float = SETTLE
    talk: Talk | None = None
    pace: float = SETTLE
    said_at: float | None = None

    @classmethod
    def of(cls, settings: Settings, contexts: Contexts | None) -> Line:
        """Return the line that the options describe."""
        auth = settings.auth
        return cls(settings, contexts, Signing(auth) if isinstance(auth, Key) else None)

    @property
    def patience(self) -> float:
        """``auth_timeout`` in seconds: for opening, and for each piece of rows."""
        return self.settings.auth_timeout


def deliver(batch: Batch, line: Line) -> Flow[None]:
    """Give a batch, which ends with LF, to the operating system.

    Whatever is raised, all of the batch is still the caller's. What it says of earlier
    batches is about rows that were given away: TCP has no better way to tell.

    Raises:
        IngestError: The server was not to be had within ``auth_timeout``; or it closed
            the connection, before the batch, while it was sent or right after; or it
            took nothing for ``auth_timeout``.
        TlsError: The server could not be verified, or speaks TLS where ``tcp`` does
            not.
        ConfigError: The key is none, or what signs with it is not installed.
    """
    fresh = line.talk is None
    talk = line.talk or (yield from _opened(batch, line))
    line.talk = None  # until the batch has gone, for then it goes on
    if not fresh:
        yield from _look(talk, batch, line)
    try:
        line.said_at = yield from Now()
        yield from talk.say(batch.body, line.patience)
        news = yield from talk.watch(line.pace if fresh else 0.0)
    except TimeoutError as error:
        raise told.stuck(line.settings, batch) from error
    except ssl.SSLError as error:  # as of a server that wants a client's certificate
        raise _translated(line, error) from error
    except OSError as error:
        raise told.broken(line.settings, batch) from error
    if news is not None:
        yield from Drop()
        raise told.objection(line.settings, batch, news)
    line.talk = talk


def leave(line: Line) -> Flow[None]:
    """Close the connection in order, if there is one.

    The server is given the rest of the moment in which it may object to the last batch,
    and ``auth_timeout`` to read everything.

    Raises:
        IngestError: It closed before, or without having read everything: rows that were
            sent may be missing.
    """
    talk, line.talk = line.talk, None
    if talk is None:
        return
    now = yield from Now()
    try:
        since = now - (line.said_at if line.said_at is not None else now)
        news = yield from talk.watch(max(0.0, line.pace - since))
        is_read = news is None and (yield from talk.leave(line.patience))
    except OSError as error:
        raise told.gone(line.settings) from error
    if news is not None:
        yield from Drop()
        raise told.gone(line.settings, news=news)
    if not is_read:
        logger.warning("%s", told.unread(line.settings))


def _look(talk: Talk, batch: Batch, line: Line) -> Flow[None]:
    """See whether the server still listens, before anything is sent."""
    try:
        news = yield from talk.watch(0.0)
    except OSError as error:
        raise told.gone(line.settings, batch) from error
    if news is not None:
        yield from Drop()
        raise told.gone(line.settings, batch, news)


# --- opening --------------------------------------------------------------------------


def _opened(batch: Batch, line: Line) -> Flow[Talk]:
    """Open a connection, and again if what came between may pass."""
    now = yield from Now()
    give_up_at = now + line.patience
    tried: list[str] = []
    telling: OSError | None = None
    while True:
        try:
            return (yield from _open(batch, line, give_up_at))
        except OSError as error:
            yield from Drop()
            # That time ran out says less than what went wrong before.
            if telling is None or not _is_timeout(error):
                telling = error
            tried.append(str(error) or type(error).__name__)
            now = yield from Now()
            pause = BACKOFF.delay(len(tried), line.dice())
            if not _may_pass(error) or now + pause >= give_up_at:
                if isinstance(telling, TlsError):
                    telling.add_note(told.unsent(batch))
                    raise telling from telling.__cause__
                raise told.unreached(line.settings, batch, tried, telling) from telling
        here = told.where(line.settings)
        logger.info("%s: %s; again in %.2f s", here, tried[-1], pause)
        yield from Sleep(pause)


def _is_timeout(error: OSError) -> bool:
    if isinstance(error, TlsError):
        return error.kind == "silent"
    return isinstance(error, TimeoutError)


def _may_pass(error: OSError) -> bool:
    """Tell whether another try may have another end."""
    if isinstance(error, TlsError):
        return error.passing
    return not isinstance(error, LocalAddressError)


def _open(batch: Batch, line: Line, deadline: float) -> Flow[Talk]:
    # What may be wrong on this side comes first, and what may take its time.
    if line.signing is not None:
        yield from Act(line.signing.prepare)
    context = None
    if line.contexts is not None:
        context = yield from Act(line.contexts.get)
    talk = Talk()
    before = yield from Now()
    yield from talk.open(deadline)
    yield from _set_pace(line, before)
    if context is not None:
        host = line.settings.addresses[0].host
        try:
            yield from talk.secure(context, host, deadline)
        except OSError as error:
            raise _translated(line, error) from error
    if line.signing is not None:
        try:
            yield from _log_in(talk, batch, line, line.signing, deadline)
        except ssl.SSLError as error:
            raise _translated(line, error) from error
    return talk


def _log_in(
    talk: Talk, batch: Batch, line: Line, signing: Signing, deadline: float
) -> Flow[None]:
    """Say who we are, and prove it."""
    before = yield from Now()
    yield from talk.say(f"{signing.username}\n".encode(), line.patience)
    try:
        challenge = yield from talk.hear_line(CHALLENGE, deadline)
    except ValueError as error:
        yield from Drop()
        raise told.no_challenge(line.settings, batch) from error
    yield from _set_pace(line, before)
    answer = yield from Act(partial(signing.answer, challenge))
    yield from talk.say(answer + b"\n", line.patience)
    try:
        news = yield from talk.watch(line.pace)
    except ConnectionError:
        news = b""
    if news is not None:
        yield from Drop()
        raise told.not_let_in(line.settings, batch, signing.username)


def _set_pace(line: Line, before: float) -> Flow[None]:
    """Take into account how far away the server is."""
    now = yield from Now()
    line.pace = line.settle + min(2 * (now - before), FARTHEST)


def _translated(line: Line, error: OSError) -> TlsError:
    """Return the error of TLS, with the cause and the cure."""
    (address, *_), settings = line.settings.addresses, line.settings
    trusted = line.contexts.trusted if line.contexts else ()
    return translate(error, address, settings, now=line.clock(), trusted=trusted)

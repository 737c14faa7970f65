"""The errors that moorline raises, in one tree.

::

    MoorlineError
    ├── ConfigError (ValueError)         an option is unknown or malformed
    ├── NoNodeAvailable                  no node of the cluster could be used
    ├── DeadlineExceeded (TimeoutError)  the time allowed for the operation is over
    ├── TlsError                         no connection that TLS vouches for could be had
    ├── TokenError                       no token for a login could be had
    ├── OCCRetryExhausted                a transaction conflicted until the policy's end
    ├── CommitOutcomeUnknown             COMMIT was sent, and its reply is not known
    ├── TransactionRolledBack            an error was swallowed: COMMIT did not commit
    ├── TransactionEnded                 the function itself ended the transaction
    ├── RowError (ValueError)            a row cannot be written as it is
    │   └── BufferFull                   there is no room for it
    └── NestedTransaction                a transaction within another

For each driver there is a class that derives from one of these *and* from the
driver's own, so ``except psycopg.OperationalError`` keeps working.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import Enum
    from uuid import UUID

    from moorline.core.attempt import Attempt

__all__ = [
    "BufferFull",
    "CommitOutcomeUnknown",
    "ConfigError",
    "DeadlineExceeded",
    "IngestError",
    "InsertStopped",
    "JobFailed",
    "MoorlineError",
    "NestedTransaction",
    "NoNodeAvailable",
    "OCCRetryExhausted",
    "RowError",
    "TlsError",
    "TokenError",
    "TransactionEnded",
    "TransactionRolledBack",
]


class MoorlineError(Exception):
    """Base of every error that moorline itself raises."""


class ConfigError(MoorlineError, ValueError):
    """An option is unknown, malformed or contradicts another option.

    The message names the option, where it was given and what to write instead.
    """


class _TriedError(MoorlineError):
    """An operation that tried several nodes and gave up.

    Args:
        summary: What was tried and which option decided it.
        attempts: One record per node, in the order in which they were tried.
        hint: What to do, if something can be said.
    """

    def __init__(
        self, summary: str, attempts: Iterable[Attempt] = (), hint: str = ""
    ) -> None:
        self.summary = summary
        self.attempts = tuple(attempts)
        self.hint = hint
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> Iterable[str]:
        yield self.summary
        for attempt in self.attempts:
            yield f"  {attempt}"
        if self.hint:
            yield self.hint

    def __reduce__(self) -> tuple[type[_TriedError], tuple[object, ...]]:
        return type(self), (self.summary, self.attempts, self.hint)


class NoNodeAvailable(_TriedError):  # noqa: N818 - says what it is
    """No node of the cluster could be used.

    ``attempts`` holds one record per known node: placement, tier, health and the
    reason why it could not be used.
    """


class DeadlineExceeded(_TriedError, TimeoutError):  # noqa: N818 - as above
    """The time allowed for the whole operation is over.

    ``attempts`` holds what was tried until then.
    """


class TlsError(MoorlineError):
    """There is no TLS connection to the server, or none that may be trusted.

    The message names the cause, the option that decided it and the cure. Those that are
    raised are `ssl.SSLError` as well.

    Attributes:
        kind: The cause in short, as ``expired`` or ``wrong-host``.
        passing: Whether it may pass by itself: the server was out of reach, or broke
            off. A certificate that was refused stays refused.
    """

    def __init__(self, message: str, *, kind: str, passing: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.passing = passing

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[object, ...]:
        return partial(type(self), kind=self.kind, passing=self.passing), self.args


class TokenError(MoorlineError):
    """No token for a login could be signed: credentials are missing or out of reach.

    ``__cause__`` is what went wrong, as botocore or the provider said it.
    """


class OCCRetryExhausted(MoorlineError):  # noqa: N818 - says what it is
    """A transaction met conflicts until its policy allowed no more. Nothing was done.

    ``attempts`` is how often it was tried, ``kind`` what the last attempt conflicted
    with, ``elapsed`` the seconds since the first began. ``__cause__`` is the last
    conflict.
    """

    def __init__(
        self, message: str, *, attempts: int, kind: Enum, elapsed: float
    ) -> None:
        super().__init__(message)
        self.attempts = attempts
        self.kind = kind
        self.elapsed = elapsed

    def __reduce__(self) -> tuple[object, ...]:
        make = partial(
            type(self), attempts=self.attempts, kind=self.kind, elapsed=self.elapsed
        )
        return make, self.args


class CommitOutcomeUnknown(MoorlineError):  # noqa: N818 - as above
    """COMMIT was sent and its reply is not known: the work may be done, or not.

    ``operation_id`` is the id in the table of receipts, if there is one. ``__cause__``
    is why there is no reply.
    """

    def __init__(self, message: str, *, operation_id: UUID | None = None) -> None:
        super().__init__(message)
        self.operation_id = operation_id


class TransactionRolledBack(MoorlineError):  # noqa: N818 - as above
    """COMMIT did not commit: an error within the transaction was swallowed."""


class TransactionEnded(MoorlineError):  # noqa: N818 - as above
    """The function itself ended the transaction, so its outcome cannot be vouched for.

    What the function did until its own COMMIT is done, and nothing is repeated.
    """


class NestedTransaction(MoorlineError):  # noqa: N818 - as above
    """A transaction was to begin within another on the same pool or connection."""


class InsertStopped(MoorlineError):  # noqa: N818 - as above
    """A batch of an insertion failed; the batches before it are committed.

    ``done`` is how many rows are committed, with those that were skipped, and
    ``failed`` how many the batch had. ``__cause__`` is why it failed; if that is a
    `CommitOutcomeUnknown`, the batch may be committed as well.
    """

    def __init__(self, message: str, done: int, failed: int) -> None:
        super().__init__(message)
        self.done = done
        self.failed = failed

    def __reduce__(self) -> tuple[type[InsertStopped], tuple[object, ...]]:
        return type(self), (str(self), self.done, self.failed)


class JobFailed(MoorlineError):  # noqa: N818 - as above
    """A job in the background, as of ``CREATE INDEX ASYNC``, failed.

    ``job`` is its id.
    """

    def __init__(self, message: str, job: str) -> None:
        super().__init__(message)
        self.job = job

    def __reduce__(self) -> tuple[type[JobFailed], tuple[object, ...]]:
        return type(self), (str(self), self.job)


class RowError(MoorlineError, ValueError):
    """A row cannot be written as it is; the buffer is as it was before it.

    The message names the table, the column, and what to write instead.
    """


class BufferFull(RowError):  # noqa: N818 - says what it is
    """A row would make the buffer larger than ``max_buf_size`` allows."""


class IngestError(MoorlineError):
    """Rows were not acknowledged; all of them are kept by whoever had them.

    ``status`` is the server's of HTTP, 0 if it did not answer; ``server_message`` its
    own words; ``line`` the row within the batch that it complains of, from 1, and
    ``row`` that row as it was sent; ``error_id`` what to look for in the server's log.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        server_message: str = "",
        line: int | None = None,
        row: str = "",
        error_id: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.server_message = server_message
        self.line = line
        self.row = row
        self.error_id = error_id

"""What is known of psycopg's connections, and the errors of transactions on them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import psycopg
from psycopg.pq import TransactionStatus

from moorline import errors
from moorline.dsql.transactions.outcome import State
from moorline.dsql.transactions.session import Driver

if TYPE_CHECKING:
    Connection: TypeAlias = psycopg.Connection[Any]
    AsyncConnection: TypeAlias = psycopg.AsyncConnection[Any]
    AnyConnection: TypeAlias = Connection | AsyncConnection

__all__ = [
    "DRIVER",
    "CommitCancelled",
    "CommitInterrupted",
    "CommitOutcomeUnknown",
    "NestedTransaction",
    "OCCRetryExhausted",
    "TransactionEnded",
    "TransactionRolledBack",
]

STATES = {
    TransactionStatus.IDLE: State.IDLE,
    TransactionStatus.INTRANS: State.OPEN,
    TransactionStatus.INERROR: State.FAILED,
    TransactionStatus.ACTIVE: State.BUSY,
    TransactionStatus.UNKNOWN: State.LOST,
}


class OCCRetryExhausted(errors.OCCRetryExhausted, psycopg.errors.SerializationFailure):
    """`moorline.errors.OCCRetryExhausted`, and a ``SerializationFailure`` too."""


class CommitOutcomeUnknown(
    errors.CommitOutcomeUnknown, psycopg.errors.TransactionResolutionUnknown
):
    """`moorline.errors.CommitOutcomeUnknown`, and a `psycopg.OperationalError` too."""


class CommitCancelled(CommitOutcomeUnknown, asyncio.CancelledError):
    """The task was cancelled while COMMIT was on its way."""


class CommitInterrupted(CommitOutcomeUnknown, KeyboardInterrupt):
    """The program was interrupted while COMMIT was on its way."""


class TransactionRolledBack(
    errors.TransactionRolledBack, psycopg.errors.TransactionRollback
):
    """`moorline.errors.TransactionRolledBack`, and a `psycopg.OperationalError` too."""


class TransactionEnded(errors.TransactionEnded, psycopg.ProgrammingError):
    """`moorline.errors.TransactionEnded`, and a `psycopg.ProgrammingError` too."""


class NestedTransaction(errors.NestedTransaction, psycopg.ProgrammingError):
    """`moorline.errors.NestedTransaction`, and a `psycopg.ProgrammingError` too."""


def state_of(conn: object) -> State:
    """Return what libpq knows of a connection."""
    status = cast("AnyConnection", conn).pgconn.transaction_status
    return STATES[TransactionStatus(status)]


def close(conn: object) -> None:
    """Close a connection at once; a pool that it belongs to finds out."""
    cast("AnyConnection", conn).pgconn.finish()


def explain(error: BaseException) -> None:
    """Say what to do where a server that has no savepoints was asked for one."""
    if isinstance(error, psycopg.Error) and "savepoint" in str(error).lower():
        error.add_note(
            "Aurora DSQL has no savepoints, which conn.transaction() asks for within a "
            "transaction. Connections of moorline.dsql.psycopg join the transaction "
            "that is under way; otherwise leave the block out"
        )


DRIVER = Driver(
    state=state_of,
    close=close,
    explain=explain,
    unsent=(psycopg.InterfaceError,),
    exhausted=OCCRetryExhausted,
    unknown=CommitOutcomeUnknown,
    cancelled=CommitCancelled,
    interrupted=CommitInterrupted,
    rolled_back=TransactionRolledBack,
    ended=TransactionEnded,
    nested=NestedTransaction,
)

"""What is known of asyncpg's connections, and the errors of transactions on them."""

from __future__ import annotations

import asyncio
from typing import Any

from asyncpg import exceptions

from moorline import errors
from moorline.dsql.transactions.outcome import State
from moorline.dsql.transactions.session import Driver

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


class OCCRetryExhausted(errors.OCCRetryExhausted, exceptions.SerializationError):
    """`moorline.errors.OCCRetryExhausted`, and a ``SerializationError`` too."""


class CommitOutcomeUnknown(
    errors.CommitOutcomeUnknown, exceptions.TransactionResolutionUnknownError
):
    """`moorline.errors.CommitOutcomeUnknown`, and a ``PostgresConnectionError`` too."""


class CommitCancelled(CommitOutcomeUnknown, asyncio.CancelledError):
    """The task was cancelled while COMMIT was on its way."""


class CommitInterrupted(CommitOutcomeUnknown, KeyboardInterrupt):
    """The program was interrupted while COMMIT was on its way."""


class TransactionRolledBack(
    errors.TransactionRolledBack, exceptions.TransactionRollbackError
):
    """`moorline.errors.TransactionRolledBack`, and a ``PostgresError`` too."""


class TransactionEnded(errors.TransactionEnded, exceptions.InterfaceError):
    """`moorline.errors.TransactionEnded`, and an ``InterfaceError`` too."""


class NestedTransaction(errors.NestedTransaction, exceptions.InterfaceError):
    """`moorline.errors.NestedTransaction`, and an ``InterfaceError`` too."""


def state_of(conn: Any) -> State:  # noqa: ANN401 - a connection, or its pool's stand-in
    """Return what asyncpg knows of a connection.

    It does not tell a transaction that has failed from one that has not.
    """
    try:
        if conn.is_closed():
            return State.LOST
        return State.OPEN if conn.is_in_transaction() else State.IDLE
    except exceptions.InterfaceError:
        return State.LOST  # the stand-in was given back when its connection was closed


def close(conn: Any) -> None:  # noqa: ANN401 - as above
    """Close a connection at once; a pool that it belongs to finds out."""
    try:
        conn.terminate()
    except exceptions.InterfaceError:
        return  # as above


def explain(error: BaseException) -> None:
    """Say what to do where asyncpg refuses ``conn.transaction()``."""
    if isinstance(
        error, exceptions.InterfaceError
    ) and "manually started transaction" in str(error):
        error.add_note(
            "The transaction was begun before the function was called, and Aurora DSQL "
            "has no savepoints. On connections of moorline.dsql.asyncpg, "
            "conn.transaction() joins the one under way; otherwise leave the block out"
        )


DRIVER = Driver(
    state=state_of,
    close=close,
    explain=explain,
    unsent=(exceptions.InterfaceError,),
    exhausted=OCCRetryExhausted,
    unknown=CommitOutcomeUnknown,
    cancelled=CommitCancelled,
    interrupted=CommitInterrupted,
    rolled_back=TransactionRolledBack,
    ended=TransactionEnded,
    nested=NestedTransaction,
)

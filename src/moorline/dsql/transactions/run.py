"""Transactions that tell the truth: committed, not committed, or unknown.

A transaction that meets a conflict is repeated, as a `RetryPolicy` allows. It is begun
explicitly, whatever ``autocommit`` says, and COMMIT's own answer is looked at. One
whose outcome is unknown is never repeated, unless a receipt tells what became of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from moorline.dsql.transactions.attempts import (
    AsyncRetrying,
    Loop,
    Retrying,
    session_for,
)
from moorline.dsql.transactions.session import AsyncSession, SyncSession
from moorline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncpg
    import psycopg
    import psycopg_pool

    from moorline.core.retry import RetryPolicy

__all__ = [
    "retrying",
    "run_transaction",
    "run_transaction_async",
]

T = TypeVar("T")
C = TypeVar("C", bound="psycopg.Connection[Any]")
A = TypeVar("A", bound="psycopg.AsyncConnection[Any]")


@overload
def retrying(
    target: psycopg_pool.ConnectionPool[C] | C,
    *,
    retry: RetryPolicy | None = None,
    receipt: str | None = None,
) -> Retrying[C]: ...
@overload
def retrying(
    target: psycopg_pool.AsyncConnectionPool[A] | A,
    *,
    retry: RetryPolicy | None = None,
    receipt: str | None = None,
) -> AsyncRetrying[A]: ...
@overload
def retrying(
    target: asyncpg.Pool | asyncpg.Connection,
    *,
    retry: RetryPolicy | None = None,
    receipt: str | None = None,
) -> AsyncRetrying[asyncpg.Connection]: ...
def retrying(
    target: object,
    *,
    retry: RetryPolicy | None = None,
    receipt: str | None = None,
) -> Retrying[Any] | AsyncRetrying[Any]:
    """Return the attempts of one transaction, to be made in a loop.

    ::

        for attempt in dsql.retrying(pool):
            with attempt as conn:
                conn.execute("update account set balance = balance - 10 where id = 1")

    With an asynchronous target it is ``async for`` and ``async with``. The block is a
    transaction, committed at its end; the loop ends when that is confirmed. Leave the
    ``with`` block by an error to roll it back: a conflict is swallowed, and the loop
    goes on with the next attempt; other errors come out as they are. Do not leave the
    loop by ``return`` or ``break``: COMMIT comes at the end of the block, and if that
    meets a conflict there is nobody left to try again. It is logged as an error then.

    Args:
        target: A pool or connection of psycopg or asyncpg, moorline's or the driver's.
        retry: How often it may be tried; by default as `RetryPolicy` has it.
        receipt: A table of receipts, to find out what became of a COMMIT whose reply
            was lost; with a pool only. Name it as in SQL. Create it with ``create
            table receipts (id uuid primary key, at timestamptz default now())``. Each
            transaction leaves a row there, and each lookup that finds none leaves two,
            so old rows are to be deleted now and then, and young ones are not.

    Raises:
        OCCRetryExhausted: Not committed: there were conflicts as long as the policy
            allowed.
        CommitOutcomeUnknown: Committed or not: the reply to COMMIT was lost, or the
            caller was cancelled while it was on its way. Not repeated.
        TransactionRolledBack: Not committed: an error was swallowed within the block.
        TransactionEnded: The block ended the transaction itself.
        NestedTransaction: The caller is in a transaction on the same target already.
        ConfigError: The target is none, or the receipt cannot be had.
        Exception: Not committed: what the block, or the driver, raised.
    """
    session = session_for(target)
    if session.blocking is True:
        return Retrying(Loop[SyncSession](target, session, retry, receipt))
    return AsyncRetrying(Loop[AsyncSession](target, session, retry, receipt))


def run_transaction(
    target: psycopg_pool.ConnectionPool[C] | C,
    function: Callable[[C], T],
    *,
    retry: RetryPolicy | None = None,
    receipt: str | None = None,
) -> T:
    """Call a function within a transaction and commit; return what it returned.

    The function is given the connection and may be called again: what it does besides
    SQL must bear that. No connection of a pool is held between two attempts.

    Args:
        target: A pool or connection of psycopg, moorline's or psycopg's own.
        function: Does the work.
        retry: As for `retrying`.
        receipt: As for `retrying`.

    Raises:
        Exception: As `retrying` does.
    """
    session = session_for(target)
    if session.blocking is False:
        raise _use(target, "run_transaction_async")
    answers: list[T] = []
    attempts: Retrying[C]
    attempts = Retrying(Loop[SyncSession](target, session, retry, receipt))
    for attempt in attempts:
        with attempt as conn:
            answers.append(function(conn))
    return answers[-1]


@overload
async def run_transaction_async(
    target: psycopg_pool.AsyncConnectionPool[A] | A,
    function: Callable[[A], Awaitable[T]],
    *,
    retry: RetryPolicy | None = None,
    receipt: str | None = None,
) -> T: ...
@overload
async def run_transaction_async(
    target: asyncpg.Pool | asyncpg.Connection,
    function: Callable[[asyncpg.Connection], Awaitable[T]],
    *,
    retry: RetryPolicy | None = None,
    receipt: str | None = None,
) -> T: ...
async def run_transaction_async(
    target: Any,
    function: Callable[[Any], Awaitable[T]],
    *,
    retry: RetryPolicy | None = None,
    receipt: str | None = None,
) -> T:
    """Do what `run_transaction` does, with an asynchronous pool or connection.

    Args:
        target: A pool or connection of psycopg or asyncpg, moorline's or the driver's.
        function: Does the work.
        retry: As for `retrying`.
        receipt: As for `retrying`.

    Raises:
        Exception: As `retrying` does.
    """
    session = session_for(target)
    if session.blocking is True:
        raise _use(target, "run_transaction")
    answers: list[T] = []
    attempts: AsyncRetrying[Any]
    attempts = AsyncRetrying(Loop[AsyncSession](target, session, retry, receipt))
    async for attempt in attempts:
        async with attempt as conn:
            answers.append(await function(conn))
    return answers[-1]


def _use(target: object, instead: str) -> ConfigError:
    return ConfigError(f"a {type(target).__name__} needs {instead}")

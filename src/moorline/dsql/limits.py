"""Help with the service's limits: many rows, and statements that define things.

Both are flows whose steps are whole transactions.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from moorline.dsql.bulk import DEFAULT_ROWS, Insert, inserting
from moorline.dsql.ddl import defining
from moorline.dsql.transactions.run import run_transaction, run_transaction_async
from moorline.shell import aio, sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import asyncpg
    import psycopg
    import psycopg_pool

    from moorline.core.flow import Step
    from moorline.core.retry import RetryPolicy
    from moorline.dsql.bulk import Progress
    from moorline.dsql.ddl import Row, Statement

    Target: TypeAlias = psycopg_pool.ConnectionPool[Any] | psycopg.Connection[Any]
    AsyncTarget: TypeAlias = (
        psycopg_pool.AsyncConnectionPool[Any]
        | psycopg.AsyncConnection[Any]
        | asyncpg.Pool
        | asyncpg.Connection
    )

__all__ = ["insert_many", "insert_many_async", "run_ddl", "run_ddl_async"]


def insert_many(
    target: Target,
    table: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    retry: RetryPolicy | None = None,
    receipt: str | None = None,
    batch_rows: int = DEFAULT_ROWS,
    skip: int = 0,
    progress: Callable[[Progress], object] | None = None,
) -> int:
    """Insert any number of rows, in transactions as large as the service allows.

    Each batch is one transaction, repeated on conflicts, and all or nothing. One that
    the service finds too big is halved.

    Args:
        target: A pool or a connection.
        table: Its name, letter by letter; a schema before a dot.
        columns: The same.
        rows: A sequence of values each, in the order of the columns. They are taken as
            they are needed.
        retry: See `moorline.dsql.retrying`.
        receipt: The same. Without one, a batch whose COMMIT got no reply stops the
            insertion.
        batch_rows: Rows in a transaction: 2999 at the most. A batch ends early at 4 MiB
            of values.
        skip: How many rows to pass over, since they were committed before.
        progress: Called after each batch, in the caller's thread.

    Returns:
        How many rows are committed, with those that were skipped.

    Raises:
        InsertStopped: A batch failed; it tells from where to go on.
        ConfigError: A name or a number is of no use, or a row has another number of
            values than there are columns; batches before it are committed.
    """
    flow = inserting(
        table, columns, rows, batch_rows=batch_rows, skip=skip, progress=progress
    )
    work = partial(_transact, target=target, retry=retry, receipt=receipt)
    return sync.run(flow, perform=work)


async def insert_many_async(
    target: AsyncTarget,
    table: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    retry: RetryPolicy | None = None,
    receipt: str | None = None,
    batch_rows: int = DEFAULT_ROWS,
    skip: int = 0,
    progress: Callable[[Progress], object] | None = None,
) -> int:
    """Do what `insert_many` does, with an asynchronous pool or connection."""
    flow = inserting(
        table, columns, rows, batch_rows=batch_rows, skip=skip, progress=progress
    )
    work = partial(_transact_async, target=target, retry=retry, receipt=receipt)
    return await aio.run(flow, perform=work)


def run_ddl(
    target: Target,
    statements: Iterable[str],
    *,
    retry: RetryPolicy | None = None,
    timeout: float | None = None,
) -> None:
    """Run statements such as ``CREATE TABLE``, each in a transaction of its own.

    After ``CREATE INDEX ASYNC`` it waits until the index is built.

    Args:
        target: A pool or a connection.
        statements: One statement in each text.
        retry: See `moorline.dsql.retrying`.
        timeout: Seconds to wait for each job in the background; `None` for no limit.

    Raises:
        DeadlineExceeded: A job took longer; it goes on by itself.
        JobFailed: A job failed.
        Exception: As of `moorline.dsql.retrying`; statements before it are done.
    """
    work = partial(_transact, target=target, retry=retry, receipt=None)
    sync.run(defining(statements, timeout), perform=work)


async def run_ddl_async(
    target: AsyncTarget,
    statements: Iterable[str],
    *,
    retry: RetryPolicy | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 - for a job of the server's
) -> None:
    """Do what `run_ddl` does, with an asynchronous pool or connection."""
    work = partial(_transact_async, target=target, retry=retry, receipt=None)
    await aio.run(defining(statements, timeout), perform=work)


def _transact(
    step: Step[object], target: Target, retry: RetryPolicy | None, receipt: str | None
) -> object:
    """Do what a step says, in a transaction."""
    work = partial(_do, step=cast("Insert | Statement", step))
    return run_transaction(target, work, retry=retry, receipt=receipt)


async def _transact_async(
    step: Step[object],
    target: AsyncTarget,
    retry: RetryPolicy | None,
    receipt: str | None,
) -> object:
    """Do what a step says, in a transaction."""
    work: Any = partial(_do_async, step=cast("Insert | Statement", step))
    run: Any = run_transaction_async
    return await run(target, work, retry=retry, receipt=receipt)


def _do(conn: psycopg.Connection[Any], *, step: Insert | Statement) -> list[Row]:
    """Do in a transaction what a step says."""
    from psycopg.rows import dict_row  # noqa: PLC0415 - the driver in use

    with conn.cursor(row_factory=dict_row) as cursor:
        if isinstance(step, Insert):
            cursor.executemany(step.sql(numbered=False).encode(), step.rows)
            return []
        cursor.execute(step.sql.encode())
        return list(cursor) if cursor.description else []


async def _do_async(conn: Any, *, step: Insert | Statement) -> list[Row]:  # noqa: ANN401 - of either driver
    if not hasattr(conn, "cursor_factory"):  # asyncpg's
        if isinstance(step, Insert):
            await conn.executemany(step.sql(numbered=True), step.rows)
            return []
        return [dict(record) for record in await conn.fetch(step.sql)]
    from psycopg.rows import dict_row  # noqa: PLC0415 - the driver in use

    async with conn.cursor(row_factory=dict_row) as cursor:
        if isinstance(step, Insert):
            await cursor.executemany(step.sql(numbered=False).encode(), step.rows)
            return []
        await cursor.execute(step.sql.encode())
        return await cursor.fetchall() if cursor.description else []

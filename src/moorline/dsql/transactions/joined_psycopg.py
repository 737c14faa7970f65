"""Connections of psycopg whose ``transaction()`` joins the transaction under way."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import AsyncTransaction, Rollback, Transaction
from psycopg.rows import Row

from moorline.dsql.transactions.joined import Joining

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from moorline.dsql.transactions.joined import Ledger

__all__ = ["JoiningAsyncConnection", "JoiningConnection"]


class JoiningConnection(Joining, psycopg.Connection[Row]):
    """`psycopg.Connection` with blocks that join."""

    @contextmanager
    def transaction(
        self,
        savepoint_name: str | None = None,
        force_rollback: bool = False,  # noqa: FBT001, FBT002 - psycopg's
    ) -> Generator[Transaction]:
        """Begin a transaction, or join the one of `run_transaction`; see psycopg.

        A block that joins cannot be rolled back alone: if an error leaves it, or it is
        to be rolled back in any case, the whole transaction is not committed.
        """
        ledger = self.joining
        if ledger is None:
            with super().transaction(savepoint_name, force_rollback) as own:
                yield own
            return
        block = Transaction(self, savepoint_name, force_rollback)
        with _dooming(ledger, block):
            yield block


class JoiningAsyncConnection(Joining, psycopg.AsyncConnection[Row]):
    """`psycopg.AsyncConnection` with blocks that join."""

    @asynccontextmanager
    async def transaction(
        self,
        savepoint_name: str | None = None,
        force_rollback: bool = False,  # noqa: FBT001, FBT002 - psycopg's
    ) -> AsyncGenerator[AsyncTransaction]:
        """Begin a transaction, or join that of `run_transaction_async`; see psycopg.

        Of a block that joins, the same is true as for blocking connections.
        """
        ledger = self.joining
        if ledger is None:
            async with super().transaction(savepoint_name, force_rollback) as own:
                yield own
            return
        block = AsyncTransaction(self, savepoint_name, force_rollback)
        with _dooming(ledger, block):
            yield block


@contextmanager
def _dooming(ledger: Ledger, block: Transaction | AsyncTransaction) -> Generator[None]:
    """Doom the transaction when a block is left by an error, or rolled back."""
    try:
        yield
    except BaseException as error:
        ledger.doom(error)
        if isinstance(error, Rollback) and error.transaction in {None, block}:
            return  # psycopg's blocks keep it to themselves
        raise
    if block.force_rollback:
        ledger.doom(Rollback(block))

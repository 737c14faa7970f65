"""Connections of asyncpg whose ``transaction()`` joins the transaction under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import asyncpg
from asyncpg.exceptions import InterfaceError
from asyncpg.transaction import Transaction

from moorline.dsql.transactions.joined import Joining

if TYPE_CHECKING:
    from types import TracebackType

    from moorline.dsql.transactions.joined import Ledger

__all__ = ["JoiningConnection"]


class JoiningConnection(Joining, asyncpg.Connection):
    """`asyncpg.Connection` with blocks that join."""

    def transaction(
        self,
        *,
        isolation: Any = None,  # noqa: ANN401 - asyncpg's
        readonly: bool = False,
        deferrable: bool = False,
    ) -> Transaction:
        """Return a transaction, or a block of `run_transaction_async`'s; see asyncpg.

        A block that joins cannot be rolled back alone: if an error leaves it, or it is
        rolled back, the whole transaction is not committed.
        """
        ledger = self.joining
        if ledger is not None:
            return _Joined(self, ledger)
        own: Any = super()
        return cast(
            "Transaction",
            own.transaction(
                isolation=isolation, readonly=readonly, deferrable=deferrable
            ),
        )


class _Joined(Transaction):
    """A block within a transaction that is not its own."""

    def __init__(self, conn: JoiningConnection, ledger: Ledger) -> None:
        own: Any = super()
        own.__init__(conn, isolation=None, readonly=False, deferrable=False)
        self._ledger = ledger

    async def __aenter__(self) -> None:
        return

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._ledger.doom(error)

    async def start(self) -> None:
        """Enter the block; the transaction has begun."""

    async def commit(self) -> None:
        """Leave the block; the transaction is committed at its own end."""

    async def rollback(self) -> None:
        """Leave the block, and let the transaction come to nothing."""
        told: Any = InterfaceError
        self._ledger.doom(told("rollback() was called"))

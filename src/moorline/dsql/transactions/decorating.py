"""A function that is a transaction whenever it is called."""

from __future__ import annotations

import functools
import inspect
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    ParamSpec,
    Protocol,
    TypeVar,
    overload,
)

from moorline.dsql.transactions.run import run_transaction, run_transaction_async

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    import asyncpg
    import psycopg
    import psycopg_pool

    from moorline.core.retry import RetryPolicy

__all__ = ["Transactional", "transactional"]

T = TypeVar("T")
P = ParamSpec("P")
C = TypeVar("C", bound="psycopg.Connection[Any]")
A = TypeVar("A", bound="psycopg.AsyncConnection[Any]")


class Transactional(Protocol):
    """What `transactional` returns: a decorator."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[C, P], T], /
    ) -> Callable[Concatenate[psycopg_pool.ConnectionPool[C] | C, P], T]: ...
    @overload
    def __call__(
        self, function: Callable[Concatenate[A, P], Coroutine[object, object, T]], /
    ) -> Callable[
        Concatenate[psycopg_pool.AsyncConnectionPool[A] | A, P],
        Coroutine[object, object, T],
    ]: ...
    @overload
    def __call__(
        self,
        function: Callable[
            Concatenate[asyncpg.Connection, P], Coroutine[object, object, T]
        ],
        /,
    ) -> Callable[
        Concatenate[asyncpg.Pool | asyncpg.Connection, P], Coroutine[object, object, T]
    ]: ...


def transactional(
    *, retry: RetryPolicy | None = None, receipt: str | None = None
) -> Transactional:
    """Return a decorator for functions whose first argument is a connection.

    ::

        @dsql.transactional(retry=dsql.RetryPolicy(max_attempts=5))
        def transfer(conn, source, target, amount): ...

        transfer(pool, 1, 2, 100)

    The decorated function is called with a pool or connection in its place, and is a
    transaction: see `run_transaction`. Coroutine functions are decorated as well.

    Args:
        retry: As for `retrying`.
        receipt: As for `retrying`.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(target: Any, /, *args: Any, **named: Any) -> Any:  # noqa: ANN401
            def work(conn: Any) -> Any:  # noqa: ANN401 - as the decorated function has it
                return function(conn, *args, **named)

            return run_transaction(target, work, retry=retry, receipt=receipt)

        @functools.wraps(function)
        async def arun(target: Any, /, *args: Any, **named: Any) -> Any:  # noqa: ANN401
            def work(conn: Any) -> Any:  # noqa: ANN401 - the same
                return function(conn, *args, **named)

            return await run_transaction_async(
                target, work, retry=retry, receipt=receipt
            )

        return arun if inspect.iscoroutinefunction(function) else run

    return decorate

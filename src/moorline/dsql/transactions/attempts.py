"""The attempts of a transaction as loops: ``for``/``with`` and their async twins."""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING, Generic, Self, TypeVar, cast

from moorline.core.retry import RetryPolicy
from moorline.dsql.transactions import nesting, telling
from moorline.dsql.transactions.counters import counter_of
from moorline.dsql.transactions.performing import aperform, perform
from moorline.dsql.transactions.receipts import Receipts
from moorline.dsql.transactions.surroundings import Surroundings
from moorline.dsql.transactions.transacting import Transacting
from moorline.errors import ConfigError

if TYPE_CHECKING:
    from types import TracebackType

    from moorline.dsql.transactions.nesting import Frame
    from moorline.dsql.transactions.session import AsyncSession, SyncSession

__all__ = [
    "AsyncAttempt",
    "AsyncRetrying",
    "Attempt",
    "Loop",
    "Retrying",
    "session_for",
]

logger = logging.getLogger(__name__)

C = TypeVar("C")
S = TypeVar("S", bound="SyncSession | AsyncSession")


def session_for(target: object) -> SyncSession | AsyncSession:
    """Return what performs transactions on a pool or connection of any driver.

    Drivers are told by the modules of the target's classes, so none is imported that is
    not in use.

    Raises:
        ConfigError: It is neither.
    """
    session: SyncSession | AsyncSession | None = None
    packages = {one.__module__.partition(".")[0] for one in type(target).__mro__}
    if packages & {"psycopg", "psycopg_pool"}:
        from moorline.dsql.transactions import session_psycopg  # noqa: PLC0415 - said above

        session = session_psycopg.session_for(target)
    elif "asyncpg" in packages:
        from moorline.dsql.transactions import session_asyncpg  # noqa: PLC0415 - the same

        session = session_asyncpg.session_for(target)
    if session is None:
        kind = type(target)
        raise ConfigError(
            f"no transaction can be begun on {kind.__module__}.{kind.__qualname__}: "
            "give a connection or a pool of psycopg, psycopg_pool or asyncpg"
        )
    return session


class Loop(Generic[S]):
    """What both loops have in common: one transaction, an attempt at a time."""

    def __init__(
        self,
        target: object,
        session: S,
        retry: RetryPolicy | None,
        receipt: str | None,
    ) -> None:
        if receipt is not None and not session.pooled:
            raise ConfigError(
                f"receipt={receipt!r}: give a pool; a lost reply to COMMIT is looked "
                "up on another connection"
            )
        self.target = target
        self.session = session
        self._receipts = None if receipt is None else Receipts.of(receipt)
        self._policy = retry or RetryPolicy()
        self._transacting: Transacting | None = None
        self._handed = False
        self._frame: Frame | None = None

    def has_next(self) -> bool:
        """Tell whether there is a further attempt."""
        if self._handed:
            raise ConfigError(
                "an attempt was not made: put `with attempt as conn:` into the loop"
            )
        if self._transacting and self._transacting.over:
            return False
        self._handed = True
        return True

    def start(self) -> Transacting:
        """Return the transaction, for an attempt that begins.

        Raises:
            NestedTransaction: The caller is within one on the same target.
        """
        if not self._handed:
            raise ConfigError("an attempt is made once: take the next one of the loop")
        driver = self.session.driver
        if nesting.is_within(self.target):
            raise telling.nested(driver, self.target)
        self._handed = False
        if self._transacting is None:
            here = Surroundings(
                driver=driver,
                pooled=self.session.pooled,
                policy=self._policy,
                receipts=self._receipts,
                counter=counter_of(self.target),
                clock=time.monotonic,
                dice=random.random,
            )
            self._transacting = Transacting(here)
        return self._transacting

    def began(self) -> None:
        """Note that the function now runs."""
        self._frame = nesting.open_frame(self.target)

    def is_left_behind(self) -> bool:
        """Tell whether there is an attempt to be made that nobody will make."""
        return (
            not self._handed
            and self._transacting is not None
            and not self._transacting.over
        )

    def end(self) -> Transacting:
        """Return the transaction, for an attempt that ends."""
        assert self._transacting is not None  # noqa: S101 - it has begun
        assert self._frame is not None  # noqa: S101 - the same
        self._frame.close()
        return self._transacting


class Attempt(Generic[C]):
    """One attempt of a transaction: the connection, within the transaction."""

    def __init__(self, loop: Loop[SyncSession]) -> None:
        self._loop = loop

    def __enter__(self) -> C:
        flow = self._loop.start().enter()
        conn = perform(flow, self._loop.session)
        self._loop.began()
        return cast("C", conn)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        flow = self._loop.end().leave(error)
        return perform(flow, self._loop.session)


class Retrying(Generic[C]):
    """The attempts of one transaction; see `moorline.dsql.retrying`."""

    def __init__(self, loop: Loop[SyncSession]) -> None:
        self._loop = loop

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Attempt[C]:
        if self._loop.has_next():
            return Attempt(self._loop)
        raise StopIteration

    def __del__(self) -> None:
        _complain(self._loop)


class AsyncAttempt(Generic[C]):
    """One attempt of a transaction: the connection, within the transaction."""

    def __init__(self, loop: Loop[AsyncSession]) -> None:
        self._loop = loop

    async def __aenter__(self) -> C:
        flow = self._loop.start().enter()
        conn = await aperform(flow, self._loop.session)
        self._loop.began()
        return cast("C", conn)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        flow = self._loop.end().leave(error)
        return await aperform(flow, self._loop.session)


class AsyncRetrying(Generic[C]):
    """The attempts of one transaction; see `moorline.dsql.retrying`."""

    def __init__(self, loop: Loop[AsyncSession]) -> None:
        self._loop = loop

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AsyncAttempt[C]:
        if self._loop.has_next():
            return AsyncAttempt(self._loop)
        raise StopAsyncIteration

    def __del__(self) -> None:
        _complain(self._loop)


def _complain(loop: Loop[S]) -> None:
    """Say that a loop was left when there was an attempt to be made."""
    if loop.is_left_behind():
        logger.error(
            "a transaction met a conflict at COMMIT, is not committed, and was given "
            "up: its loop was left by return or break. Return after the loop"
        )

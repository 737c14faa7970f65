"""Repeating what conflicts, for those who begin and commit by themselves."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING, TypeVar

from moorline import errors
from moorline.core.retry import RetryPolicy
from moorline.dsql.transactions import telling
from moorline.dsql.transactions.course import Again, Course, Exhausted
from moorline.dsql.transactions.outcome import Stage, Trouble

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["retry_on_occ", "retry_on_occ_async"]

logger = logging.getLogger(__name__)

T = TypeVar("T")


def retry_on_occ(function: Callable[[], T], *, retry: RetryPolicy | None = None) -> T:
    """Call a function, and again as long as it raises a conflict; return its answer.

    The function begins, commits and rolls back by itself, and must be such that a
    conflict which it raises means that nothing of it was committed. A COMMIT whose
    reply was lost is no conflict, and not repeated: it is for the function to tell.

    Args:
        function: Does the work.
        retry: How often it may be called; by default as `RetryPolicy` has it.

    Raises:
        OCCRetryExhausted: There were conflicts as long as the policy allowed.
        Exception: Anything else that the function raised.
    """
    policy = retry or RetryPolicy()
    course = Course(policy, time.monotonic())
    while True:
        try:
            return function()
        except Exception as error:  # noqa: BLE001 - judged
            again = _judge(course, error)
        course = again.course
        time.sleep(again.delay)


async def retry_on_occ_async(
    function: Callable[[], Awaitable[T]], *, retry: RetryPolicy | None = None
) -> T:
    """Do what `retry_on_occ` does, with a coroutine function.

    Args:
        function: Does the work.
        retry: How often it may be called; by default as `RetryPolicy` has it.

    Raises:
        Exception: As `retry_on_occ` does.
    """
    policy = retry or RetryPolicy()
    course = Course(policy, time.monotonic())
    while True:
        try:
            return await function()
        except Exception as error:  # noqa: BLE001 - judged
            again = _judge(course, error)
        course = again.course
        await asyncio.sleep(again.delay)


def _judge(course: Course, error: Exception) -> Again:
    """Return when to try again; raise the error, or that of a policy that is spent."""
    # The state of a connection would tell nothing: the function has ended its own.
    trouble = Trouble(Stage.BODY, error)
    match course.after(trouble, time.monotonic(), random.random()):  # noqa: S311 - only a delay
        case Again() as again:
            logger.debug(
                "call %d met a conflict: the next one in %.1f ms",
                again.course.failures,
                again.delay * 1000,
            )
            return again
        case Exhausted() as verdict:
            make = _exhausted_of(error)
            told = telling.exhausted(make, verdict, course.policy, error)
            logger.error("%s", told)
            raise told from error
        case _:
            raise error


def _exhausted_of(error: BaseException) -> type[errors.OCCRetryExhausted]:
    """Return the class that the driver whose error it is has for it."""
    packages = {
        one.__module__.partition(".")[0]
        for cause in _causes(error)
        for one in type(cause).__mro__
    }
    if "psycopg" in packages:
        from moorline.dsql.transactions import driver_psycopg  # noqa: PLC0415 - in use already

        return driver_psycopg.OCCRetryExhausted
    if "asyncpg" in packages:
        from moorline.dsql.transactions import driver_asyncpg  # noqa: PLC0415 - the same

        return driver_asyncpg.OCCRetryExhausted
    return errors.OCCRetryExhausted


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__
    return found

"""Performs the flows of transactions, in a thread or in a task; decides nothing.

Cancellation goes into the flow as every error does: only the flow knows whether COMMIT
was on its way.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

from moorline.core.steps import Sleep
from moorline.dsql.transactions.session import Acquire, Begin, Release, Run

if TYPE_CHECKING:
    from moorline.core.flow import Flow, Step
    from moorline.dsql.transactions.session import AsyncSession, SyncSession

__all__ = ["aperform", "perform"]

R = TypeVar("R")


def perform(flow: Flow[R], session: SyncSession) -> R:
    """Run a flow to its end and return its answer."""
    try:
        step = flow.send(None)
        while True:
            try:
                result = _do(step, session)
            except BaseException as error:  # noqa: BLE001 - the flow decides
                step = flow.throw(error)
            else:
                step = flow.send(result)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]  # a generator's own type


def _do(step: Step[object], session: SyncSession) -> object:
    result: object = None
    match step:
        case Acquire():
            result = session.acquire()
        case Begin(conn):
            session.begin(conn)
        case Run():
            result = session.run(step)
        case Release(conn):
            session.release(conn)
        case Sleep(seconds):
            time.sleep(seconds)
        case _:
            raise TypeError(f"no runner performs {step!r}")
    return result


async def aperform(flow: Flow[R], session: AsyncSession) -> R:
    """Run a flow to its end and return its answer."""
    try:
        step = flow.send(None)
        while True:
            try:
                result = await _ado(step, session)
            except BaseException as error:  # noqa: BLE001 - the flow decides
                step = flow.throw(error)
            else:
                step = flow.send(result)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]  # a generator's own type


async def _ado(step: Step[object], session: AsyncSession) -> object:
    result: object = None
    match step:
        case Acquire():
            result = await session.acquire()
        case Begin(conn):
            await session.begin(conn)
        case Run():
            result = await session.run(step)
        case Release(conn):
            await session.release(conn)
        case Sleep(seconds):
            await asyncio.sleep(seconds)
        case _:
            raise TypeError(f"no runner performs {step!r}")
    return result

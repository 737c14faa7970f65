"""Work that tasks have done in threads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["to_its_end"]

T = TypeVar("T")


async def to_its_end(work: Callable[[], T]) -> tuple[T, bool]:
    """Call a function in a thread, and wait for it whatever happens.

    Whoever is cancelled meanwhile may still have to say so: it is not raised.

    Returns:
        What the function returned, and whether the caller was cancelled.
    """
    working = asyncio.ensure_future(asyncio.to_thread(work))
    cancelled = False
    while not working.done():
        try:
            await asyncio.wait({working})
        except asyncio.CancelledError:
            cancelled = True
    return working.result(), cancelled

"""Which transactions the running thread or task is in the middle of.

A nested one would wait for its own caller's connection, or be another transaction than
it seems to be. Tasks and threads that the function starts inherit the context, but
are not it: theirs are transactions of their own.
"""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

__all__ = ["Frame", "is_within", "open_frame"]


class Frame:
    """One transaction that is under way.

    Args:
        target: The pool or connection that it was begun on.
        owner: The task or thread that it belongs to.
    """

    __slots__ = ("owner", "target")

    def __init__(self, target: object, owner: object) -> None:
        self.target: object | None = target
        self.owner: object | None = owner

    def close(self) -> None:
        """Forget it; a context that still has it keeps nothing alive by that."""
        self.target = self.owner = None
        _frames.set(tuple(one for one in _frames.get() if one.target is not None))


_frames: ContextVar[tuple[Frame, ...]] = ContextVar("moorline.dsql", default=())


def is_within(target: object) -> bool:
    """Tell whether the caller is within a transaction on the same target."""
    frames = _frames.get()
    if not frames:
        return False
    owner = _owner()
    return any(one.target is target and one.owner is owner for one in frames)


def open_frame(target: object) -> Frame:
    """Note that the caller is within a transaction on a target."""
    frame = Frame(target, _owner())
    _frames.set((*_frames.get(), frame))
    return frame


def _owner() -> object:
    """Return the task that runs, or the thread where there is none."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return task or threading.current_thread()

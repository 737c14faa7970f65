"""Flows: decisions written once, as generators that yield effects.

A *step* is a frozen description of one effect. A *flow* is a generator that yields
steps, receives each result (or the exception, thrown in at the yield) and returns
its answer. The two runners in `moorline.shell` perform the steps; they decide
nothing. See ``docs/design.md`` for the rules that runners and flows keep.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Generic, TypeAlias, TypeVar, cast

__all__ = ["Flow", "Step"]

R = TypeVar("R")


class Step(Generic[R]):
    """One effect, whose performance gives an `R`.

    Iterating over a step yields it once and returns what the runner sends back, so
    that ``rows = yield from Fetch(conn, sql)`` is typed.
    """

    __slots__ = ()

    def __iter__(self) -> Generator[Step[object], object, R]:
        return cast("R", (yield cast("Step[object]", self)))


Flow: TypeAlias = Generator[Step[object], object, R]

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
R_co = TypeVar("R_co", covariant=True)


class Step(Generic[R_co]):
    """One effect, whose performance gives an `R_co`.

    Iterating over a step yields it once and returns what the runner sends back, so
    that ``rows = yield from Fetch(conn, sql)`` is typed.
    """

    __slots__ = ()

    def __iter__(self) -> Generator[Step[object], object, R_co]:
        return cast("R_co", (yield self))


Flow: TypeAlias = Generator[Step[object], object, R]

"""How one candidate is chosen among equals in tier and health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from moorline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["PICKERS", "Picker", "least_loaded", "picker", "uniform"]


class Picker(Protocol):
    """A rule of choice: one call, no state that it needs to keep."""

    def __call__(self, loads: Sequence[int], dice: Callable[[], float], /) -> int:
        """Return the index of the candidate to take.

        Args:
            loads: The load of each candidate, in connections; never empty.
            dice: Gives random numbers from 0 (included) to 1 (excluded).
        """
        ...


def least_loaded(loads: Sequence[int], dice: Callable[[], float], /) -> int:
    """Take the least loaded candidate, at random among equals."""
    least = min(loads)
    ties = [index for index, load in enumerate(loads) if load == least]
    return ties[int(dice() * len(ties))]


def uniform(loads: Sequence[int], dice: Callable[[], float], /) -> int:
    """Take any candidate, each with the same chance."""
    return int(dice() * len(loads))


PICKERS: dict[str, Picker] = {"least-loaded": least_loaded, "uniform": uniform}


def picker(choice: str | Picker) -> Picker:
    """Return a picker by name, or the one given.

    Raises:
        ConfigError: No built-in picker has that name; the message lists them.
    """
    if callable(choice):
        return choice
    if choice not in PICKERS:
        names = ", ".join(PICKERS)
        message = f"picker={choice!r} is unknown: write one of {names}"
        raise ConfigError(message)
    return PICKERS[choice]

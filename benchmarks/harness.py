"""Timing on a noisy machine, and what a measure gives back.

The things to compare are run in turn, in random order within each round, so that
whatever else the machine does hits all of them alike. Every timing is kept. A figure is
the median of the differences within the rounds, or a ratio of medians, with the
interval that a bootstrap over whole rounds gives. Garbage is collected before a timed
loop and not during it.
"""

from __future__ import annotations

import gc
import json
import random
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = [
    "Figure",
    "Run",
    "Samples",
    "above",
    "child",
    "figure_of",
    "interleave",
    "quiet_gc",
    "summary",
    "timed",
]

RESAMPLES = 400
Samples = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Run:
    """How much is to be measured.

    Args:
        seed: For the order within rounds, and for the bootstrap.
        quick: Only see whether everything works; the figures mean nothing.
    """

    seed: int
    quick: bool = False

    def count(self, full: int, quick: int) -> int:
        """Return how many times to do something."""
        return quick if self.quick else full

    def dice(self) -> random.Random:
        """Return random numbers that are the same in every run with this seed."""
        return random.Random(self.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure.

    Args:
        what: What was measured.
        value: The figure, in `unit`.
        unit: Its unit.
        limit: What it must not exceed; `None` if it is only told, not judged.
        bar: The limit as it was set.
        interval: Where 95 of 100 resamples put the figure.
        samples: Summaries of the raw samples, in `unit` unless its name says otherwise.
        notes: How it was measured, and further numbers.
    """

    what: str
    value: float
    unit: str
    limit: float | None = None
    bar: str = ""
    interval: tuple[float, float] | None = None
    samples: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    notes: Mapping[str, object] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return asdict(self)


@contextmanager
def quiet_gc() -> Iterator[None]:
    """Collect garbage now and not in the block."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def timed(act: Callable[[], object]) -> float:
    """Return how many seconds a call takes."""
    start = time.perf_counter_ns()
    act()
    return (time.perf_counter_ns() - start) / 1e9


def interleave(
    arms: Mapping[str, Callable[[], float]], rounds: int, dice: random.Random
) -> Samples:
    """Run all arms once in each round, in random order; collect what each gives."""
    samples: Samples = {name: [] for name in arms}
    order = list(arms)
    for _ in range(rounds):
        dice.shuffle(order)
        for name in order:
            samples[name].append(arms[name]())
    return samples


def above(values: Sequence[float], base: Sequence[float]) -> float:
    """Return the median of the differences within the rounds."""
    return statistics.median(a - b for a, b in zip(values, base, strict=True))


def figure_of(
    statistic: Callable[..., float], *series: Sequence[float], dice: random.Random
) -> tuple[float, tuple[float, float]]:
    """Return a statistic of samples, and its 95 % interval by bootstrap over rounds."""
    rounds = range(len(series[0]))
    found = []
    for _ in range(RESAMPLES):
        chosen = dice.choices(rounds, k=len(rounds))
        found.append(statistic(*([one[i] for i in chosen] for one in series)))
    cuts = statistics.quantiles(found, n=40)  # 2.5 % each
    return statistic(*series), (cuts[0], cuts[-1])


def summary(samples: Sequence[float], scale: float = 1.0) -> dict[str, float]:
    """Summarise raw samples, multiplied by `scale`."""
    ordered = sorted(samples)
    last = len(ordered) - 1
    quantiles = {"p25": 0.25, "p50": 0.5, "p75": 0.75, "p99": 0.99}
    return {
        "count": len(ordered),
        "min": ordered[0] * scale,
        **{name: ordered[round(q * last)] * scale for name, q in quantiles.items()},
        "max": ordered[-1] * scale,
    }


def child(script: str, *argv: str) -> dict[str, float]:
    """Run a script in a fresh interpreter; return the JSON that it prints."""
    done = subprocess.run(  # noqa: S603 - our own interpreter and scripts
        [sys.executable, "-c", script, *argv],
        check=True,
        stdout=subprocess.PIPE,
        timeout=120,
    )
    answer: dict[str, float] = json.loads(done.stdout)
    return answer

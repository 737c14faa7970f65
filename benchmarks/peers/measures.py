"""What one run of a row gives, and how rows of two drivers are judged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.peers.client import Attempt, Place

__all__ = [
    "Measure",
    "Row",
    "Verdict",
    "cost_of",
    "failure",
    "judge",
    "placed",
    "shown",
    "waited",
    "whole",
]

Verdict = Literal["better", "equal", "worse"]
Cost = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """One run of one row.

    Args:
        value: What the table shows.
        cost: What is compared, item by item; less is better. `None` where there was
            no answer to be had, which is worse than any answer.
        note: What else there is to know, for the file of results.
    """

    value: str | float
    cost: Cost | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Args:
        name: What the results call it.
        what: What is measured, in a few words.
        best: What a driver without fault would show.
        unit: The unit of numbers.
        margin: Differences of cost up to this are noise.
        judged: Whether drivers are set against each other by it.
    """

    name: str
    what: str
    best: str
    unit: str = ""
    margin: float = 0.0
    judged: bool = True


def placed(
    places: Sequence[Place],
    nodes: Sequence[Place],
    wanted: Sequence[int],
    attempts: Sequence[Attempt] = (),
) -> Measure:
    """Measure a spread over nodes: failed connects, then connections misplaced."""
    found = Counter(places)
    counts = [found[node] for node in nodes]
    errors = [one.error for one in attempts if one.error]
    misplaced = sum(
        max(have - want, 0) for have, want in zip(counts, wanted, strict=True)
    )
    value = "/".join(map(str, counts))
    if errors:
        kind = errors[0].partition(":")[0]
        value += f", {len(errors)} of {len(attempts)} failed ({kind})"
    return Measure(value, (len(errors), misplaced), note="; ".join(sorted(set(errors))))


def waited(attempts: Sequence[Attempt]) -> Measure:
    """Measure how long connects took: failed ones, then the slowest."""
    errors = [one.error for one in attempts if one.error]
    slowest = max(one.seconds for one in attempts)
    value = f"{slowest:.1f} s, {len(errors)} of {len(attempts)} failed"
    return Measure(value, (len(errors), slowest), note="; ".join(sorted(set(errors))))


def whole(number: int, errors: Sequence[str] = ()) -> Measure:
    """Measure a number that had better be small: failures, then the number."""
    note = "; ".join(sorted(set(errors)))
    value = f"{number}, {len(errors)} failed" if errors else number
    return Measure(value, (len(errors), number), note)


def failure(said: str) -> Measure:
    """Measure what gave no answer: a hang, a crash, an exception."""
    return Measure(said.partition(":")[0], None, note=said)


def shown(measures: Sequence[Measure], unit: str) -> str:
    """Say what the runs of a row gave, the most frequent first."""
    numbers = [one.value for one in measures if not isinstance(one.value, str)]
    if len(numbers) == len(measures):
        ends = sorted({min(numbers), max(numbers)})
        return " to ".join(f"{end:g}" for end in ends) + (unit and f" {unit}")
    often = Counter(str(one.value) for one in measures).most_common()
    if len(often) == 1:
        return often[0][0]
    return "; ".join(
        value if times == 1 else f"{value} ({times} runs)" for value, times in often
    )


def cost_of(measures: Sequence[Measure]) -> list[float] | None:
    """Return the mean cost of the runs; `None` if any of them gave no answer."""
    costs = [one.cost for one in measures if one.cost is not None]
    if len(costs) < len(measures):
        return None
    return [mean(items) for items in zip(*costs, strict=True)]


def judge(ours: Mapping[str, Any], theirs: Mapping[str, Any], margin: float) -> Verdict:
    """Say how we stand to a peer, by cost; by intervals, where there are any."""
    if "interval" in ours and "interval" in theirs:
        if ours["interval"][1] < theirs["interval"][0]:
            return "better"
        return "worse" if ours["interval"][0] > theirs["interval"][1] else "equal"
    one, other = ours["cost"], theirs["cost"]
    if one is None or other is None:
        return "equal" if one == other else "worse" if one is None else "better"
    for mine, its in zip(one, other, strict=True):
        if abs(mine - its) > margin:
            return "better" if mine < its else "worse"
    return "equal"

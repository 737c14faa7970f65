"""One line of the table: how fast moorline was, how fast another, and the ratio."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from benchmarks.harness import figure_of, summary

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.questdb_peers.race import Times

__all__ = ["Line", "Row", "judged", "lines_of", "spread"]

MISSING = "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Args:
        name: What the results call it.
        what: What is measured, in a few words.
        ours: What moorline did, in a few words.
        beside: What the other did, and who that is if not the client for Python.
        ratio: How many times as fast ours is; `None` if one of the two is missing.
        interval: Where 95 of 100 resamples put the ratio.
        bar: What was set for moorline; "" if the line is only told.
        met: Whether it was met; `None` if there is no bar, or nothing to judge.
        details: The seconds of both, summarised.
    """

    name: str
    what: str
    ours: str
    beside: str
    ratio: float | None = None
    interval: tuple[float, float] | None = None
    bar: str = ""
    met: bool | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """A row that is yet to be made: of which arms, and the bar for their ratio.

    Args:
        what: What is measured, in a few words.
        ours: The arm that is ours.
        beside: The arm that it is set beside.
        least: What the ratio must be at least; `None` if it is only told.
        label: Who the other is, if it is not the client for Python.
    """

    what: str
    ours: str
    beside: str
    least: float | None = None
    label: str = ""


def lines_of(
    lines: Mapping[str, Line],
    times: Times,
    counts: Mapping[str, int],
    dice: random.Random,
) -> Iterator[Row]:
    """Make a row of each line.

    Args:
        lines: By the name that the results have for it.
        times: By arm.
        counts: How many rows an arm writes.
        dice: For the resamples.
    """
    for name, line in lines.items():
        ours, beside = (times.get(arm, MISSING) for arm in (line.ours, line.beside))
        ratio = interval = None
        if not isinstance(ours, str) and not isinstance(beside, str):
            per_row = counts[line.beside] / counts[line.ours]
            ratio, interval = figure_of(
                lambda mine, other, per_row=per_row: (
                    median(other) / median(mine) / per_row
                ),
                *(ours, beside),
                dice=dice,
            )
        label = f"{line.label}: " if line.label else ""
        yield Row(
            name=name,
            what=line.what,
            ours=_rate(ours, counts[line.ours]),
            beside=label + _rate(beside, counts[line.beside]),
            ratio=ratio,
            interval=interval,
            bar="" if line.least is None else f"≥ {line.least:g}",
            met=judged(ours, ratio, line.least),
            details={
                arm: found if isinstance(found, str) else summary(found)
                for arm, found in ((line.ours, ours), (line.beside, beside))
            },
        )


def judged(ours: object, ratio: float | None, least: float | None) -> bool | None:
    """Say whether a bar is met; a failure of ours never does.

    `None` if there is no bar, if ours was left out, or if there was no other.
    """
    if least is None or ours == MISSING:
        return None
    if isinstance(ours, str):
        return False
    return None if ratio is None else ratio >= least


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the median, and the quartiles around it."""
    if len(values) == 1:
        return (values[0],) * 3
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return middle, low, high


def _rate(times: list[float] | str, count: int) -> str:
    """Write how many rows a second that is; what went wrong as it is."""
    if isinstance(times, str):
        return times
    middle, low, high = spread([count / one / 1e6 for one in times])
    return f"{middle:.3g} M rows/s ({low:.3g} to {high:.3g})"

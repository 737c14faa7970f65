"""Results as JSON, and tables made from it: for a terminal, and in Markdown."""

from __future__ import annotations

import json
from math import floor, log10
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.harness import Figure

__all__ = ["Results", "combine", "load", "markdown", "save", "table"]

Results = dict[str, Any]
HEADINGS = ("what", "figure", "of each run", "bar", "met")


def combine(runs: Sequence[Sequence[Figure]]) -> list[dict[str, object]]:
    """Make one entry per figure of its runs: their median, and all of them."""
    entries: list[dict[str, object]] = []
    for same in zip(*runs, strict=True):
        first = same[0]
        value = median(one.value for one in same)
        # A limit may depend on what was measured beside it.
        limit = None if first.limit is None else median(one.limit or 0 for one in same)
        entries.append(
            {
                "what": first.what,
                "value": value,
                "unit": first.unit,
                "bar": first.bar,
                "limit": limit,
                "met": None if limit is None else value <= limit,
                "runs": [one.as_json() for one in same],
            }
        )
    return entries


def save(path: Path, results: Results) -> None:
    """Write results, numbers with the digits that mean something."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_rounded(results), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def load(path: Path) -> Results:
    """Read results."""
    results: Results = json.loads(path.read_text("utf-8"))
    return results


def table(results: Results) -> str:
    """Return a table for a terminal."""
    rows = [HEADINGS, *_rows(results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return "\n".join([_conditions(results), "", *(line.rstrip() for line in lines)])


def markdown(results: Results) -> str:
    """Return the same as Markdown, for the documentation."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *_rows(results)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(["\n".join(lines), "", _conditions(results)])


def _rows(results: Results) -> Iterator[tuple[str, ...]]:
    met = {True: "yes", False: "NO", None: ""}
    for figures in results["measures"].values():
        for figure in figures:
            yield (
                figure["what"],
                f"{_short(figure['value'])} {figure['unit']}",
                ", ".join(_spread(one) for one in figure["runs"]),
                figure["bar"],
                met[figure["met"]],
            )


def _spread(run: Mapping[str, Any]) -> str:
    if run["interval"] is None:
        return _short(run["value"])
    low, high = map(_short, run["interval"])
    return f"{_short(run['value'])} ({low} to {high})"


def _conditions(results: Results) -> str:
    on = results["machine"]
    return (
        f"{results['date']}: {on['cpu']}, {on['cores']} cores, {on['system']}; "
        f"{on['python']}, psycopg {on['psycopg']}, libpq {on['libpq']}, "
        f"PostgreSQL {on['postgresql']}, fsync off. "
        "In brackets, where 95 of 100 resamples lie; the figure is the median run."
        + (" A QUICK RUN: THE FIGURES MEAN NOTHING." if results["quick"] else "")
    )


def _short(value: float) -> str:
    """Write a number with two or three digits that mean something."""
    size = floor(log10(abs(value))) if value else 0
    return f"{value:.{min(max(2 - size, 0), 2)}f}"


def _rounded(value: object) -> object:
    match value:
        case float():
            return float(f"{value:.5g}")
        case dict():
            return {key: _rounded(one) for key, one in value.items()}
        case list() | tuple():
            return [_rounded(one) for one in value]
        case _:
            return value

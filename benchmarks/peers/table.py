"""The results as a Markdown table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers.drivers import OURS
from benchmarks.peers.markdown import page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.report import Results

__all__ = ["markdown"]


def markdown(results: Results) -> str:
    """Return the table, and below it what was run, and on what."""
    names = list(results["drivers"])
    peers = [name for name in names if name != OURS]
    judged = ("moorline is",) if peers else ()
    return page(
        results,
        ("what", "runs", "without fault", *names, *judged),
        _rows(results, names, peers),
        served=f"PostgreSQL {results['machine']['postgresql']}, fsync off",
        versions=results["drivers"],
    )


def _rows(
    results: Results, names: list[str], peers: list[str]
) -> Iterator[tuple[str, ...]]:
    for row in results["rows"]:
        cells = [row["drivers"][name]["shown"] for name in names]
        verdicts = [row["verdicts"][peer] for peer in peers if row["verdicts"]]
        judged = [", ".join(verdicts)] if peers else []
        yield (row["what"], row["runs"], row["best"], *cells, *judged)

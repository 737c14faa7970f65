"""The results as a Markdown table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers.drivers import OURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.report import Results

__all__ = ["markdown"]


def markdown(results: Results) -> str:
    """Return the table, and below it what was run, and on what."""
    names = list(results["drivers"])
    peers = [name for name in names if name != OURS]
    headings = ("what", "runs", "without fault", *names)
    if peers:
        headings = (*headings, "moorline is")
    rows = [headings, ("---",) * len(headings), *_rows(results, names, peers)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", *_conditions(results)])


def _rows(
    results: Results, names: list[str], peers: list[str]
) -> Iterator[tuple[str, ...]]:
    for row in results["rows"]:
        cells = [row["drivers"][name]["shown"] for name in names]
        verdicts = [row["verdicts"][peer] for peer in peers if row["verdicts"]]
        judged = [", ".join(verdicts)] if peers else []
        yield (row["what"], row["runs"], row["best"], *cells, *judged)


def _conditions(results: Results) -> Iterator[str]:
    on = results["machine"]
    yield (
        f"{results['date']}: {on['cpu']}, {on['cores']} cores, {on['system']}, "
        f"PostgreSQL {on['postgresql']}, fsync off."
    )
    if results["quick"]:
        yield "A QUICK RUN: THE FIGURES MEAN NOTHING."
    yield ""
    for name, versions in results["drivers"].items():
        said = ", ".join(f"{what} {version}" for what, version in versions.items())
        yield f"- {name}: {said}"

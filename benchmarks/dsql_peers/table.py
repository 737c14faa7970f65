"""The results as a Markdown table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.report import Results

__all__ = ["markdown"]

MET = {True: "met", False: "**missed**", None: ""}


def markdown(results: Results) -> str:
    """Return the table, and below it what was run, and on what."""
    clients = list(results["clients"])
    headings = ("what", *clients, "bar for moorline", "")
    rows = [headings, ("---",) * len(headings), *_rows(results, clients)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", *_conditions(results)])


def _rows(results: Results, clients: list[str]) -> Iterator[tuple[str, ...]]:
    for row in results["rows"]:
        cells = [row["shown"].get(client, "") for client in clients]
        yield (row["what"], *cells, row["bar"], MET[row["met"]])


def _conditions(results: Results) -> Iterator[str]:
    on = results["machine"]
    yield (
        f"{results['date']}: {on['cpu']}, {on['cores']} cores, {on['system']}, "
        f"PostgreSQL {on['postgresql']}, fsync off."
    )
    if results["quick"]:
        yield "A QUICK RUN: THE FIGURES MEAN NOTHING."
    yield ""
    for name, versions in results["clients"].items():
        said = ", ".join(f"{what} {version}" for what, version in versions.items())
        yield f"- {name}: {said}"

"""The results as a Markdown table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers.markdown import MET, page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.report import Results

__all__ = ["markdown"]


def markdown(results: Results) -> str:
    """Return the table, and below it what was run, and on what."""
    clients = list(results["clients"])
    return page(
        results,
        ("what", *clients, "bar for moorline", ""),
        _rows(results, clients),
        served=f"PostgreSQL {results['machine']['postgresql']}, fsync off",
        versions=results["clients"],
    )


def _rows(results: Results, clients: list[str]) -> Iterator[tuple[str, ...]]:
    for row in results["rows"]:
        cells = [row["shown"].get(client, "") for client in clients]
        yield (row["what"], *cells, row["bar"], MET[row["met"]])

"""The results as a Markdown table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers.markdown import MET, page
from benchmarks.questdb_peers.clients import PEER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from benchmarks.report import Results

__all__ = ["markdown"]

HEADINGS = ("what", "moorline", PEER, "times as fast", "bar", "")


def markdown(results: Results) -> str:
    """Return the table, and below it what was run, and on what."""
    load = f"load {results['machine']['load average before']} before"
    return page(
        results,
        HEADINGS,
        map(_cells, results["rows"]),
        served=f"{load}; QuestDB {results['server']}",
        versions=results["clients"],
    )


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    ratio = ""
    if row["ratio"] is not None:
        low, high = row["interval"]
        ratio = f"{row['ratio']:.2f} ({low:.2f} to {high:.2f})"
    shown = (row["what"], row["ours"], row["beside"], ratio, row["bar"])
    return (*shown, MET[row["met"]])

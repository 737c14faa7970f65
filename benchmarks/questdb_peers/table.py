"""The results as a Markdown table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.questdb_peers.clients import PEER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from benchmarks.report import Results

__all__ = ["markdown"]

HEADINGS = ("what", "moorline", PEER, "times as fast", "bar", "")
MET = {True: "met", False: "**missed**", None: ""}


def markdown(results: Results) -> str:
    """Return the table, and below it what was run, and on what."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *map(_cells, results["rows"])]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", *_conditions(results)])


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    ratio = ""
    if row["ratio"] is not None:
        low, high = row["interval"]
        ratio = f"{row['ratio']:.2f} ({low:.2f} to {high:.2f})"
    shown = (row["what"], row["ours"], row["beside"], ratio, row["bar"])
    return (*shown, MET[row["met"]])


def _conditions(results: Results) -> Iterator[str]:
    on = results["machine"]
    yield (
        f"{results['date']}: {on['cpu']}, {on['cores']} cores, {on['system']}, "
        f"load {on['load average before']} before; QuestDB {results['server']}."
    )
    if results["quick"]:
        yield "A QUICK RUN: THE FIGURES MEAN NOTHING."
    yield ""
    for name, versions in results["clients"].items():
        said = ", ".join(f"{what} {version}" for what, version in versions.items())
        yield f"- {name}: {said}"

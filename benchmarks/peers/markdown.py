"""What the tables of all comparisons share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from benchmarks.report import Results

__all__ = ["MET", "page"]

# Whether a bar is met; nothing is said where there is none.
MET = {True: "met", False: "**missed**", None: ""}


def page(
    results: Results,
    headings: tuple[str, ...],
    rows: Iterable[tuple[str, ...]],
    *,
    served: str,
    versions: Mapping[str, Mapping[str, str]],
) -> str:
    """Return a table in Markdown, and below it what was run, and on what.

    Args:
        results: Whence the day and the machine are.
        headings: Of the columns.
        rows: The cells of each row.
        served: What is said behind the machine: what ran there beside the clients.
        versions: Of what ran in the environment of each client.
    """
    table = [headings, ("---",) * len(headings), *rows]
    lines = [f"| {' | '.join(row)} |" for row in table]
    on = results["machine"]
    machine = f"{on['cpu']}, {on['cores']} cores, {on['system']}"
    lines += ["", f"{results['date']}: {machine}, {served}."]
    if results["quick"]:
        lines.append("A QUICK RUN: THE FIGURES MEAN NOTHING.")
    lines.append("")
    for name, of in versions.items():
        said = ", ".join(f"{what} {version}" for what, version in of.items())
        lines.append(f"- {name}: {said}")
    return "\n".join(lines)

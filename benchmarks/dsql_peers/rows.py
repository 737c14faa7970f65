"""One line of the table: what each client did, and whether ours met its bar."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.dsql_peers.clients import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Row", "at", "row", "short"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Args:
        name: What the results call it.
        what: What is measured, in a few words.
        bar: What was set for moorline; "" if the line is only told.
        shown: What each client did, in a few words.
        met: Whether moorline met the bar; `None` if there is none, or no moorline.
        details: What there is to know besides, by client.
    """

    name: str
    what: str
    bar: str
    shown: Mapping[str, str]
    met: bool | None
    details: Mapping[str, Any] = field(default_factory=dict)


def row(
    name: str,
    what: str,
    results: Mapping[str, Any],
    show: Callable[[Any], str],
    *,
    bar: str = "",
    met: Callable[[Any], bool] | None = None,
    again: bool = False,
) -> Row:
    """Make a row of what each client gave; a text in its place says that it failed.

    Results that are shown `again` are told in full where they were shown first.
    """
    ours = results.get(OURS)
    verdict = None
    if met is not None and ours is not None:
        verdict = not isinstance(ours, str) and met(ours)
    shown = {
        client: result if isinstance(result, str) else show(result)
        for client, result in results.items()
    }
    details = {} if again else dict(results)
    return Row(name=name, what=what, bar=bar, shown=shown, met=verdict, details=details)


def at(quantile: float, values: Sequence[float]) -> float:
    """Return a quantile of samples."""
    if quantile == 0.5:  # noqa: PLR2004 - the median, of an even number too
        return median(values)
    return sorted(values)[round(quantile * (len(values) - 1))]


def short(seconds: float) -> str:
    """Write a duration with three digits, in the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"

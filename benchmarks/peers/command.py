"""What the commands of all comparisons share: their options, and their results.

Each says what may be measured and of whom; `benchmarks.peers_dsql` is the shortest.
"""

from __future__ import annotations

import argparse
import sys
from argparse import ArgumentError
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import report
from benchmarks.peers.environments import ROOT

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Collection, Iterable, Sequence

    from benchmarks.report import Results

__all__ = ["Command", "RowResults", "measured", "results"]

RESULTS = ROOT / "benchmarks" / "results"
RowResults = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A comparison, as it is asked for in a terminal.

    Args:
        module: Its name, which is the name of its results too: "peers_dsql".
        description: What it compares, in a sentence.
        kind: What a name is of: "measure" or "scenario".
        names: Of all that may be measured, in their order.
        clients: Who is compared; each may be asked for alone.
        only: What is said of that option.
        runs: How often each is done by default; `None` if that is no option.
    """

    module: str
    description: str
    kind: str
    names: Collection[str]
    clients: Collection[str]
    only: str
    runs: int | None = None

    def main(
        self,
        argv: Sequence[str] | None,
        compare: Callable[[Namespace], Results],
        table: Callable[[Results], str],
    ) -> int:
        """Measure, write the results, print the table.

        Args:
            argv: The words of the command; `None` for those of the process.
            compare: Measures `names` for the clients of `only`, neither of them empty.
                Its ArgumentError is told as a wrong option is.
            table: Makes a table of the results.
        """
        parser = self._parser()
        try:
            found = self._results(parser.parse_args(argv), compare)
        except ArgumentError as error:
            parser.error(str(error))
        print(table(found))
        return 0

    def _results(
        self, options: Namespace, compare: Callable[[Namespace], Results]
    ) -> Results:
        """Read results, or measure and write what a file is named for or is whole."""
        if unknown := set(options.names) - set(self.names):
            what = ", ".join(sorted(unknown))
            raise ArgumentError(None, f"no such {self.kind}: {what}")
        if options.read:
            return report.load(options.read)
        whole = not (options.names or options.only or options.quick)
        path = options.json or (RESULTS / self._file if whole else None)
        options.names = options.names or [*self.names]
        options.only = options.only or [*self.clients]
        found = compare(options)
        if path:
            report.save(path, found)
        return found

    @property
    def _file(self) -> str:
        return f"{self.module}.json"

    def _parser(self) -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser(
            prog=f"python -m benchmarks.{self.module}", description=self.description
        )
        add = parser.add_argument
        known = ", ".join(self.names)
        add("names", nargs="*", metavar=self.kind, help=f"any of {known}")
        add("--only", action="append", choices=self.clients, help=self.only)
        if self.runs is not None:
            often = f"play each {self.kind} so often (default: {self.runs})"
            add("--runs", type=int, default=self.runs, help=often)
        add("--quick", action="store_true", help="tiny counts, to see that it works")
        where = f"where to write the results; for a whole run {self._file} by default"
        add("--json", type=Path, metavar="FILE", help=where)
        add("--read", type=Path, metavar="FILE", help="run nothing, read results")
        dice = "for orders and resamples (default: 20)"
        add("--seed", type=int, default=20, help=dice)
        today = datetime.now(UTC).date().isoformat()
        told = "the date that results carry (default: today)"
        add("--date", default=today, help=told)
        return parser


def measured(
    names: Iterable[str], measure: Callable[[str], Iterable[RowResults]]
) -> list[RowResults]:
    """Measure one after the other, say on standard error which, and return the rows."""
    rows: list[RowResults] = []
    for name in names:
        print(f"{name}…", file=sys.stderr, flush=True)
        rows += measure(name)
    return rows


def results(options: Namespace, machine: object, **found: object) -> Results:
    """Return results as they are written: how they came about, and what was found."""
    return {
        "date": options.date,
        "seed": options.seed,
        "quick": options.quick,
        "machine": machine,
        **found,
    }

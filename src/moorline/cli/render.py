"""How the demonstration looks: results to stdout, progress to stderr.

Everything that is shown comes from a `Report` or an `Outcome`; nothing is decided here.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from moorline.cli.demo import STANDIN

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from moorline.cli.demo import Outcome, Report
    from moorline.lab import Node

__all__ = ["BAD", "CODE", "MARGIN", "QUIET", "Screen", "console", "mark"]

_WIDTH = 100  # of running text where there is no terminal
_ROOM = 90  # columns from which on a bar has a character for each connection
MARGIN = "   "
QUIET = "dim"
CODE = "cyan"
GOOD, BAD = "bold green", "bold red"


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints text as it is, and colours only on a terminal."""
    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = _WIDTH
    return made


def mark(target: Console, *, ok: bool) -> Text:
    """Return the sign that something is as promised, or is not."""
    good, bad = ("ok", "WRONG") if target.options.ascii_only else ("✓", "✗")
    return Text(good, GOOD) if ok else Text(bad, BAD)


class Screen:
    """Where the demonstration is shown.

    Args:
        quiet: Show progress only; stdout is for somebody else.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._out = console()
        self._err = console(stderr=True)
        self._quiet = quiet

    @contextmanager
    def progress(self, what: str) -> Generator[None]:
        """Say what is going on: a spinner on a terminal, else a line."""
        # Asked of the stream: FORCE_COLOR makes rich take a pipe for a terminal.
        if sys.stderr.isatty() and self._err.is_interactive:
            with self._err.status(Text(what, QUIET), spinner_style=CODE):
                yield
        else:
            self._err.print(f"{what} ...", soft_wrap=True)
            yield

    def opening(self, report: Report, preferred_port: int) -> None:
        """Say what plays, and what it is not."""
        source, _ = report.source
        postgresql = report.versions["postgresql"]
        self.versions(
            report.versions, f"three servers: PostgreSQL {postgresql} ({source})"
        )
        self.print(Text(STANDIN), wrap=True)
        port = report.nodes[0].port
        if port != preferred_port:
            where = f"port {preferred_port} is taken here: the nodes listen on {port}"
            self.print(Text(where, "yellow"))

    def act(self, number: int, outcome: Outcome, nodes: Sequence[Node]) -> None:
        """Show what was typed, what was promised and what the servers counted."""
        self.print(Text())
        self.print(Text(f"{number}  {outcome.act.title}", "bold"))
        for line in self._code(outcome.conninfo):
            self.print(Text(MARGIN + line, CODE))
        self._table(outcome, nodes)
        for line in outcome.log:
            self.print(Text(f"{MARGIN}moorline's log: {line}", QUIET))
        for line in outcome.errors:
            self.print(Text(f"{MARGIN}error: {line}", BAD))

    def closing(self, report: Report) -> None:
        """Say how it went, and what to type next."""
        good = sum(outcome.ok for outcome in report.outcomes)
        self.verdict(good, len(report.outcomes), report.seconds, ok=report.ok)
        self.hints(
            ("from moorline.yugabyte import psycopg", "the one line to change"),
            ("moorline topology 'postgresql://…'", "your cluster's nodes"),
            ("moorline explain 'postgresql://…'", "where the next connection goes"),
        )

    def versions(self, versions: Mapping[str, str], servers: str) -> None:
        """Say what takes part, and which servers."""
        line = Text(f"moorline {versions['moorline']}", "bold")
        for name, version in versions.items():
            if name not in {"moorline", "postgresql"}:
                named = name.replace("python", "Python")
                line.append(f" · {named} {version}", f"not bold {QUIET}")
        self.print(line)
        self.print(Text(servers, QUIET))

    def verdict(self, good: int, acts: int, seconds: float, *, ok: bool) -> None:
        """Say how many acts went as promised."""
        line = self.mark(ok=ok)
        line.append(
            f" {good} of {acts} acts as promised, in {seconds:.1f} s; servers stopped, "
            "files removed",
            "not bold",
        )
        self.print(Text())
        self.print(line)

    def hints(self, *hints: tuple[str, str]) -> None:
        """Say what to type next."""
        self.print(Text())
        for command, what in hints:
            line = Text.assemble((command.ljust(40), CODE), (what, QUIET))
            self.print(line)

    def mark(self, *, ok: bool) -> Text:
        """Return the sign that something is as promised, or is not."""
        return mark(self._out, ok=ok)

    def _table(self, outcome: Outcome, nodes: Sequence[Node]) -> None:
        """Print a line for each node, and a line for all."""
        held = f"{'held':>6}" if outcome.held else ""
        header = f"{'node':<16}{'placement':<24}{held}{'promised':>10}{'counted':>9}"
        self.print(Text(MARGIN + header, QUIET))
        for node in nodes:
            self.print(self._row(outcome, node))
        opened = " + ".join(str(n) for n in (outcome.act.opens, outcome.act.more) if n)
        total = (
            f" {opened} connections in {outcome.seconds * 1000:.0f} ms, "
            f"{len(outcome.errors) or 'no'} errors; counted in pg_stat_activity"
        )
        sign = mark(self._out, ok=outcome.ok)
        self.print(Text.assemble(MARGIN, sign, (total, QUIET)))

    def _row(self, outcome: Outcome, node: Node) -> Text:
        """Return the line of a node, with a bar as long as its servers' count."""
        act, at = outcome.act, node.index
        counted, promised = outcome.counted[at], act.expected[at]
        line = Text(f"{MARGIN}{f'{node.host}:{node.port}':<16}{node.placement:<24}")
        ok, old = counted == promised, 0
        if outcome.held:
            line.append(f"{outcome.held[at]:>6}", QUIET)
            ok = ok and outcome.held == act.held
            old = min(outcome.held[at], counted)
        line.append(f"{promised:>10}", QUIET)
        line.append(f"{counted:>9}  ", "bold")
        line.append_text(mark(self._out, ok=ok))
        before, bar = self._bar(old), self._bar(counted)
        line.append(" ").append(before, f"{QUIET} {CODE}")
        line.append(bar[len(before) :], CODE)
        if at == act.killed:
            line.append("killed", "red")
        line.rstrip()
        return line

    def _bar(self, length: int) -> str:
        """Draw one connection as a character, or as half of one if there is no room."""
        narrow = self._out.width < _ROOM
        if self._out.options.ascii_only:
            return "#" * (-(-length // 2) if narrow else length)
        return "█" * (length // 2) + "▌" * (length % 2) if narrow else "█" * length

    def _code(self, conninfo: str) -> list[str]:
        """Write the call as a program has it, in two literals if the line is short."""
        call = f'psycopg.connect("{conninfo}")'
        if len(MARGIN + call) <= self._out.width or not self._out.is_terminal:
            return [call]
        base, _, query = conninfo.partition("?")
        start = "psycopg.connect("
        return [f'{start}"{base}"', f'{" " * len(start)}"?{query}")']

    def print(self, line: Text, *, wrap: bool = False) -> None:
        """Print a line, unless stdout is for somebody else."""
        if not self._quiet:
            # Lines that people copy must not be broken where a terminal ends.
            self._out.print(line, soft_wrap=not wrap)

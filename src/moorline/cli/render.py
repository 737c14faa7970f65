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
    from collections.abc import Generator, Sequence

    from moorline.cli.demo import Outcome, Report
    from moorline.lab import Node

__all__ = ["Screen", "console", "mark"]

_WIDTH = 100  # of running text where there is no terminal
_ROOM = 90  # columns from which on a bar has a character for each connection
_MARGIN = "   "
_QUIET = "dim"
_BAR = "cyan"
_GOOD, _BAD = "bold green", "bold red"


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints text as it is, and colours only on a terminal."""
    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = _WIDTH
    return made


def mark(target: Console, *, ok: bool) -> Text:
    """Return the sign that something is as promised, or is not."""
    good, bad = ("ok", "WRONG") if target.options.ascii_only else ("✓", "✗")
    return Text(good, _GOOD) if ok else Text(bad, _BAD)


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
            with self._err.status(Text(what, _QUIET), spinner_style=_BAR):
                yield
        else:
            self._err.print(f"{what} ...", soft_wrap=True)
            yield

    def opening(self, report: Report, preferred_port: int) -> None:
        """Say what plays, and what it is not."""
        versions = dict(report.versions)
        source, _ = report.source
        line = Text.assemble(("moorline ", "bold"), (versions.pop("moorline"), "bold"))
        servers = f"three servers: PostgreSQL {versions.pop('postgresql')} ({source})"
        for name, version in versions.items():
            line.append(f" · {name.replace('python', 'Python')} {version}", _QUIET)
        self._print(line)
        self._print(Text(servers, _QUIET))
        self._print(Text(STANDIN), wrap=True)
        port = report.nodes[0].port
        if port != preferred_port:
            where = f"port {preferred_port} is taken here: the nodes listen on {port}"
            self._print(Text(where, "yellow"))

    def act(self, number: int, outcome: Outcome, nodes: Sequence[Node]) -> None:
        """Show what was typed, what was promised and what the servers counted."""
        self._print(Text())
        self._print(Text(f"{number}  {outcome.act.title}", "bold"))
        for line in self._code(outcome.conninfo):
            self._print(Text(_MARGIN + line, _BAR))
        self._table(outcome, nodes)
        for line in outcome.log:
            self._print(Text(f"{_MARGIN}moorline's log: {line}", _QUIET))
        for line in outcome.errors:
            self._print(Text(f"{_MARGIN}error: {line}", _BAD))

    def closing(self, report: Report) -> None:
        """Say how it went, and what to type next."""
        good = sum(outcome.ok for outcome in report.outcomes)
        verdict = mark(self._out, ok=report.ok)
        verdict.append(
            f" {good} of {len(report.outcomes)} acts as promised, in "
            f"{report.seconds:.1f} s; servers stopped, files removed",
            "not bold",
        )
        self._print(Text())
        self._print(verdict)
        self._print(Text())
        for command, what in (
            ("from moorline.yugabyte import psycopg", "the one line to change"),
            ("moorline topology 'postgresql://…'", "your cluster's nodes"),
            ("moorline explain 'postgresql://…'", "where the next connection goes"),
        ):
            line = Text.assemble((command.ljust(40), _BAR), (what, _QUIET))
            self._print(line)

    def _table(self, outcome: Outcome, nodes: Sequence[Node]) -> None:
        """Print a line for each node, and a line for all."""
        held = f"{'held':>6}" if outcome.held else ""
        header = f"{'node':<16}{'placement':<24}{held}{'promised':>10}{'counted':>9}"
        self._print(Text(_MARGIN + header, _QUIET))
        for node in nodes:
            self._print(self._row(outcome, node))
        opened = " + ".join(str(n) for n in (outcome.act.opens, outcome.act.more) if n)
        total = (
            f" {opened} connections in {outcome.seconds * 1000:.0f} ms, "
            f"{len(outcome.errors) or 'no'} errors; counted in pg_stat_activity"
        )
        sign = mark(self._out, ok=outcome.ok)
        self._print(Text.assemble(_MARGIN, sign, (total, _QUIET)))

    def _row(self, outcome: Outcome, node: Node) -> Text:
        """Return the line of a node, with a bar as long as its servers' count."""
        act, at = outcome.act, node.index
        counted, promised = outcome.counted[at], act.expected[at]
        line = Text(f"{_MARGIN}{f'{node.host}:{node.port}':<16}{node.placement:<24}")
        ok, old = counted == promised, 0
        if outcome.held:
            line.append(f"{outcome.held[at]:>6}", _QUIET)
            ok = ok and outcome.held == act.held
            old = min(outcome.held[at], counted)
        line.append(f"{promised:>10}", _QUIET)
        line.append(f"{counted:>9}  ", "bold")
        line.append_text(mark(self._out, ok=ok))
        before, bar = self._bar(old), self._bar(counted)
        line.append(" ").append(before, f"{_QUIET} {_BAR}")
        line.append(bar[len(before) :], _BAR)
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
        if len(_MARGIN + call) <= self._out.width or not self._out.is_terminal:
            return [call]
        base, _, query = conninfo.partition("?")
        start = "psycopg.connect("
        return [f'{start}"{base}"', f'{" " * len(start)}"?{query}")']

    def _print(self, line: Text, *, wrap: bool = False) -> None:
        if not self._quiet:
            # Lines that people copy must not be broken where a terminal ends.
            self._out.print(line, soft_wrap=not wrap)

"""How the demonstration of Aurora DSQL looks; nothing is decided here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from moorline.cli.dsql_demo import STANDIN, TITLES
from moorline.cli.render import BAD, CODE, MARGIN, QUIET

if TYPE_CHECKING:
    from moorline.cli.dsql_demo import Outcome, Report
    from moorline.cli.render import Screen

__all__ = ["show_act", "show_closing", "show_opening"]


def show_opening(screen: Screen, report: Report) -> None:
    """Say what plays, and what it is not."""
    server = f"PostgreSQL {report.versions['postgresql']} ({report.source})"
    screen.versions(report.versions, f"a server and its front: {server}")
    screen.print(Text(STANDIN), wrap=True)


def show_act(screen: Screen, number: int, outcome: Outcome) -> None:
    """Show what was typed, what was promised and what was found."""
    screen.print(Text())
    screen.print(Text(f"{number}  {TITLES[outcome.name]}", "bold"))
    screen.print(Text(MARGIN + outcome.code, CODE))
    for fact in outcome.facts:
        line = Text.assemble(MARGIN, (f"{fact.what:<38}", QUIET), str(fact.found))
        if fact.promised is not None:
            line.append(" ").append_text(screen.mark(ok=fact.ok))
        if not fact.ok:
            line.append(f"  promised: {fact.promised}", BAD)
        screen.print(line)


def show_closing(screen: Screen, report: Report) -> None:
    """Say how it went, and what to type next."""
    good = sum(outcome.ok for outcome in report.outcomes)
    screen.verdict(good, len(report.outcomes), report.seconds, ok=report.ok)
    screen.hints(
        ("from moorline.dsql import psycopg", "the one line to change"),
        (
            "dsql.run_transaction(pool, function)",
            "repeated on conflicts, never blindly",
        ),
    )

"""How the demonstration of Aurora DSQL looks; nothing is decided here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorline.cli import facts_render
from moorline.cli.dsql_demo import TITLES

if TYPE_CHECKING:
    from moorline.cli.dsql_demo import Outcome, Report
    from moorline.cli.render import Screen

__all__ = ["show_act", "show_closing", "show_opening"]


def show_opening(screen: Screen, report: Report) -> None:
    """Say what plays, and what it is not."""
    server = f"PostgreSQL {report.versions['postgresql']} ({report.source})"
    facts_render.show_opening(screen, report, f"a server and its front: {server}")


def show_act(screen: Screen, number: int, outcome: Outcome) -> None:
    """Show what was typed, what was promised and what was found."""
    facts_render.show_act(screen, number, TITLES[outcome.name], outcome)


def show_closing(screen: Screen, report: Report) -> None:
    """Say how it went, and what to type next."""
    facts_render.show_verdict(screen, report)
    screen.hints(
        ("from moorline.dsql import psycopg", "the one line to change"),
        (
            "dsql.run_transaction(pool, function)",
            "repeated on conflicts, never blindly",
        ),
    )

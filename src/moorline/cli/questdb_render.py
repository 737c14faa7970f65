"""How the demonstration of QuestDB looks; nothing is decided here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorline.cli import facts_render
from moorline.cli.questdb_demo import TITLES

if TYPE_CHECKING:
    from moorline.cli.facts import Outcome
    from moorline.cli.questdb_demo import Report
    from moorline.cli.render import Screen

__all__ = ["show_act", "show_closing", "show_opening"]


def show_opening(screen: Screen, report: Report) -> None:
    """Say what plays, and what it is not."""
    facts_render.show_opening(screen, report, f"a server: {report.source}")


def show_act(screen: Screen, number: int, outcome: Outcome) -> None:
    """Show what was typed, what was promised and what was found."""
    facts_render.show_act(screen, number, TITLES[outcome.name], outcome)


def show_closing(screen: Screen, report: Report) -> None:
    """Say how it went, and what to type next."""
    facts_render.show_verdict(screen, report)
    screen.hints(
        ("from moorline.questdb import Sender", "or AsyncSender"),
        ("Sender.from_conf('https::addr=…;')", "the string of QuestDB's other clients"),
    )

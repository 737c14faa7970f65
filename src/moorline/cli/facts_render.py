"""How demonstrations that are lists of facts look; nothing is decided here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from moorline.cli.render import BAD, CODE, MARGIN, QUIET

if TYPE_CHECKING:
    from moorline.cli.facts import Outcome, Report
    from moorline.cli.render import Screen

__all__ = ["show_act", "show_opening", "show_verdict"]


def show_opening(screen: Screen, report: Report, servers: str) -> None:
    """Say what plays, and what it is not."""
    screen.versions(report.versions, servers)
    screen.print(Text(report.standin), wrap=True)


def show_act(screen: Screen, number: int, title: str, outcome: Outcome) -> None:
    """Show what was typed, what was promised and what was found."""
    screen.print(Text())
    screen.print(Text(f"{number}  {title}", "bold"))
    for typed in outcome.code.splitlines():
        screen.print(Text(MARGIN + typed, CODE))
    for fact in outcome.facts:
        line = Text.assemble(MARGIN, (f"{fact.what:<38}", QUIET), str(fact.found))
        if fact.promised is not None:
            line.append(" ").append_text(screen.mark(ok=fact.ok))
        if not fact.ok:
            line.append(f"  promised: {fact.promised}", BAD)
        screen.print(line)


def show_verdict(screen: Screen, report: Report) -> None:
    """Say how it went."""
    good = sum(outcome.ok for outcome in report.outcomes)
    screen.verdict(good, len(report.outcomes), report.seconds, ok=report.ok)

"""Play the acts of `moorline.cli.questdb_demo` on a server of their own."""

from __future__ import annotations

import platform
import ssl
from importlib.util import find_spec
from typing import TYPE_CHECKING

from moorline import __version__
from moorline.cli import questdb_acts, stage
from moorline.cli.failure import Failure
from moorline.cli.questdb_demo import TITLES, Report
from moorline.cli.questdb_render import show_act, show_closing, show_opening
from moorline.cli.render import Screen

if TYPE_CHECKING:
    from moorline.lab import QuestdbLab

__all__ = ["run"]


def run(*, as_json: bool) -> int:
    """Play all acts and show them; return the exit code."""
    screen = Screen(quiet=as_json)
    return stage.show(
        lambda: _perform(screen),
        lambda report: show_closing(screen, report),
        as_json=as_json,
    )


def _perform(screen: Screen) -> Report:
    for package in ("h11", "certifi", "trustme"):
        if find_spec(package) is None:
            raise Failure(
                f"the demo needs {package}: pip install 'moorline[demo,questdb]'"
            )
    from moorline.lab import QuestdbLab, questdb_jar, questdb_java  # noqa: PLC0415 - not on every system

    lab = QuestdbLab(user="admin", password="quest")  # noqa: S106 - of the server's own making
    java = questdb_java.find()
    jar = questdb_jar.find(lab.version)
    with stage.started(lab, "a QuestDB server and its front", screen):
        report = Report(_versions(lab), f"{jar.name} on Java {java.major}")
        show_opening(screen, report)
        for number, (name, title) in enumerate(TITLES.items(), 1):
            with screen.progress(f"act {number} of {len(TITLES)}: {title}"):
                outcome = questdb_acts.play(name, lab)
            report.outcomes.append(outcome)
            show_act(screen, number, outcome)
    return report


def _versions(lab: QuestdbLab) -> dict[str, str]:
    return {
        "moorline": __version__,
        "python": platform.python_version(),
        "OpenSSL": ssl.OPENSSL_VERSION.split()[1],
        "QuestDB": lab.version,
    }

"""Play the acts of `moorline.cli.demo` on servers of their own."""

from __future__ import annotations

import json
import logging
import os
import platform
import signal
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from moorline import __version__
from moorline.cli import INTERRUPTED
from moorline.cli.demo import ACTS, PLACEMENTS, Outcome, Report
from moorline.cli.failure import Failure
from moorline.cli.render import Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager

    from moorline.cli.demo import Act, Counts
    from moorline.lab import YugabyteLab

__all__ = [
    "forget_settings",
    "logged",
    "play",
    "run",
    "show",
    "started",
    "versions",
]


class Shown(Protocol):
    """What came of a demonstration."""

    seconds: float

    @property
    def ok(self) -> bool:
        """Whether all is as promised."""
        ...

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON object."""
        ...


R = TypeVar("R", bound=Shown)

PORT = 5433  # YugabyteDB's own
USERS_OWN = (
    "AWS_",
    "MOORLINE_ALLOW_",
    "MOORLINE_YB_",
    "PG",
    "QDB_",
    "SSL_CERT_",
)
_SETTLE = 2.0  # seconds in which sessions that were closed must have ended
_POLL = 0.005


def run(*, as_json: bool) -> int:
    """Play all acts and show them; return the exit code."""
    screen = Screen(quiet=as_json)
    return show(lambda: _perform(screen), screen.closing, as_json=as_json)


def show(
    perform: Callable[[], R], closing: Callable[[R], None], *, as_json: bool
) -> int:
    """Have a demonstration performed, and say how it went; return the exit code."""
    if os.name != "posix":
        raise Failure("the demo's servers need Linux or macOS")
    began = time.perf_counter()
    forget_settings()
    try:
        report = perform()
    except KeyboardInterrupt:
        # Raised here only after the servers were stopped.
        message = "interrupted; the servers are stopped and their files removed"
        raise Failure(message, INTERRUPTED) from None
    report.seconds = time.perf_counter() - began
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        closing(report)
    return 0 if report.ok else 1


@contextmanager
def started(
    lab: AbstractContextManager[object], what: str, screen: Screen
) -> Generator[None]:
    """Start servers, and stop them at the end whatever is typed meanwhile."""
    with ExitStack() as cleaning:
        cleaning.callback(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT))
        with screen.progress(f"starting {what}"):
            cleaning.enter_context(lab)
        # These go backwards: from here to the first one, a second Ctrl-C is ignored
        # while the servers stop.
        cleaning.callback(signal.signal, signal.SIGINT, signal.SIG_IGN)
        yield


def _perform(screen: Screen) -> Report:
    from moorline.lab import YugabyteLab  # noqa: PLC0415 - not on every system

    lab = YugabyteLab(placements=PLACEMENTS, prefer_port=PORT)
    with started(lab, "three PostgreSQL servers", screen):
        binaries = lab.binaries
        report = Report(
            versions=versions(binaries.version),
            source=(binaries.source, str(binaries.path)),
            nodes=lab.nodes,
        )
        screen.opening(report, preferred_port=PORT)
        for number, act in enumerate(ACTS, 1):
            with screen.progress(f"act {number} of {len(ACTS)}: {act.title}"):
                outcome = play(act, lab)
            report.outcomes.append(outcome)
            screen.act(number, outcome, report.nodes)
    return report


def play(act: Act, lab: YugabyteLab) -> Outcome:
    """Do what an act says, and have the servers count.

    The first connection that fails ends the opening: the act has failed by then.
    """
    conninfo = lab.dsn(load_balance=True)
    if act.topology_keys:
        conninfo = lab.dsn(load_balance=True, topology_keys=act.topology_keys)
    errors: list[str] = []
    held: Counts | None = None
    with ExitStack() as connections, logged() as log:
        began = time.perf_counter()
        _open(act.opens, conninfo, connections, errors)
        seconds = time.perf_counter() - began
        if act.killed is not None:
            held = _count(lab, act.held)
            lab.kill(act.killed)
            began = time.perf_counter()
            if not errors:
                _open(act.more, conninfo, connections, errors)
            seconds += time.perf_counter() - began
        counted = _count(lab, act.expected)
    _count(lab, (0,) * len(lab.nodes))  # the next act begins with nothing
    return Outcome(act, conninfo, counted, held, errors, log, seconds)


def _open(
    number: int, conninfo: str, connections: ExitStack, errors: list[str]
) -> None:
    from moorline.yugabyte import psycopg  # noqa: PLC0415 - after forget_settings

    for _ in range(number):
        try:
            conn = psycopg.connect(conninfo)
        except psycopg.Error as error:
            errors.append(" ".join(str(error).split()))
            return
        connections.callback(conn.close)


def _count(lab: YugabyteLab, expected: Counts | None) -> Counts:
    """Return what the servers count, once it is as expected or time is over.

    A session that was closed, such as the one that read the list of nodes, is counted
    until its server process has ended.
    """
    deadline = time.monotonic() + _SETTLE
    while (counts := lab.counts()) != expected and time.monotonic() < deadline:
        time.sleep(_POLL)
    return counts


def versions(postgresql: str) -> dict[str, str]:
    """Return the versions of what takes part, by name."""
    import psycopg  # noqa: PLC0415 - after forget_settings

    return {
        "moorline": __version__,
        "python": platform.python_version(),
        "psycopg": psycopg.__version__,
        "libpq": psycopg.pq.version_pretty(psycopg.pq.version()),
        "postgresql": postgresql,
    }


def forget_settings() -> None:
    """Drop the variables with which the user's own clusters are reached."""
    for name in list(os.environ):
        if name.startswith(USERS_OWN):
            del os.environ[name]


@contextmanager
def logged() -> Generator[list[str]]:
    """Collect moorline's warnings instead of having them written to stderr."""
    lines: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    collector = Collector(logging.WARNING)
    logger = logging.getLogger("moorline")
    logger.addHandler(collector)
    try:
        yield lines
    finally:
        logger.removeHandler(collector)

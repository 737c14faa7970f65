"""Servers that nobody should hand a token, and whether one was sent.

Both clients are told the same, in the words of their driver. The stand-in reads what
comes in clear, and takes to pieces every token that it is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.dsql_peers.impostor import Impostor
from benchmarks.dsql_peers.rows import row
from benchmarks.dsql_peers.stage import to
from benchmarks.peers.client import WorkerFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.dsql_peers.rows import Row
    from benchmarks.dsql_peers.stage import Stage
    from benchmarks.peers.client import Worker
    from moorline.lab import DsqlLab
    from moorline.lab.dsql_options import DsqlOptionsDict

__all__ = ["measure"]

MARK = b"X-Amz-Signature"
DRIVERS = ("psycopg", "asyncpg")
Results = dict[str, Any]
# The error that a client told, and whether it sent a token.
Seen = tuple[str, bool]


def _verified(worker: Worker, lab: DsqlLab, driver: str) -> Seen:
    """Ask for `verify-full` with the right authority."""
    return _log_in(worker, lab, driver, to(lab))


def _as_given(worker: Worker, lab: DsqlLab, driver: str) -> Seen:
    """Say nothing of TLS."""
    place = to(lab)
    del place["ca_file"]
    return _log_in(worker, lab, driver, place)


def _declined(worker: Worker, lab: DsqlLab, driver: str) -> Seen:
    lab.faults.refuse_tls()
    return _as_given(worker, lab, driver)


def _disabled(worker: Worker, lab: DsqlLab, driver: str) -> Seen:
    with Impostor() as impostor:
        where = f"admin@{lab.endpoint}:{impostor.port}/postgres"
        place = {"url": f"postgresql://{where}?sslmode=disable"}
        error = worker.ask("log_in", driver=driver, at=place)
        return error, any(MARK in one for one in impostor.heard)


def _log_in(worker: Worker, lab: DsqlLab, driver: str, place: dict[str, Any]) -> Seen:
    error = worker.ask("log_in", driver=driver, at=place)
    clear = any(MARK in one for one in lab.plain_bytes)
    return error, clear or any(login.token for login in lab.logins)


@dataclass(frozen=True, slots=True)
class Case:
    """A server, and what a client does with it."""

    name: str
    what: str
    act: Callable[[Worker, DsqlLab, str], Seen]
    options: DsqlOptionsDict


CASES = (
    Case(
        "declines TLS",
        "the server declines TLS, and nothing is said of TLS: tokens sent",
        _declined,
        {},
    ),
    Case("unknown CA", "… nobody knows who signed its certificate", _as_given, {}),
    Case(
        "wrong name",
        "… its certificate is for another name; `verify-full` is asked for",
        _verified,
        {"certificate_names": ["wrong.example"]},
    ),
    Case(
        "expired",
        "… its certificate has expired; `verify-full` is asked for",
        _verified,
        {"expired_certificate": True},
    ),
    Case(
        "disabled",
        "… it has no TLS, and the URL says `sslmode=disable`",
        _disabled,
        {},
    ),
)


def measure(stage: Stage) -> Iterator[Row]:
    """Have each client connect to each server with each driver."""
    for case in CASES:
        with stage.lab(**case.options) as lab:
            results = {
                client: _sent(stage, lab, case, client) for client in stage.clients
            }
        yield row(
            f"insecure: {case.name}",
            case.what,
            results,
            _show,
            bar="none",
            met=lambda one: one["tokens"] == 0,
        )


def _show(one: Results) -> str:
    if not one["tokens"]:
        return "none"
    return f"{one['tokens']} ({', '.join(one['by'])})"


def _sent(stage: Stage, lab: DsqlLab, case: Case, client: str) -> Results | str:
    by, errors = [], {}
    try:
        with stage.worker(client, lab) as worker:
            for driver in DRIVERS:
                lab.reset()
                if not case.options:  # or it might send none because it cannot connect
                    error, sent = _verified(worker, lab, driver)
                    assert sent, error
                    lab.reset()
                errors[driver], sent = case.act(worker, lab, driver)
                if sent:
                    by.append(driver)
    except WorkerFailed as failed:
        return str(failed)
    return {"tokens": len(by), "by": by, "errors": errors}

"""Play the acts of `moorline.cli.dsql_demo` on a cluster of their own."""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from moorline.cli import stage
from moorline.cli.dsql_demo import INCREMENTS, TITLES, WORKERS, Fact, Outcome, Report
from moorline.cli.dsql_render import show_act, show_closing, show_opening
from moorline.cli.failure import Failure
from moorline.cli.render import Screen

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.dsql import psycopg
    from moorline.lab import DsqlLab

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
    for package in ("botocore", "trustme", "psycopg_pool"):
        if find_spec(package) is None:
            raise Failure(f"the demo needs {package}: pip install 'moorline[demo]'")
    from moorline.lab import DsqlLab, binaries  # noqa: PLC0415 - not on every system

    found = binaries.find(None, tls=False)
    lab = DsqlLab(binaries=found.path)
    with stage.started(lab, "a PostgreSQL server and its front", screen):
        source = lab.credentials_endpoint()
        os.environ.update(source.environment(), SSL_CERT_FILE=lab.ca_file)
        report = Report(stage.versions(found.version), found.source)
        show_opening(screen, report)
        acts: dict[str, Callable[[DsqlLab], Outcome]] = {
            "token": lambda lab: _token(lab, lambda: source.requests),
            "login": _login,
            "transactions": _transactions,
        }
        with lab.names():
            for number, (name, title) in enumerate(TITLES.items(), 1):
                with screen.progress(f"act {number} of {len(TITLES)}: {title}"):
                    outcome = acts[name](lab)
                report.outcomes.append(outcome)
                show_act(screen, number, outcome)
    return report


def _token(lab: DsqlLab, fetches: Callable[[], int]) -> Outcome:
    from moorline import dsql  # noqa: PLC0415 - after forget_settings

    began = time.perf_counter()
    token = dsql.generate_token(lab.endpoint)
    first = time.perf_counter() - began
    count = 1000
    began = time.perf_counter()
    for _ in range(count):
        dsql.generate_token(lab.endpoint)
    each = (time.perf_counter() - began) / count
    hidden = re.sub("(Credential|Token|Signature)=[^&]+", r"\1=***", token)
    return Outcome(
        "token",
        f'dsql.generate_token("{lab.endpoint}")',
        [
            Fact("token", hidden),
            Fact("the first took", f"{first * 1e3:.1f} ms, botocore's import included"),
            Fact(f"each of {count} more took", f"{each * 1e6:.1f} µs"),
            Fact("times that credentials were fetched", fetches(), 1),
        ],
        first,
    )


def _login(lab: DsqlLab) -> Outcome:
    from moorline.dsql import psycopg  # noqa: PLC0415 - after forget_settings

    dsn = f"postgresql://app@{lab.cluster_id}:{lab.port}/postgres?region=us-east-1"
    began = time.perf_counter()
    with psycopg.connect(dsn) as conn:
        seconds = time.perf_counter() - began
        user = conn.execute("select current_user").fetchone()
    accepted, logins = lab.accepted, len(lab.logins)
    refused = "nothing"
    try:
        psycopg.connect(dsn, sslrootcert=lab.other_ca_file)
    except psycopg.OperationalError as error:
        refused = "certificate verify failed"
        if refused not in str(error):
            refused = str(error)
    return Outcome(
        "login",
        f'psycopg.connect("{dsn}")',
        [
            Fact("current_user", user and user[0], "app"),
            Fact("logins that the front accepted", accepted, 1),
            Fact(
                "with roots that did not sign it", refused, "certificate verify failed"
            ),
            Fact("tokens that were sent then", len(lab.logins) - logins, 0),
        ],
        seconds,
    )


def _transactions(lab: DsqlLab) -> Outcome:
    from moorline import dsql  # noqa: PLC0415 - after forget_settings
    from moorline.dsql import psycopg  # noqa: PLC0415 - the same

    dsn = f"postgresql://{lab.endpoint}:{lab.port}"
    pool: psycopg.ConnectionPool[psycopg.Connection[Any]] = psycopg.ConnectionPool(
        dsn, min_size=WORKERS, max_size=WORKERS, open=False
    )
    with pool:
        pool.wait()
        dsql.run_ddl(pool, ["create table counter (id int primary key, n int)"])
        dsql.insert_many(pool, "counter", ["id", "n"], [(1, 0)])
        calls = [0] * WORKERS

        def work(worker: int) -> None:
            def increment(conn: psycopg.Connection[Any]) -> None:
                calls[worker] += 1
                row = conn.execute("select n from counter where id = 1").fetchone()
                values = ((row[0] if row else 0) + 1,)
                conn.execute("update counter set n = %s where id = 1", values)

            for _ in range(INCREMENTS):
                dsql.run_transaction(pool, increment)

        began = time.perf_counter()
        with ThreadPoolExecutor(WORKERS) as threads:
            list(threads.map(work, range(WORKERS)))
        seconds = time.perf_counter() - began
    [(value,)] = lab.sql("select n from counter where id = 1")
    done = WORKERS * INCREMENTS
    return Outcome(
        "transactions",
        "dsql.run_transaction(pool, increment)",
        [
            Fact("the row's value", int(value or 0), done),
            Fact("attempts", sum(calls)),
            Fact("conflicts, all of them repeated", sum(calls) - done),
            Fact("transactions a second", round(done / seconds)),
        ],
        seconds,
    )

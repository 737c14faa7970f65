"""Tokens that end soon, under traffic: nobody is refused, and nobody waits."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from moorline import dsql
from moorline.dsql import asyncpg, psycopg, registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.lab import DsqlLab
    from tests.dsql.conftest import World

    Reach = Callable[..., DsqlLab]


class Provider:
    """Gives a lab's credentials, but for the calls that are to fail."""

    def __init__(self, lab: DsqlLab, *failing: int) -> None:
        self.calls = 0
        self.threads: Counter[str] = Counter()
        self._lab, self._failing = lab, failing

    def __call__(self) -> tuple[str, str, str]:
        self.calls += 1
        self.threads[threading.current_thread().name] += 1
        if self.calls in self._failing:
            raise OSError("the metadata service is down")
        return self._lab.access_key, self._lab.secret_key, self._lab.session_token


def traffic(lab: DsqlLab, seconds: float, pause: float, **options: Any) -> int:
    """Log in again and again with all three; return how often."""
    place = {"host": lab.endpoint, "port": lab.port, **options}

    def in_threads() -> int:
        count, until = 0, time.monotonic() + seconds
        while time.monotonic() < until:
            psycopg.connect(**place).close()
            count += 1
            time.sleep(pause)
        return count

    async def in_tasks() -> int:
        count, until = 0, time.monotonic() + seconds
        while time.monotonic() < until:
            one = await psycopg.AsyncConnection.connect(**place)
            other = await asyncpg.connect(**place)
            await asyncio.gather(one.close(), other.close())
            count += 2
            await asyncio.sleep(pause)
        return count

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(in_threads), pool.submit(asyncio.run, in_tasks())]
    return sum(job.result() for job in jobs)


def test_traffic_goes_on_through_renewals_of_which_two_fail(cluster: DsqlLab) -> None:
    provider = Provider(cluster, 2, 4)

    count = traffic(
        cluster, 3.8, 0.1, token_duration_secs=2, credentials_provider=provider
    )

    assert cluster.accepted == len(cluster.logins) == count > 20
    assert len({seen.token for seen in cluster.logins}) >= 3
    assert provider.calls >= 5  # two of which failed
    (state,) = dsql.token_states()
    assert state.last_error is None


def test_a_token_of_a_second_is_of_use(cluster: DsqlLab) -> None:
    """Each login succeeds; one that took too long is tried with another token."""
    count = traffic(cluster, 2.0, 0.1, token_duration_secs=1)

    assert cluster.accepted == count > 10
    assert {seen.reason for seen in cluster.logins} <= {"", "expired"}


def test_a_token_dies_with_its_credentials_and_is_replaced_before(
    dsql_lab: DsqlLab, reach: Reach
) -> None:
    """The token itself would be good for fifteen minutes."""
    with dsql_lab.credentials_endpoint(lifetime=2) as endpoint:
        reach(dsql_lab, endpoint.environment())

        count = traffic(dsql_lab, 2.6, 0.1)

        assert endpoint.requests >= 2
    assert dsql_lab.accepted == len(dsql_lab.logins) == count
    assert len({seen.access_key for seen in dsql_lab.logins}) >= 2


def test_a_failed_renewal_keeps_the_token_and_shows(
    cluster: DsqlLab, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    provider = Provider(cluster, *range(2, 100))
    options = {"token_duration_secs": 2, "credentials_provider": provider}
    world.connect(cluster, **options)
    (source,) = registry._sources.values()
    token = source.token

    world.wait(source.is_due)
    world.connect(cluster, **options)
    world.wait(lambda: source.last_error is not None)

    (state,) = dsql.token_states()
    assert str(state.last_error) == "the metadata service is down"
    assert (state.host, state.action) == (cluster.endpoint, "DbConnectAdmin")
    assert state.good_until == token.good_until
    assert source.token is token
    assert "no new token: the metadata service is down" in caplog.text
    assert cluster.refused == 0


@pytest.mark.parametrize("world", ["sync"], indirect=True)
def test_a_token_is_renewed_behind_everybodys_back(
    cluster: DsqlLab, world: World
) -> None:
    provider = Provider(cluster)
    options = {"token_duration_secs": 2, "credentials_provider": provider}
    world.connect(cluster, **options)
    world.connect(cluster, **options)  # somebody uses it

    world.wait(lambda: provider.calls == 2)

    assert provider.threads["moorline-renewal"] == 1


def test_renewal_stops_when_nobody_uses_the_token(cluster: DsqlLab) -> None:
    provider = Provider(cluster)
    place = {"host": cluster.endpoint, "port": cluster.port}
    options = {"token_duration_secs": 1, "credentials_provider": provider}
    psycopg.connect(**place, **options).close()
    (source,) = registry._sources.values()

    while registry._renewal._due:
        time.sleep(0.01)

    assert source.is_due()
    assert not source.is_wanted()
    assert provider.calls <= 2


def test_a_hundred_connections_of_eight_threads_fetch_once(
    dsql_lab: DsqlLab, reach: Reach, world: World
) -> None:
    with dsql_lab.credentials_endpoint() as endpoint:
        reach(dsql_lab, endpoint.environment())

        world.connect_at_once(100, dsql_lab)

        assert endpoint.requests == 1
    assert dsql_lab.accepted == 100
    assert len({seen.token for seen in dsql_lab.logins}) == 1


FROZEN = """
import asyncio, sys
from moorline.dsql import asyncpg, psycopg
def connect():
    psycopg.connect(sys.argv[1]).close()
    async def other():
        await (await asyncpg.connect(sys.argv[1])).close()
    asyncio.run(other())
connect()
print("ready", flush=True)
sys.stdin.readline()
connect()
print("done", flush=True)
"""


def test_a_process_that_was_frozen_past_the_tokens_life_logs_in(
    cluster: DsqlLab,
) -> None:
    dsn = (
        f"host={cluster.endpoint} hostaddr={cluster.host} port={cluster.port} "
        "token_duration_secs=1"
    )
    with subprocess.Popen(
        [sys.executable, "-c", FROZEN, dsn],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGSTOP)
        until = time.time() + 1.5  # by the calendar, which goes on for it too
        while time.time() < until:
            time.sleep(until - time.time())
        process.send_signal(signal.SIGCONT)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"
    assert [seen.reason for seen in cluster.logins] == [""] * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_logs_in_with_the_token_of_its_parent(cluster: DsqlLab) -> None:
    provider = Provider(cluster)
    place = {"host": cluster.endpoint, "port": cluster.port}
    psycopg.connect(**place, credentials_provider=provider).close()

    child = os.fork()
    if not child:
        status = 1
        try:
            psycopg.connect(**place, credentials_provider=provider).close()
            status = 10 + provider.calls
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 11
    assert cluster.accepted == 2
    assert len({seen.token for seen in cluster.logins}) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_renews_tokens_of_its_own(cluster: DsqlLab) -> None:
    """The thread that saw to it is the parent's."""
    place = {"host": cluster.endpoint, "port": cluster.port, "token_duration_secs": 1}
    psycopg.connect(**place).close()

    child = os.fork()
    if not child:
        status = 1
        try:
            until = time.monotonic() + 1.5
            while time.monotonic() < until:
                psycopg.connect(**place).close()
                time.sleep(0.05)
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert len({seen.token for seen in cluster.logins if seen.accepted}) >= 2

"""The program that tries a client: it signs, connects, logs in and transacts as told.

One script for both, ``python -m benchmarks.dsql_peers.worker NAME``, run by the
interpreter that has the client: standard library only.
"""

from __future__ import annotations

import asyncio
import platform
import random
import secrets
import socket
import string
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.dsql_peers import loops
from benchmarks.dsql_peers.clients import (
    CLIENTS,
    TYPED,
    ready_asyncpg,
    ready_psycopg,
)
from benchmarks.dsql_peers.credentials import Provider
from benchmarks.harness import interleave, quiet_gc, timed
from benchmarks.peers.serving import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.dsql_peers.clients import At, Client
    from benchmarks.harness import Samples

Told = dict[str, Any]
READ = "select value from counter where id = 1"
WRITE = "update counter set value = %s where id = 1"


class Worker:
    """What can be asked for: each public method is a verb."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def versions(self) -> dict[str, str]:
        """Tell what runs here."""
        return {**self._client.versions(), "Python": platform.python_version()}

    def resolve(self, names: Sequence[str], address: str) -> None:
        """Let names that are in no DNS lead to an address."""
        known = socket.getaddrinfo

        def lookup(host: Any, *args: Any, **named: Any) -> Any:  # noqa: ANN401 - the original's
            return known(address if host in names else host, *args, **named)

        socket.getaddrinfo = lookup

    def load(self) -> bool:
        """Import what a program imports; tell whether botocore came with it."""
        self._client.load()
        return "botocore" in sys.modules

    def tokens(self, host: str, region: str, count: int, hosts: int) -> Samples:
        """Time tokens for one host, and for hosts that no token was ever made for."""
        token = partial(self._client.token, region=region, user="admin")
        token(host)
        token(_another(region))
        with quiet_gc():
            again = [timed(partial(token, host)) for _ in range(count)]
            others = [_another(region) for _ in range(hosts)]
            first = [timed(partial(token, other)) for other in others]
        return {"again": again, "first": first}

    def first_token(self, host: str, region: str) -> float:
        """Time the first token of a process, botocore's modules imported."""
        self._client.load()
        for name in ("auth", "awsrequest", "credentials", "session"):
            __import__(f"botocore.{name}")
        return timed(partial(self._client.token, host, region, "admin"))

    def race(self, driver: str, at: At, rounds: int, seed: int) -> Samples:
        """Time connects in turn: with a token that is ready, and the client's own."""
        with asyncio.Runner() as runner, quiet_gc():
            if driver == "asyncpg":
                arms = {
                    name: partial(_run, runner, arm)
                    for name, arm in {
                        "ready": partial(ready_asyncpg, at, direct=False),
                        "ready, direct": partial(ready_asyncpg, at, direct=True),
                        "client": partial(self._client.connect_asyncpg, at),
                    }.items()
                }
            else:
                arms = {
                    "ready": partial(_timed, ready_psycopg, at, direct=False),
                    "ready, direct": partial(_timed, ready_psycopg, at, direct=True),
                    "client": partial(_timed, self._client.connect, at),
                }
            return interleave(arms, rounds, random.Random(seed))

    def connect_all(self, at: At, count: int, threads: int) -> list[str]:
        """Open connections from threads that begin at once; tell the errors."""
        barrier = threading.Barrier(threads)

        def some(number: int) -> list[str]:
            barrier.wait()
            mine = range(number, count, threads)
            return [one[1] for one in (self._log_in(at) for _ in mine) if one[1]]

        with ThreadPoolExecutor(threads) as pool:
            return [
                error for errors in pool.map(some, range(threads)) for error in errors
            ]

    def fill(self, kind: str, at: At, size: int) -> Told:
        """Fill a pool in an event loop that should not stall."""
        self._client.load()
        return asyncio.run(loops.fill(self._client, kind, at, size))

    def log_in(self, driver: str, at: At) -> str:
        """Open a connection and close it; tell the error, if there is one."""
        if driver == "psycopg":
            return self._log_in(at)[1]

        async def asynchronous() -> str:
            try:
                await (await self._client.connect_asyncpg(at)).close()
            except Exception as caught:  # noqa: BLE001 - whatever it raises
                return _told(caught)
            return ""

        return asyncio.run(asynchronous())

    def logins(
        self, at: At, seconds: float, every: float, credentials: Told | None = None
    ) -> list[list[Any]]:
        """Log in again and again; tell when, for how long, and the error of each.

        With credentials a provider gives them, and fails once from `fail_at` on.
        """
        begin = time.monotonic()
        if credentials:
            due = begin + credentials.pop("fail_at")
            at = {**at, "provider": Provider(due, **credentials)}
        told: list[list[Any]] = []
        for number in range(round(seconds / every)):
            time.sleep(max(0.0, begin + number * every - time.monotonic()))
            since = time.monotonic() - begin
            told.append([since, *self._log_in(at)])
        return told

    def increment(self, at: At, workers: int, each: int, policy: str) -> Told:
        """Increment one row from many threads, each so often.

        Tell of each increment how long it took, the value that the transaction wrote
        if it is said to be committed, and the kind of its error if not.
        """
        calls: list[None] = []
        barrier = threading.Barrier(workers + 1)

        def body(conn: Any) -> int:  # noqa: ANN401 - psycopg's
            calls.append(None)
            value: int = conn.execute(READ).fetchone()[0] + 1
            conn.execute(WRITE, (value,))
            return value

        def one() -> list[Any]:
            start = time.perf_counter()
            value, error = None, ""
            try:
                value = self._client.transact(pool, body, policy)
            except Exception as caught:  # noqa: BLE001 - it is counted
                error = _kind(caught)
            return [time.perf_counter() - start, value, error]

        def work(_: int) -> list[list[Any]]:
            barrier.wait()
            return [one() for _ in range(each)]

        pool = self._client.pool(at, workers)
        with pool, ThreadPoolExecutor(workers) as threads:
            pool.wait()
            jobs = [threads.submit(work, number) for number in range(workers)]
            barrier.wait()
            start = time.perf_counter()
            told = [job.result() for job in jobs]
            wall = time.perf_counter() - start
        ops = [op for some in told for op in some]
        return {"wall": wall, "calls": len(calls), "ops": ops}

    def _log_in(self, at: At) -> tuple[float, str]:
        start = time.perf_counter()
        error = ""
        try:
            self._client.connect(at).close()
        except Exception as caught:  # noqa: BLE001 - whatever it raises is the result
            error = _told(caught)
        return time.perf_counter() - start, error


def _told(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"


def _kind(error: Exception) -> str:
    """Name the class of an error, or the typed one that it derives from."""
    names = [one.__name__ for one in type(error).__mro__]
    return TYPED if TYPED in names else names[0]


def _another(region: str) -> str:
    letters = string.ascii_lowercase + string.digits
    name = "".join(secrets.choice(letters) for _ in range(26))
    return f"{name}.dsql.{region}.on.aws"


def _timed(connect: Callable[..., Any], at: At, **options: bool) -> float:
    start = time.perf_counter_ns()
    conn = connect(at, **options)
    took = time.perf_counter_ns() - start
    conn.close()
    return took / 1e9


def _run(runner: asyncio.Runner, connect: Callable[[], Any]) -> float:
    return runner.run(loops.timed(connect()))


if __name__ == "__main__":
    serve(Worker(CLIENTS[sys.argv[1]]))

"""The program that tries a driver: it opens, uses, closes and forks as it is told.

One script for all drivers, ``python -m benchmarks.peers.worker NAME``, run by the
interpreter that has the driver: standard library only. A line of JSON comes in, a line
of JSON goes out; `benchmarks.peers.client` is the other end. It tells where its
connections are by asking the server at their other end, never by what a driver counts.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import random
import select
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.harness import interleave, quiet_gc
from benchmarks.peers.drivers import DRIVERS
from benchmarks.peers.serving import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.harness import Samples
    from benchmarks.peers.drivers import Driver

Params = dict[str, Any]
Place = list[Any]  # address and port of the server that a connection is to
WHERE = "select host(inet_server_addr()), inet_server_port()"


class Worker:
    """What can be asked for: each public method is a verb."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._connect = driver.smart_connect
        self._held: dict[str, list[Any]] = {}

    def versions(self) -> dict[str, str]:
        """Tell what runs here."""
        return {**self._driver.versions(), "Python": platform.python_version()}

    def open(
        self, group: str, count: int, params: Params, *, at_once: bool = False
    ) -> list[list[object]]:
        """Open connections and keep them; tell error and seconds of each attempt."""
        attempt = partial(self._attempt, params)
        if at_once:
            attempts = _in_threads(attempt, count)
        else:
            attempts = [attempt() for _ in range(count)]
        held = self._held.setdefault(group, [])
        held += [conn for conn, _, _ in attempts if conn is not None]
        return [[error, seconds] for _, error, seconds in attempts]

    def look(self, group: str) -> list[Place]:
        """Use each connection; tell the server it is to, nothing if it is broken."""
        return [_place(conn) for conn in self._held.get(group, ())]

    def mend(self, group: str) -> int:
        """Close the connections that prove broken, as a program does; count them."""
        held = self._held[group]
        broken = [conn for conn in held if not _place(conn)]
        self._held[group] = [conn for conn in held if conn not in broken]
        for conn in broken:
            conn.close()
        return len(broken)

    def drop(self, group: str, indices: Sequence[int]) -> None:
        """Forget connections without closing them."""
        held = self._held[group]
        self._held[group] = [c for i, c in enumerate(held) if i not in indices]
        del held
        gc.collect()

    def close(self, group: str) -> None:
        """Close the connections."""
        for conn in self._held.pop(group):
            conn.close()

    def fork(self, count: int, params: Params, patience: float) -> list[object]:
        """Fork children that open a connection each; tell its place, or the error."""
        children = [self._child(params) for _ in range(count)]
        deadline = time.monotonic() + patience
        answers: list[object] = []
        for pid, pipe in children:
            left = max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select([pipe], [], [], left)
            said = os.read(pipe, 4096) if ready else b""
            nothing = "died" if ready else "no answer"
            answers.append(json.loads(said) if said else nothing)
            os.close(pipe)
            os.kill(pid, signal.SIGKILL)  # a child that has ended is still ours
            os.waitpid(pid, 0)
        return answers

    def race(self, rounds: int, seed: int, params: Params) -> Samples:
        """Time connects: plain ones, smart ones and plain ones again, in turn."""
        plain = partial(_timed, self._driver.plain_connect, params)
        smart = partial(_timed, self._connect, params)
        arms = {"plain": plain, "smart": smart, "plain again": plain}
        with quiet_gc():
            return interleave(arms, rounds, random.Random(seed))

    def _attempt(self, params: Params) -> tuple[Any, str | None, float]:
        start = time.perf_counter()
        conn, error = None, None
        try:
            conn = self._connect(**params)
        except Exception as caught:  # noqa: BLE001 - whatever it raises is the result
            text = " ".join(str(caught).split())
            error = f"{type(caught).__name__}: {text}"
        return conn, error, time.perf_counter() - start

    def _child(self, params: Params) -> tuple[int, int]:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                conn, error, _ = self._attempt(params)
                answer = error or _place(conn) or "broken"
                os.write(write, json.dumps(answer).encode())
            finally:
                os._exit(0)  # nothing of the parent's is closed or flushed
        os.close(write)
        return pid, read


def _in_threads(act: Callable[[], Any], count: int) -> list[Any]:
    barrier = threading.Barrier(count)

    def together() -> object:
        barrier.wait()
        return act()

    with ThreadPoolExecutor(count) as pool:
        return [one.result() for one in [pool.submit(together) for _ in range(count)]]


def _place(conn: Any) -> Place:  # noqa: ANN401 - a connection of any driver
    try:
        cursor = conn.cursor()
        cursor.execute(WHERE)
        place = list(cursor.fetchone())
        cursor.close()
        conn.rollback()
    except Exception:  # noqa: BLE001 - every driver has errors of its own
        return []
    return place


def _timed(connect: Callable[..., Any], params: Params) -> float:
    start = time.perf_counter_ns()
    conn = connect(**params)
    took = time.perf_counter_ns() - start
    conn.close()
    return took / 1e9


if __name__ == "__main__":
    serve(Worker(DRIVERS[sys.argv[1]]))

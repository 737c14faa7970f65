"""Logins while tokens end: a renewal that fails, a frozen process, very short lives.

All of these mostly wait, so several run at the same time, each in a process of its own.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.dsql_peers.clients import CLIENTS
from benchmarks.dsql_peers.rows import row, short
from benchmarks.dsql_peers.stage import to, without_keys
from benchmarks.peers.client import WorkerFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from benchmarks.dsql_peers.rows import Row
    from benchmarks.dsql_peers.stage import Stage
    from benchmarks.peers.client import Worker
    from moorline.lab import DsqlLab
    from moorline.lab.dsql_endpoint import CredentialsEndpoint

__all__ = ["measure"]

EVERY = 0.5  # seconds between two logins
SWEEP = 0.52  # the same, and in time at every part of a second
LIMIT = 150.0
ATTEMPTS = 3  # of botocore, at a container's endpoint, before it gives up
Results = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long everything is, in seconds, and how often the process is frozen."""

    token: int = 10
    logins: float = 60.0
    fails_at: float = 5.0  # the next renewal after that fails
    short_logins: float = 40.0
    frozen: float = 15.0
    freezes: int = 10


QUICK = Lengths(
    token=1, logins=1.5, fails_at=0.5, short_logins=1.0, frozen=1.2, freezes=1
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What one client is played with; nobody begins before all are `loaded`."""

    stage: Stage
    lab: DsqlLab
    client: str
    lengths: Lengths
    loaded: threading.Barrier

    def worker(
        self, environment: Mapping[str, str] | None = None
    ) -> AbstractContextManager[Worker]:
        """Start a process that has the client."""
        return self.stage.worker(self.client, self.lab, environment)

    def ready(self, *workers: Worker) -> None:
        """Have workers import what they need, and wait until all others have."""
        try:
            for worker in workers:
                worker.ask("load")
        finally:
            self.loaded.wait()


@dataclass(frozen=True, slots=True)
class Play:
    """One row: what is done with one client."""

    name: str
    what: str
    act: Callable[[Scene], Results]


def measure(stage: Stage) -> Iterator[Row]:
    """Play what logs in all the time at once, and what starts many processes alone."""
    lengths = QUICK if stage.run.quick else Lengths()
    with stage.lab() as lab:
        for plays in _plays(lengths):
            yield from _at_once(stage, lab, plays, lengths)


def _at_once(
    stage: Stage, lab: DsqlLab, plays: tuple[Play, ...], lengths: Lengths
) -> Iterator[Row]:
    loaded = threading.Barrier(len(plays) * len(stage.clients))
    with ThreadPoolExecutor(loaded.parties) as threads:
        jobs = {
            (play.name, client): threads.submit(
                _guarded, partial(play.act, Scene(stage, lab, client, lengths, loaded))
            )
            for play in plays
            for client in stage.clients
        }
        for play in plays:
            yield row(
                play.name,
                play.what,
                {client: jobs[play.name, client].result() for client in stage.clients},
                _show,
                bar="0",
                met=lambda one: not one["refused"],
            )


def _plays(lengths: Lengths) -> Iterator[tuple[Play, ...]]:
    life, seconds = lengths.token, lengths.logins
    yield (
        Play(
            "renewal: fails once",
            f"tokens of {life} s, a login every {EVERY:g} s for {seconds:g} s, the "
            "source of credentials fails once: logins refused",
            _provider_fails,
        ),
        Play(
            "renewal: endpoint fails",
            f"… the endpoint for credentials fails {ATTEMPTS} times, as often as "
            "botocore tries",
            _endpoint_fails,
        ),
        Play(
            "short",
            f"tokens of 1 s, a login every {SWEEP:g} s for {lengths.short_logins:g} s: "
            "logins refused",
            _short_lives,
        ),
    )
    yield (
        Play(
            "frozen",
            f"a process is frozen for {lengths.frozen:g} s, longer than its token of "
            f"{life} s lives; then one login: refused",
            _frozen,
        ),
    )


def _show(one: Results) -> str:
    return (
        f"{one['refused']} of {one['logins']} (slowest login {short(one['slowest'])})"
    )


def _guarded(act: Callable[[], Results]) -> Results | str:
    try:
        return act()
    except WorkerFailed as failed:
        return str(failed)


def _summary(logins: list[list[Any]]) -> Results:
    errors = [[since, error] for since, _, error in logins if error]
    return {
        "logins": len(logins),
        "refused": len(errors),
        "slowest": max(took for _, took, _ in logins),
        "errors": dict(Counter(error for _, error in errors)),
        "at": [since for since, _ in errors],
    }


def _provider_fails(scene: Scene) -> Results:
    lab, lengths = scene.lab, scene.lengths
    keys = {"access_key": lab.access_key, "secret_key": lab.secret_key}
    given = {**keys, "token": lab.session_token, "fail_at": lengths.fails_at}
    with scene.worker(without_keys(lab.environment())) as worker:
        scene.ready(worker)
        asked = {"seconds": lengths.logins, "every": EVERY, "credentials": given}
        place = to(lab, seconds=lengths.token)
        return _summary(worker.ask("logins", limit=LIMIT, at=place, **asked))


def _endpoint_fails(scene: Scene) -> Results:
    lab, lengths = scene.lab, scene.lengths
    # Credentials that end within ten minutes are fetched anew for each token.
    with (
        lab.credentials_endpoint(lifetime=300) as endpoint,
        scene.worker(endpoint.environment()) as worker,
    ):
        scene.ready(worker)
        timer = threading.Timer(lengths.fails_at, partial(_fail, endpoint))
        timer.start()
        try:
            asked = {"seconds": lengths.logins, "every": EVERY}
            place = to(lab, seconds=lengths.token)
            told = worker.ask("logins", limit=LIMIT, at=place, **asked)
        finally:
            timer.cancel()
            timer.join()
        return {**_summary(told), "requests": endpoint.requests}


def _fail(endpoint: CredentialsEndpoint) -> None:
    endpoint.fail(times=ATTEMPTS)


def _short_lives(scene: Scene) -> Results:
    with scene.worker() as worker:
        scene.ready(worker)
        asked = {"seconds": scene.lengths.short_logins, "every": SWEEP}
        place = to(scene.lab, seconds=1)
        told = _summary(worker.ask("logins", limit=LIMIT, at=place, **asked))
    mark = CLIENTS[scene.client].mark
    stale = sum(
        login.expires == 1 and not login.accepted and mark in login.application_name
        for login in scene.lab.logins
    )
    return {**told, "refused by the server": stale}


def _frozen(scene: Scene) -> Results:
    """Freeze so many processes, each at another moment of its token's life."""
    lengths = scene.lengths
    with ExitStack() as stack, ThreadPoolExecutor(lengths.freezes) as threads:
        workers = [stack.enter_context(scene.worker()) for _ in range(lengths.freezes)]
        scene.ready(*workers)
        part = lengths.token / lengths.freezes
        pauses = [part * number for number in range(len(workers))]
        freeze = partial(_freeze, scene)
        return _summary(list(threads.map(freeze, workers, pauses)))


def _freeze(scene: Scene, worker: Worker, pause: float) -> list[Any]:
    before = _one_login(scene, worker)
    if before[-1]:
        return before
    time.sleep(pause)
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        time.sleep(scene.lengths.frozen)
    finally:
        os.kill(worker.pid, signal.SIGCONT)
    return _one_login(scene, worker)


def _one_login(scene: Scene, worker: Worker) -> list[Any]:
    place = to(scene.lab, seconds=scene.lengths.token)
    (told,) = worker.ask("logins", at=place, seconds=EVERY, every=EVERY)
    only: list[Any] = told
    return only

"""Many connections at once, with credentials that come from an endpoint over HTTP."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.dsql_peers.rows import row, short
from benchmarks.dsql_peers.stage import to
from benchmarks.peers.client import WorkerFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.dsql_peers.rows import Row
    from benchmarks.dsql_peers.stage import Stage
    from moorline.lab import DsqlLab

__all__ = ["fetches", "stalls"]

COUNT, THREADS = 100, 8
SIZE, SLOW = 10, 0.2  # connections of a pool; seconds that the endpoint takes
STALL = 0.015  # seconds; the bar
RUNS = 5
Results = dict[str, Any]


def fetches(stage: Stage) -> Iterator[Row]:
    """Count what the endpoint is asked while threads connect in a new process."""
    count = stage.run.count(COUNT, 10)
    results: Results = {client: [] for client in stage.clients}
    with stage.lab() as lab:
        for _ in range(stage.run.count(RUNS, 1)):
            for client in stage.clients:
                results[client].append(_fetched(stage, lab, client, count))
    yield row(
        "fetches",
        f"{count} connects from {THREADS} threads: requests for credentials",
        results,
        lambda runs: " or ".join(sorted({str(one["told"]) for one in runs})),
        bar="1",
        met=lambda runs: {one["told"] for one in runs} == {1},
    )


def _fetched(stage: Stage, lab: DsqlLab, client: str, count: int) -> Results:
    with (
        lab.credentials_endpoint() as endpoint,
        stage.worker(client, lab, endpoint.environment()) as worker,
    ):
        asked = {"count": count, "threads": THREADS}
        try:
            errors = worker.ask("connect_all", at=to(lab), **asked)
        except WorkerFailed as failed:
            return {"told": str(failed)}
        told: int | str = endpoint.requests
        if errors:
            told = f"{told}, {len(errors)} connects failed"
        return {"told": told, "errors": sorted(set(errors))}


def stalls(stage: Stage) -> Iterator[Row]:
    """Time the longest pause of an event loop while a pool is filled."""
    kinds = {"asyncpg": "asyncpg", "psycopg": "psycopg's AsyncConnectionPool"}
    with stage.lab() as lab:
        for kind, name in kinds.items():
            results: dict[str, dict[str, list[Results]]] = {
                client: {"client": [], "ready": []} for client in stage.clients
            }
            for _ in range(stage.run.count(RUNS, 1)):
                for client, arms in results.items():
                    for arm, runs in arms.items():
                        runs.append(_filled(stage, lab, client, kind, arm))
            yield from _stall_rows(kind, name, results)


def _stall_rows(kind: str, name: str, results: Results) -> Iterator[Row]:
    def show(runs: list[Results]) -> str:
        stalled = [one["stall"] for one in runs]
        took = median(one["seconds"] for one in runs)
        worst = f"worst {short(max(stalled))}"
        return f"{short(median(stalled))} ({worst}); filled in {short(took)}"

    def of(arm: str) -> Results:
        return {client: _or_error(arms[arm]) for client, arms in results.items()}

    yield row(
        f"stall: {kind}",
        f"a pool of {SIZE}, {name}, is filled, the endpoint for credentials takes "
        "200 ms: the longest stall of the event loop",
        of("client"),
        show,
        bar=f"≤ {short(STALL)}",
        met=lambda runs: median(one["stall"] for one in runs) <= STALL,
    )
    what = "… by the driver alone, with a token that is ready"
    yield row(f"stall: {kind}, ready", what, of("ready"), show)


def _or_error(runs: list[Results]) -> list[Results] | str:
    failed = [one["failed"] for one in runs if "failed" in one]
    return failed[0] if failed else runs


def _filled(stage: Stage, lab: DsqlLab, client: str, kind: str, arm: str) -> Results:
    """Fill a pool in a new process."""
    more = {"token": lab.token()} if arm == "ready" else {}
    with (
        lab.credentials_endpoint(delay=SLOW) as endpoint,
        stage.worker(client, lab, endpoint.environment()) as worker,
    ):
        try:
            told: Results = worker.ask("fill", kind=kind, at=to(lab, **more), size=SIZE)
        except WorkerFailed as failed:
            return {"failed": str(failed)}
        return told

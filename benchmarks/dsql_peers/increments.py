"""Sixteen threads that increment one row, each 25 times: what is done, and how fast.

A transaction reads the row and writes the next value. What it wrote is compared with
what is there in the end: two that are said to have written the same value lost one
increment; a value that nobody is said to have written was written unnoticed.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.dsql_peers.clients import OURS, PEER, TYPED
from benchmarks.dsql_peers.rows import at, row
from benchmarks.dsql_peers.stage import to
from benchmarks.peers.client import WorkerFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.dsql_peers.rows import Row
    from benchmarks.dsql_peers.stage import Stage
    from benchmarks.peers.client import Worker
    from moorline.lab import DsqlLab

__all__ = ["ledger", "measure"]

WORKERS, EACH, RUNS = 16, 25, 5
FAST, FASTER, SLOWEST = 250.0, 1.5, 0.5  # done/s, times the peer's, seconds: the bars
SETUP = "create table counter (id int primary key, value int not null)"
GRANT = "grant select, update on counter to admin, app"
Told = dict[str, Any]


def measure(stage: Stage) -> Iterator[Row]:
    """Let each client do it with its defaults, and ours with the peers' policy."""
    runs: dict[tuple[str, str], list[Told]] = {
        (client, policy): []
        for client in stage.clients
        for policy in (("default", "seed") if client == OURS else ("default",))
    }
    order, dice = list(runs), stage.run.dice()
    with stage.lab() as lab, ExitStack() as stack:
        for text in (SETUP, GRANT, "insert into counter values (1, 0)"):
            lab.sql(text)
        workers = {
            client: stack.enter_context(stage.worker(client, lab))
            for client in stage.clients
        }
        for _ in range(stage.run.count(RUNS, 1)):
            dice.shuffle(order)
            for client, policy in order:
                told = _once(stage, lab, workers[client], policy)
                runs[client, policy].append(told)
    yield from _default_rows(
        {client: runs[client, "default"] for client in stage.clients}
    )
    if OURS in stage.clients:
        yield _seed_row(runs[OURS, "seed"])


def _once(stage: Stage, lab: DsqlLab, worker: Worker, policy: str) -> Told:
    lab.sql("update counter set value = 0")
    asked = {"workers": WORKERS, "each": stage.run.count(EACH, 2), "policy": policy}
    try:
        told: Told = worker.ask("increment", at=to(lab), **asked)
    except WorkerFailed as failed:
        return {"failed": str(failed)}
    ((value,),) = lab.sql("select value from counter")
    ops = told["ops"]
    done = [took for took, written, _ in ops if written is not None]
    if not done:
        return {"failed": f"none of {len(ops)} is done: {ops[0][-1]}"}
    kept = {"asked": len(ops), "calls": told["calls"], "wall": told["wall"]}
    return {
        **kept,
        **ledger([written for _, written, _ in ops if written], int(value or 0)),
        "per second": len(done) / told["wall"],
        "p50": at(0.5, done),
        "p99": at(0.99, done),
        "errors": dict(Counter(error for *_, error in ops if error)),
    }


def ledger(written: list[int], value: int) -> Told:
    """Compare the values that transactions are said to have written with the last."""
    once = set(written)
    return {
        "done": len(written),
        "value": value,
        "lost": len(written) - len(once) + sum(one > value for one in once),
        "unnoticed": sum(one not in once for one in range(1, value + 1)),
    }


def _default_rows(results: Mapping[str, list[Told]]) -> Iterator[Row]:
    checked = {client: _or_error(runs) for client, runs in results.items()}
    rate = {client: _middle(runs, "per second") for client, runs in results.items()}
    what = f"{WORKERS} threads increment one row {EACH} times each: done"
    yield row("increments: done", what, checked, _done, bar="all", met=_are_all_done)
    yield row(
        "increments: told truly",
        "… increments lost, and increments done that were not told",
        checked,
        lambda runs: f"{_total(runs, 'lost')}, {_total(runs, 'unnoticed')}",
        bar="0, 0",
        met=_are_told_truly,
        again=True,
    )
    yield row(
        "increments: rate",
        "… done per second",
        checked,
        lambda runs: _ends([one["per second"] for one in runs], "{:.0f}"),
        bar=f"≥ {FAST:g}, or {FASTER:g} times the peer's",
        met=lambda _: rate[OURS] >= min(FAST, FASTER * rate.get(PEER, FAST)),
        again=True,
    )
    yield row(
        "increments: p99",
        "… how long one takes, p99",
        checked,
        lambda runs: _ends([one["p99"] for one in runs], "{:.2f}", " s"),
        bar=f"< {SLOWEST:g} s",
        met=lambda runs: median(one["p99"] for one in runs) < SLOWEST,
        again=True,
    )
    yield row(
        "increments: p50",
        "… p50",
        checked,
        lambda runs: _ends([one["p50"] * 1e3 for one in runs], "{:.1f}", " ms"),
        again=True,
    )
    yield row(
        "increments: calls",
        "… how often the transaction's function was called",
        checked,
        lambda runs: _ends([one["calls"] for one in runs], "{:.0f}"),
        again=True,
    )


def _seed_row(runs: list[Told]) -> Row:
    return row(
        "increments: seed",
        "the same with `RetryPolicy.seed()`: 3 attempts, 1 to 100 ms",
        {OURS: _or_error(runs)},
        lambda runs: (
            f"{_done(runs)}; {_errors(runs)}; "
            f"{_total(runs, 'lost')} lost, {_total(runs, 'unnoticed')} not told"
        ),
        bar=f"every failure an {TYPED}, done = the value",
        met=lambda runs: (
            _are_told_truly(runs)
            and all(set(one["errors"]) <= {TYPED} for one in runs)
            and all(one["done"] == one["value"] for one in runs)
        ),
    )


def _or_error(runs: list[Told]) -> list[Told] | str:
    failed = [one["failed"] for one in runs if "failed" in one]
    return failed[0] if failed else runs


def _middle(runs: list[Told], what: str) -> float:
    found = [one[what] for one in runs if what in one]
    return median(found) if found else 0.0


def _are_all_done(runs: list[Told]) -> bool:
    return all(one["done"] == one["asked"] for one in runs)


def _are_told_truly(runs: list[Told]) -> bool:
    return not _total(runs, "lost") and not _total(runs, "unnoticed")


def _total(runs: list[Told], what: str) -> int:
    return sum(one[what] for one in runs)


def _done(runs: list[Told]) -> str:
    return _ends([one["done"] for one in runs], "{:.0f}") + f" of {runs[0]['asked']}"


def _errors(runs: list[Told]) -> str:
    kinds: Counter[str] = Counter()
    for one in runs:
        kinds.update(one["errors"])
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "no errors"


def _ends(values: list[float], form: str, unit: str = "") -> str:
    """Write the median, and the least and the greatest in brackets."""
    write = form.format
    low, middle, high = write(min(values)), write(median(values)), write(max(values))
    spread = f" ({low} to {high})" if low != high else ""
    return f"{middle}{unit}{spread}"

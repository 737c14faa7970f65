"""How long other tasks of a loop wait for their turn while a sender sends."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks.peers.client import WorkerFailed
from benchmarks.questdb_peers.clients import OURS
from benchmarks.questdb_peers.rows import MISSING, Row
from benchmarks.questdb_peers.sends import FRAME, ROWS, SYMBOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.peers.client import Worker
    from benchmarks.questdb_peers.stage import Stage

__all__ = ["measure"]

MOST = 0.005  # seconds; the bar
RUNS = 15
# By way: what is sent, and how many rows that is.
SENT = {
    "row": (f"{ROWS:,} rows one by one".replace(",", " "), ROWS),
    "pandas": (f"a frame of {FRAME:,} rows".replace(",", " "), FRAME),
}


def measure(stage: Stage) -> Iterator[Row]:
    """Send to a sink, which leaves most of the machine to the sender.

    Ours alone: the other client has no sender for asyncio.
    """
    sink = stage.sink()
    for way, (what, count) in SENT.items():
        yield _row(stage, sink, way, what, stage.run.count(count, 2_000))


def _row(stage: Stage, sink: Worker, way: str, what: str, count: int) -> Row:
    told = before = MISSING
    longest: float | None = None
    details: dict[str, object] = {}
    if OURS in stage.clients:
        conf = f"http::addr=127.0.0.1:{sink.ask('port')};"
        asked = {"way": way, "conf": conf, "count": count, "symbols": SYMBOLS[way]}
        worker = stage.worker(OURS)
        try:
            runs = [
                worker.ask("loop", **asked) for _ in range(stage.run.count(RUNS, 1))
            ]
        except WorkerFailed as failed:
            told, details = str(failed), {OURS: str(failed)}
        else:
            told, before = (_shown(runs, name) for name in ("longest", "calm"))
            longest, details = median(one["longest"] for one in runs), {"runs": runs}
    return Row(
        name=f"turns: {way}",
        what=f"asyncio, {what} to a sink: the longest that another task waits",
        ours=told,
        beside=f"before that: {before}",
        bar=f"≤ {MOST * 1e3:g} ms",
        met=None if longest is None else longest <= MOST,
        details=details,
    )


def _shown(runs: list[dict[str, float]], name: str) -> str:
    found = [one[name] * 1e3 for one in runs]
    return f"{median(found):.3g} ms (worst {max(found):.3g})"

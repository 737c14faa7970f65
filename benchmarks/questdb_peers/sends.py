"""Rows and frames sent until the last is acknowledged: to a sink, and to a server."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.peers.client import WorkerFailed
from benchmarks.questdb_peers.clients import OURS, PEER
from benchmarks.questdb_peers.material import TABLE
from benchmarks.questdb_peers.race import PATIENCE, Arm, race
from benchmarks.questdb_peers.rows import Line, lines_of
from moorline.lab import QuestdbLab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.peers.client import Worker
    from benchmarks.questdb_peers.rows import Row
    from benchmarks.questdb_peers.stage import Stage

__all__ = ["server", "sink"]

ROWS, FRAME = 200_000, 1_000_000
SYMBOLS = {"row": 4, "pandas": 8}
SINK_ROUNDS, SERVER_ROUNDS = 11, 9
WARM_UP = 5  # million rows; before that the server's compiler is still at work
# As quick as it can be, where the lab would rather start quickly.
JAVA = ("-Xms64m", "-Xmx512m", "-XX:TieredStopAtLevel=4")
CREATE = (
    f"create table {TABLE} (symbol symbol, side symbol, price double, amount double,"
    " id long, ts timestamp_ns) timestamp(ts) partition by day wal"
)
# By arm: who sends what.
SENDERS = {
    "rows": (OURS, "row"),
    "peer's rows": (PEER, "row"),
    "frame": (OURS, "pandas"),
    "peer's frame": (PEER, "pandas"),
}
CEILING = "one POST"
SINK_LINES = {
    "sink: rows": Line("`row()` to a sink", "rows", "peer's rows", 2.0),
    "sink: frames": Line("a frame of pandas to a sink", "frame", "peer's frame", 3.0),
}
SERVER_LINES = {
    "server: rows": Line("`row()` to a server", "rows", "peer's rows", 1.5),
    "server: frames": Line(
        "a frame of pandas to a server, beside one request whose body was ready",
        *("frame", CEILING, 0.95, CEILING),
    ),
    "server: frames, peer": Line(
        "… beside the client's frame", "frame", "peer's frame"
    ),
}


def sink(stage: Stage) -> Iterator[Row]:
    """Send to a server that takes all and keeps nothing."""
    worker = stage.sink()
    counts = _counts(stage)
    arms = {
        name: _arm(
            *SENDERS[name],
            worker.ask("port"),
            count,
            before=partial(worker.ask, "taken"),
            check=partial(_all_taken, worker, _size(stage, SENDERS[name][1], count)),
        )
        for name, count in counts.items()
    }
    times = race(stage, arms, stage.run.count(SINK_ROUNDS, 2))
    yield from lines_of(SINK_LINES, times, counts, stage.run.dice())


def server(stage: Stage) -> Iterator[Row]:
    """Send to a server that has been at work for a while, and count what is there."""
    counts = {**_counts(stage), CEILING: stage.run.count(FRAME, 2_000)}
    with QuestdbLab(java_options=JAVA) as lab:
        begin = partial(_begin, lab)
        arms = {
            name: _arm(
                *SENDERS[name],
                lab.http_port,
                count,
                before=begin,
                check=partial(_all_stored, lab, count),
            )
            for name, count in counts.items()
            if name != CEILING
        }
        count, symbols = counts[CEILING], SYMBOLS["pandas"]
        arms[CEILING] = Arm(
            client=OURS if OURS in stage.clients else PEER,
            verb="post",
            arguments={"port": lab.http_port, "count": count, "symbols": symbols},
            before=begin,
            check=partial(_all_stored, lab, count),
        )
        for _ in range(stage.run.count(WARM_UP * 1_000_000 // FRAME, 1)):
            arms[CEILING].run(stage)
        times = race(stage, arms, stage.run.count(SERVER_ROUNDS, 2))
    yield from lines_of(SERVER_LINES, times, counts, stage.run.dice())


def _counts(stage: Stage) -> dict[str, int]:
    rows, frame = stage.run.count(ROWS, 2_000), stage.run.count(FRAME, 2_000)
    return {name: rows if way == "row" else frame for name, (_, way) in SENDERS.items()}


def _arm(
    client: str, way: str, port: int, count: int, **calls: Callable[[], object]
) -> Arm:
    conf = f"http::addr=127.0.0.1:{port};"
    arguments = {"way": way, "conf": conf, "count": count, "symbols": SYMBOLS[way]}
    return Arm(client=client, verb="send", arguments=arguments, **calls)


def _size(stage: Stage, way: str, count: int) -> int:
    """Return how many bytes rows have; later versions write doubles as 2 does."""
    client = next(one for one in (OURS, PEER) if one in stage.clients)
    told = stage.worker(client).ask(
        "write", way="row", version=2, count=count, symbols=SYMBOLS[way]
    )
    return int(told["size"])


def _all_taken(sink: Worker, size: int) -> None:
    taken = sink.ask("taken")
    if taken["bytes"] != size:
        raise WorkerFailed(f"{taken['bytes']} of {size} bytes came")


def _begin(lab: QuestdbLab) -> None:
    lab.sql(f"drop table if exists {TABLE}")
    lab.sql(CREATE)


def _all_stored(lab: QuestdbLab, count: int) -> None:
    try:
        lab.wait_rows(TABLE, count, timeout=PATIENCE)
    except AssertionError as error:
        raise WorkerFailed(str(error)) from error

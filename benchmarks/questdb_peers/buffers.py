"""Rows and frames written into a buffer that is used again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.questdb_peers.clients import OURS, PEER, RUST
from benchmarks.questdb_peers.race import Arm, race
from benchmarks.questdb_peers.rows import Line, lines_of
from benchmarks.questdb_peers.stage import PURE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.questdb_peers.rows import Row
    from benchmarks.questdb_peers.stage import Stage

__all__ = ["frames", "rows"]

ROWS, FRAME = 200_000, 1_000_000
ROUNDS = 15

# Who, in which way, in which version of the protocol.
BY_ROW = {
    "row": (OURS, "row", 2),
    "row, v1": (OURS, "row", 1),
    "datetime": (OURS, "datetime", 2),
    "calls": (OURS, "calls", 2),
    "schema": (OURS, "schema", 2),
    "pure": (PURE, "row", 2),
    "pure, v1": (PURE, "row", 1),
    "peer": (PEER, "row", 2),
    "peer, v1": (PEER, "row", 1),
    "peer, datetime": (PEER, "datetime", 2),
}
BY_FRAME = {
    "pandas": (OURS, "pandas", 2),
    "pyarrow": (OURS, "pyarrow", 2),
    "polars": (OURS, "polars", 2),
    "peer": (PEER, "pandas", 2),
    "rust": (RUST, "as written", 2),
    "rust, prechecked": (RUST, "prechecked", 2),
}
ROW_LINES = {
    "rows: row": Line("`row()` with dicts and nanoseconds", "row", "peer", 2.0),
    "rows: v1": Line("… version 1, doubles as text", "row, v1", "peer, v1"),
    "rows: datetime": Line("… with a datetime", "datetime", "peer, datetime"),
    "rows: calls": Line(
        "`table().symbol()….at()`, beside `row()`", "calls", "peer", 1.0
    ),
    "rows: schema": Line("`rows()`, a schema said once", "schema", "peer", 5.0),
    "rows: pure": Line("`row()` without the compiled encoder", "pure", "peer", 0.3),
    "rows: pure, v1": Line("… version 1", "pure, v1", "peer, v1"),
}
FRAME_LINES = {
    "frames: pandas": Line("a frame of pandas", "pandas", "peer", 4.0),
    "frames: pyarrow": Line("… of pyarrow, beside pandas", "pyarrow", "peer", 4.0),
    "frames: polars": Line("… of polars, beside pandas", "polars", "peer", 4.0),
    "frames: rust": Line(
        "… of pandas, beside the client for Rust", "pandas", "rust", 4.0, "Rust"
    ),
    "frames: rust, prechecked": Line(
        "… its names checked beforehand", "pandas", "rust, prechecked", label="Rust"
    ),
}


def rows(stage: Stage) -> Iterator[Row]:
    """Write rows one by one, as programs that have no frames do."""
    yield from _written(stage, BY_ROW, ROW_LINES, stage.run.count(ROWS, 2_000), 4)


def frames(stage: Stage) -> Iterator[Row]:
    """Write frames, and what the client for Rust makes of as many rows."""
    yield from _written(stage, BY_FRAME, FRAME_LINES, stage.run.count(FRAME, 2_000), 8)


def _written(
    stage: Stage,
    table: dict[str, tuple[str, str, int]],
    lines: dict[str, Line],
    count: int,
    symbols: int,
) -> Iterator[Row]:
    arms = {
        name: Arm(
            client=client,
            arguments={
                "way": way,
                "version": version,
                "count": count,
                "symbols": symbols,
            },
            wire=f"version {version}, {'µs' if way == 'datetime' else 'ns'}",
        )
        for name, (client, way, version) in table.items()
    }
    times = race(stage, arms, stage.run.count(ROUNDS, 2))
    counts = dict.fromkeys(arms, count)
    yield from lines_of(lines, times, counts, stage.run.dice())

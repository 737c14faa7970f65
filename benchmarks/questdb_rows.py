"""Claim: rows are written twice as quickly as by QuestDB's own client, or more.

That is with the compiled kernel; Python alone has 0.3 times the client's speed::

    python -m benchmarks.questdb_rows [--rounds 15] [--rows 100000] [--json FILE]

Everything runs in one process of the environment that has the client, in turn. A row
has two symbols, two doubles, a whole number and a timestamp in nanoseconds; the loop
makes the dicts and the timestamp, as a program would. Only buffers: nothing is sent.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import warnings
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.questdb_beside import (
    FIRST,
    compared,
    in_its_environment,
    options_of,
    save,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Row = tuple[str, str, float, float, int, int]
    # The classes of either package, which are alike and share no type.
    Buffer = Any
    Nanos = Any

PEER = "the client's row()"
BARS = {
    "c row()": 2.0,
    "c table().symbol()…at()": 1.0,
    "c rows()": 5.0,
    "python row()": 0.3,
}
SCHEMA = {
    "symbol": "symbol",
    "side": "symbol",
    "price": "f64",
    "amount": "f64",
    "id": "i64",
    "ts": "at_ns",
}


def main() -> int:
    """Measure, and tell; return 1 if a bar is not met."""
    options = options_of(__doc__, rounds=15, rows=100_000)
    results = in_its_environment(__spec__.name, options)
    for name, one in results.items():
        bar = f", at least {BARS[name]}" if name in BARS else ""
        print(shown(name, one, width=30, digits=3) + bar)
    save(options.json, results)
    return int(any(results[name]["ratio"] < bar for name, bar in BARS.items()))


# --- what runs there -----------------------------------------------------------------


def _child(rounds: int, count: int, version: int) -> None:
    dice = random.Random(1)
    arms = _arms(_rows(dice, count), version)
    # In the first round caches are filled.
    print(json.dumps(compared(arms, PEER, rounds, dice, warm=1, count=count)))


def _rows(dice: random.Random, count: int) -> list[Row]:
    symbols = [f"SYM{number}-USDT" for number in range(8)]
    return [
        (
            dice.choice(symbols),
            dice.choice(("buy", "sell")),
            round(dice.uniform(1, 50_000), 2),
            dice.random(),
            number,
            FIRST + number * 1_000_003,
        )
        for number in range(count)
    ]


def _client() -> tuple[Any, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from questdb import ingress  # noqa: PLC0415 - only this environment has it
    return ingress.Buffer, ingress.TimestampNanos


def _ours(implementation: str) -> tuple[Any, Any, Any]:
    """Return an implementation's classes, which go on beside those of the other one."""
    os.environ["MOORLINE_IMPL"] = implementation
    for name in [*sys.modules]:
        if name.startswith("moorline.questdb"):
            del sys.modules[name]
    buffer = import_module("moorline.questdb.buffer").Buffer
    intake = import_module("moorline.questdb.intake").Intake
    return buffer, import_module("moorline.questdb.timestamps").TimestampNanos, intake


def _front(intake: Any, make: Buffer) -> Callable[..., Any]:  # noqa: ANN401 - alike
    """Return what makes a sender's front, which never has enough."""

    def front(**options: int) -> Any:  # noqa: ANN401 - of either implementation
        found = intake()
        found._buffer = make(**options)  # noqa: SLF001 - as a sender does
        return found

    return front


def _arms(rows: list[Row], version: int) -> dict[str, Callable[[], float]]:
    arms = {PEER: partial(_timed, _by_row, *_client(), rows, version)}
    written = {_written(_by_row, *_client(), rows, version)}
    for name in ("python", "c"):
        buffer, nanos, intake = _ours(name)
        front = _front(intake, buffer)
        for what, write, make in (
            ("row()", _by_row, buffer),
            ("row() of a sender", _by_row, front),
            ("table().symbol()…at()", _by_calls, buffer),
            ("rows()", _by_schema, buffer),
        ):
            arms[f"{name} {what}"] = partial(_timed, write, make, nanos, rows, version)
            written.add(_written(write, make, nanos, rows, version))
    assert len(written) == 1, "they write different bytes, and cannot be compared"
    return arms


def _written(
    write: Callable[..., None],
    make: Buffer,
    nanos: Nanos,
    rows: list[Row],
    version: int,
) -> bytes:
    target = make(protocol_version=version)
    write(target, nanos, rows[:1000])
    return bytes(getattr(target, "_buffer", target))


def _timed(
    write: Callable[..., None],
    make: Buffer,
    nanos: Nanos,
    rows: list[Row],
    version: int,
) -> float:
    buffer = make(protocol_version=version, init_buf_size=len(rows) * 128 + 1024)
    start = time.perf_counter()
    write(buffer, nanos, rows)
    return time.perf_counter() - start


def _by_row(buffer: Buffer, nanos: Nanos, rows: list[Row]) -> None:
    for symbol, side, price, amount, number, at in rows:
        buffer.row(
            "trades",
            symbols={"symbol": symbol, "side": side},
            columns={"price": price, "amount": amount, "id": number},
            at=nanos(at),
        )


def _by_calls(buffer: Buffer, nanos: Nanos, rows: list[Row]) -> None:
    for symbol, side, price, amount, number, at in rows:
        row = buffer.table("trades").symbol("symbol", symbol).symbol("side", side)
        row.column("price", price).column("amount", amount).column("id", number)
        row.at(nanos(at))


def _by_schema(buffer: Buffer, _nanos: Nanos, rows: list[Row]) -> None:
    buffer.rows("trades", rows, SCHEMA)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        _child(*map(int, sys.argv[2:]))
    else:
        sys.exit(main())

"""Claim: frames become rows at 4 times the speed of QuestDB's own client.

::

    python -m benchmarks.questdb_frames [--rounds 9] [--rows 1000000] [--json FILE]

Everything runs in one process of the environment that has the client, in turn, and
into a buffer that was used before. A row has two symbols, of 8 and 2 values, two
doubles, a whole number and a timestamp in nanoseconds. The client takes pandas alone,
with symbols as categories; so its ratio is to that. Only buffers: nothing is sent.
"""

from __future__ import annotations

import json
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

BAR = 4.0
# The Rust client's own figure for its frames, in rows each second.
RUST = 4.5e6
PEER = "the client's, pandas"
OURS = ("pandas", "pyarrow", "polars")
WRITTEN = {"table": "trades", "symbols": ["symbol", "side"], "at": "ts"}


def main() -> int:
    """Measure, and tell; return 1 if the bar is not met."""
    options = options_of(__doc__, rounds=9, rows=1_000_000)
    folders = [entry for entry in sys.path if entry.endswith("site-packages")]
    results = in_its_environment(__spec__.name, options, *folders)
    for name, one in results["arms"].items():
        print(shown(name, one, width=22, digits=2))
    print(results["versions"])
    save(options.json, results)
    slow = [
        name
        for name in OURS
        if results["arms"][name]["ratio"] < BAR
        or results["arms"][name]["rows_per_second"] < BAR * RUST
    ]
    return int(bool(slow))


# --- what runs there -----------------------------------------------------------------


def _child(rounds: int, count: int, version: int) -> None:
    arms = _arms(_frames(count), version)
    # In the first two rounds buffers grow.
    results = compared(arms, PEER, rounds, random.Random(1), warm=2, count=count)
    names = ("questdb", "numpy", "pandas", "pyarrow", "polars", "nanoarrow")
    versions = {name: getattr(import_module(name), "__version__", "") for name in names}
    impl = import_module("moorline.questdb.impl").__impl__
    print(json.dumps({"arms": results, "versions": {**versions, "moorline": impl}}))


def _frames(count: int) -> dict[str, Any]:
    """Return one frame in several packages' ways."""
    np, pd = import_module("numpy"), import_module("pandas")
    dice = np.random.default_rng(1)
    names = [f"SYM{number}-USDT" for number in range(8)]
    frame = pd.DataFrame(
        {
            "symbol": pd.Categorical.from_codes(dice.integers(0, 8, count), names),
            "side": pd.Categorical.from_codes(
                dice.integers(0, 2, count), ["buy", "sell"]
            ),
            "price": np.round(dice.uniform(1, 50_000, count), 2),
            "amount": dice.random(count),
            "id": np.arange(count),
            "ts": (FIRST + np.arange(count) * 1_000_003).view("M8[ns]"),
        }
    )
    texts = {name: frame[name].astype("str") for name in ("symbol", "side")}
    objects = {name: frame[name].astype(object) for name in ("symbol", "side")}
    return {
        PEER: frame,
        "pandas": frame,
        "pyarrow": import_module("pyarrow").Table.from_pandas(frame),
        "polars": import_module("polars").from_pandas(frame),
        "pandas, str": frame.assign(**texts),
        "pandas, objects": frame.assign(**objects),
    }


def _arms(frames: dict[str, Any], version: int) -> dict[str, Callable[[], float]]:
    count = len(frames[PEER])
    size = count * 128 + 1024
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client = import_module("questdb.ingress")
    theirs = client.Buffer(protocol_version=version, init_buf_size=size)
    given = {**WRITTEN, "table_name": WRITTEN["table"]}
    del given["table"]
    theirs.dataframe(frames[PEER], **given)
    expected = bytes(theirs)
    arms = {PEER: partial(_timed, theirs, frames[PEER], given)}
    ours = import_module("moorline.questdb.buffer").Buffer
    for name, frame in frames.items():
        if name == PEER:
            continue
        buffer = ours(version, max_buf_size=2 * size)
        buffer.dataframe(frame, **WRITTEN)
        # Or the comparison would be of nothing.
        assert bytes(buffer) == expected
        arms[name] = partial(_timed, buffer, frame, WRITTEN)
    return arms


def _timed(buffer: Any, frame: Any, options: dict[str, Any]) -> float:  # noqa: ANN401 - of either package
    buffer.clear()
    start = time.perf_counter()
    buffer.dataframe(frame, **options)
    return time.perf_counter() - start


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        sys.path += sys.argv[5:]  # behind those of the environment, which come first
        _child(*map(int, sys.argv[2:5]))
    else:
        sys.exit(main())

"""Claim: frames become rows at 4 times the speed of QuestDB's own client.

::

    python -m benchmarks.questdb_frames [--rounds 9] [--rows 1000000] [--json FILE]

Everything runs in one process of the environment that has the client, in turn, and
into a buffer that was used before. A row has two symbols, of 8 and 2 values, two
doubles, a whole number and a timestamp in nanoseconds. The client takes pandas alone,
with symbols as categories; so its ratio is to that. Only buffers: nothing is sent.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
import warnings
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness import figure_of, interleave, quiet_gc, summary

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
BAR = 4.0
# The Rust client's own figure for its frames, in rows each second.
RUST = 4.5e6
PEER = "the client's, pandas"
OURS = ("pandas", "pyarrow", "polars")
FIRST = 1_700_000_000_000_000_000
WRITTEN = {"table": "trades", "symbols": ["symbol", "side"], "at": "ts"}


def main() -> int:
    """Measure, and tell; return 1 if the bar is not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--version", type=int, default=2, help="of the protocol")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = _in_the_clients_environment(options)
    for name, one in results["arms"].items():
        low, high = one["interval"]
        print(
            f"{name:22} {one['rows_per_second'] / 1e6:6.2f} M rows/s, "
            f"{one['ratio']:5.2f} of the client's ({low:.2f} to {high:.2f})"
        )
    print(results["versions"])
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    slow = [
        name
        for name in OURS
        if results["arms"][name]["ratio"] < BAR
        or results["arms"][name]["rows_per_second"] < BAR * RUST
    ]
    return int(bool(slow))


def _in_the_clients_environment(options: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.peers.environments import python_of  # noqa: PLC0415 - not there

    command = [str(python_of("questdb")), "-m", "benchmarks.questdb_frames", "child"]
    command += map(str, (options.rounds, options.rows, options.version))
    command += [entry for entry in sys.path if entry.endswith("site-packages")]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        command,
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# --- what runs there -----------------------------------------------------------------


def _child(rounds: int, count: int, version: int) -> None:
    dice = random.Random(1)
    arms = _arms(_frames(count), version)
    interleave(arms, 2, dice)  # buffers grow, and this is forgotten
    with quiet_gc():
        samples = interleave(arms, rounds, dice)
    results = {}
    for name, taken in samples.items():
        ratio, interval = figure_of(_ratio, samples[PEER], taken, dice=dice)
        results[name] = {
            "rows_per_second": count / statistics.median(taken),
            "ratio": ratio,
            "interval": interval,
            "seconds": summary(taken),
        }
    names = ("questdb", "numpy", "pandas", "pyarrow", "polars", "nanoarrow")
    versions = {name: getattr(import_module(name), "__version__", "") for name in names}
    impl = import_module("moorline.questdb.impl").__impl__
    print(json.dumps({"arms": results, "versions": {**versions, "moorline": impl}}))


def _ratio(peer: list[float], ours: list[float]) -> float:
    return statistics.median(peer) / statistics.median(ours)


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

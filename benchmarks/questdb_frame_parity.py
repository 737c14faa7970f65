"""Writes random DataFrames with QuestDB's own client and with moorline, and compares.

Not in the suite: it needs the client, which has an environment of its own::

    python -m benchmarks.questdb_frame_parity --frames 1000 --seed 1

Both write each frame in protocol versions 1, 2 and 3, in one process of the client's
environment. Where both accept it, the bytes must be equal, except for a decimal: the
client puts needless bytes before its mantissa, so there the numbers are compared.
What the client is known to write wrongly is left out: other byte orders. A datetime
that all rows have is nanoseconds to the client's frames and microseconds to its rows;
here it is what it is for rows, so that unit is not compared.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import warnings
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.questdb_parity import (
    DIFFERENT,
    QUOTED,
    SHOWN,
    VERSIONS,
)
from benchmarks.questdb_parity import (
    _compare as compare,
)
from benchmarks.questdb_parity import (
    _double as double,
)
from benchmarks.questdb_parity import (
    _text as text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Made = tuple[Any, dict[str, Any]]

ROOT = Path(__file__).parents[1]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_NANOS = 9_214_646_399_999_999_999
UNITS = {"ns": 1, "us": 1000, "ms": 10**6, "s": 10**9}


def main() -> int:
    """Compare; return 1 if there is a difference."""
    from benchmarks.peers.environments import python_of  # noqa: PLC0415 - not there

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--frames", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    command = [str(python_of("questdb")), "-m", "benchmarks.questdb_frame_parity"]
    command += ["child", str(chosen.frames), str(chosen.seed), *_our_packages()]
    path = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, cwd=ROOT, env=path, check=False).returncode  # noqa: S603 - ours


def _our_packages() -> list[str]:
    """Return where nanoarrow is, which the client's environment has not."""
    return [entry for entry in sys.path if entry.endswith("site-packages")]


def _child(count: int, seed: int, folders: list[str]) -> int:
    sys.path += folders  # behind those of the environment, which come first
    warnings.simplefilter("ignore")
    dice = random.Random(seed)
    counts: Counter[str] = Counter()
    for _ in range(count):
        frame, options = _frame(dice)
        for version in VERSIONS:
            mine, peer = (by(frame, options, version) for by in (_ours, _theirs))
            if isinstance(options["at"], datetime) and isinstance(peer, bytes):
                peer = peer.replace(b" 0n\n", b" 0t\n")
            outcome = compare(mine, peer)
            counts[f"v{version} {outcome}"] += 1
            if outcome == DIFFERENT and counts[f"v{version} {outcome}"] <= SHOWN:
                print(f"v{version} {options}\n{frame}\n{frame.dtypes}")
                print(f"  ours   {mine!r}\n  theirs {peer!r}")
    for outcome, found in sorted(counts.items()):
        print(f"{found:8} {outcome}")
    return int(any(DIFFERENT in outcome for outcome in counts))


# --- the frames ----------------------------------------------------------------------


def _frame(dice: random.Random) -> Made:
    import pandas as pd  # noqa: PLC0415 - the client's environment has it

    rows = dice.choice((0, 1, 2, 5, 12))
    names = [_name(dice) for _ in range(dice.randrange(1, 6))]
    makers = _makers(dice)
    columns = [dice.choice(makers)(rows) for _ in names]
    options: dict[str, Any] = {"symbols": dice.choice(("auto", True, False))}
    if dice.randrange(2):
        names.append("moment")
        columns.append(_moments(dice, rows, early=dice.randrange(20) == 0))
        options["at"] = "moment"
    else:
        options["at"] = dice.choice(
            (None, ("ns", dice.randrange(LAST_NANOS)), ("us", 7), EPOCH)
        )
    if dice.randrange(4) == 0:
        names.append("where")
        tables = [dice.choice(("a", "b c", "d=e")) for _ in range(rows)]
        columns.append(pd.Series(tables, dtype=dice.choice(("object", "category"))))
        options["table_name_col"] = "where"
    else:
        options["table"] = dice.choice(("t", "a b", "x,y"))
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    frame.columns = pd.Index(names, dtype=object)
    return frame, options


def _name(dice: random.Random) -> str:
    if dice.randrange(60) == 0:
        return text(dice)
    return "".join(dice.choices("abcXYZ_0 =é;|{", k=dice.randrange(1, 9)))


def _makers(dice: random.Random) -> list[Callable[[int], Any]]:
    import numpy as np  # noqa: PLC0415 - the client's environment has it
    import pandas as pd  # noqa: PLC0415 - the same

    def some(value: Callable[[], object]) -> Callable[[], object]:
        return lambda: None if dice.randrange(4) == 0 else value()

    def series(dtype: str, value: Callable[[], object]) -> Callable[[int], Any]:
        return lambda rows: pd.Series([value() for _ in range(rows)], dtype=dtype)

    def whole(dtype: str) -> Callable[[], object]:
        limits = np.iinfo(dtype.lower())
        return lambda: dice.choice(
            (
                dice.randrange(int(limits.min), min(int(limits.max), 2**63 - 1) + 1),
                int(limits.min),
                min(int(limits.max), 2**63 - dice.randrange(1, 3)),
            )
        )

    def single() -> float:
        return float(np.float32(dice.uniform(-1000, 1000)))

    sizes = ("8", "16", "32", "64")
    integers = [sign + size for sign in ("int", "uint") for size in sizes]
    nullable = [sign + size for sign in ("Int", "UInt") for size in sizes]
    words = some(lambda: text(dice))
    categories = [text(dice) for _ in range(5)]
    return [
        *(series(dtype, whole(dtype)) for dtype in integers),
        *(series(dtype, some(whole(dtype))) for dtype in nullable),
        *(series(f"{dtype}[pyarrow]", some(whole(dtype))) for dtype in integers),
        *[series("float64", lambda: double(dice))] * 4,
        series("float32", single),
        series("Float64", some(lambda: dice.uniform(-1, 1))),
        series("Float32", some(single)),
        series("double[pyarrow]", some(lambda: double(dice))),
        series("bool", lambda: dice.choice((True, False))),
        series("boolean", lambda: dice.choice((True, False))),
        series("bool[pyarrow]", lambda: dice.choice((True, False))),
        *(series(dtype, words) for dtype in ("object", "str", "string[python]")),
        *(series(dtype, words) for dtype in ("string[pyarrow]",)),
        *[series("category", some(lambda: dice.choice(categories)))] * 3,
        series("object", some(lambda: dice.randrange(-(2**63), 2**63))),
        series("object", some(lambda: double(dice))),
        series("object", lambda: dice.choice((True, False))),
        series("object", some(lambda: Decimal(dice.randrange(10**9)).scaleb(-3))),
        series("object", lambda: np.array([double(dice) for _ in range(3)])),
        series("object", lambda: dice.choice((None, float("nan"), pd.NA))),
        lambda rows: _moments(dice, rows, early=True),
        lambda rows: _moments(dice, rows, early=True),
    ]


def _moments(dice: random.Random, rows: int, *, early: bool) -> Any:  # noqa: ANN401 - of pandas
    import pandas as pd  # noqa: PLC0415 - the client's environment has it

    unit = dice.choice(tuple(UNITS))
    low = -(10**9) if early else 0
    counts = [
        None
        if early and dice.randrange(5) == 0
        else EPOCH + timedelta(seconds=dice.randrange(low, 2**33))
        for _ in range(rows)
    ]
    moments = pd.Series(pd.to_datetime(counts, utc=True)).dt.as_unit(unit)
    moments += pd.Timedelta(dice.randrange(10**9) // UNITS[unit], unit=unit)
    kind = dice.randrange(4)
    if kind == 0:
        return moments.dt.tz_convert("Asia/Tokyo")
    if kind == 1:
        return moments.astype(f"timestamp[{unit}, tz=UTC][pyarrow]")
    return moments.dt.tz_localize(None)


# --- writing them --------------------------------------------------------------------


def _ours(frame: Any, options: dict[str, Any], version: Any) -> bytes | str:  # noqa: ANN401 - of either
    from moorline.questdb.buffer import Buffer  # noqa: PLC0415 - by PYTHONPATH
    from moorline.questdb.timestamps import (  # noqa: PLC0415 - the same
        TimestampMicros,
        TimestampNanos,
    )

    units = {"ns": TimestampNanos, "us": TimestampMicros}
    given = {**options, "at": _moment(options["at"], units, None)}
    return _written(Buffer(version), frame, given)


def _theirs(frame: Any, options: dict[str, Any], version: Any) -> bytes | str:  # noqa: ANN401 - of either
    from questdb import ingress  # noqa: PLC0415 - only the client's environment has it

    units = {"ns": ingress.TimestampNanos, "us": ingress.TimestampMicros}
    given = {**options, "at": _moment(options["at"], units, ingress.ServerTimestamp)}
    if "table" in given:
        given["table_name"] = given.pop("table")
    return _written(ingress.Buffer(protocol_version=version), frame, given)


def _moment(at: object, units: dict[str, Any], now: object) -> object:
    match at:
        case None:
            return now
        case (str(unit), int(count)):
            return units[unit](count)
        case _:
            return at


def _written(buffer: Any, frame: Any, options: dict[str, Any]) -> bytes | str:  # noqa: ANN401 - of either
    try:
        buffer.dataframe(frame, **options)
    except Exception as error:  # noqa: BLE001 - whatever it is, it refuses
        return re.sub(QUOTED, "…", str(error))[:150]
    return bytes(buffer)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        sys.exit(_child(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
    sys.exit(main())

"""Writes random rows with QuestDB's own client and with moorline, and compares.

Not in the suite: it needs the client, which has an environment of its own::

    python -m benchmarks.questdb_parity --rows 100000 --seed 1

Both write each row in protocol versions 1, 2 and 3. Where both accept it, the bytes
must be equal, except for a decimal: the client puts needless bytes before its mantissa,
so there the numbers are compared.
"""

from __future__ import annotations

import argparse
import pickle
import random
import re
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.environments import ROOT, python_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Row = tuple[str, dict[str, Any], dict[str, Any], Any]

VERSIONS = (1, 2, 3)
DIFFERENT = "DIFFERENT"
SHOWN = 3
ALPHABET = "abz_0 =,\\\"\n\r'.-?é\u20ac\U0001f600\t%"
TABLES = ("trades", "test 1=2", "a.b", "таблица", "x-y", "a..b", "", "t" * 128)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# In messages, to count those that are alike.
QUOTED = r"""'.*'|".*"|\d+"""
DECIMAL_MARK = b"==\x17"


def main() -> int:
    """Compare; return 1 if there is a difference."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    dice = random.Random(chosen.seed)
    rows = [_row(dice) for _ in range(chosen.rows)]
    with tempfile.TemporaryDirectory() as folder:
        theirs = _by_the_client(Path(folder), rows)
    ours = _by_us(rows)
    counts: Counter[str] = Counter()
    for row, left, right in zip(rows, ours, theirs, strict=True):
        for version, mine, peer in zip(VERSIONS, left, right, strict=True):
            outcome = _compare(mine, peer)
            counts[f"v{version} {outcome}"] += 1
            if outcome == DIFFERENT and counts[f"v{version} {outcome}"] <= SHOWN:
                print(f"v{version} {row}\n  ours   {mine!r}\n  theirs {peer!r}")
    for outcome, count in sorted(counts.items()):
        print(f"{count:8} {outcome}")
    return int(any(DIFFERENT in outcome for outcome in counts))


def _compare(mine: bytes | str, peer: bytes | str) -> str:
    match mine, peer:
        case bytes(), bytes():
            if mine == peer:
                return "equal"
            same = _short_decimals(peer) == mine
            return "equal but for the length of a decimal" if same else DIFFERENT
        case bytes(), str():
            return f"refused by the client alone: {peer}"
        case str(), bytes():
            return f"refused by us alone: {mine}"
        case _:
            return "refused by both"


def _short_decimals(data: bytes) -> bytes:
    """Return a row with each decimal written in as few bytes as it takes."""
    out = b""
    while DECIMAL_MARK in data:
        before, _, data = data.partition(DECIMAL_MARK)
        scale, length = data[0], data[1]
        number = int.from_bytes(data[2 : 2 + length], "big", signed=True)
        size = (number if number >= 0 else ~number).bit_length() // 8 + 1
        out += before + DECIMAL_MARK + bytes((scale, size))
        out += number.to_bytes(size, "big", signed=True)
        data = data[2 + length :]
    return out + data


# --- the rows ------------------------------------------------------------------------


def _row(dice: random.Random) -> Row:
    table = dice.choice(TABLES if dice.randrange(20) == 0 else TABLES[:5])
    symbols = {_name(dice): _text(dice) for _ in range(dice.randrange(3))}
    columns = {_name(dice): _value(dice) for _ in range(dice.randrange(6))}
    return table, symbols, columns, _at(dice)


def _name(dice: random.Random) -> str:
    if dice.randrange(50) == 0:
        return _text(dice)
    return "".join(dice.choices("abcXYZ_0 =é;|{", k=dice.randrange(1, 9)))


def _text(dice: random.Random) -> str:
    return "".join(dice.choices(ALPHABET, k=dice.randrange(12)))


def _double(dice: random.Random) -> float:
    makers: tuple[Callable[[], float], ...] = (
        lambda: struct.unpack("<d", dice.randbytes(8))[0],  # any, NaNs as well
        lambda: dice.choice((0.0, -0.0, float("inf"), -float("inf"), 5e-324)),
        lambda: dice.uniform(-1, 1) * 10.0 ** dice.randrange(-12, 25),
        lambda: float(dice.randrange(-(10**18), 10**18)),
        lambda: round(dice.uniform(0, 100_000), dice.randrange(5)),
    )
    return dice.choice(makers)()


def _value(dice: random.Random) -> object:
    makers: tuple[Callable[[], object], ...] = (
        lambda: _double(dice),
        lambda: _double(dice),
        lambda: dice.randrange(-(2**63), 2**63),
        lambda: dice.choice((-(2**63), 2**63 - 1, 0, -1, 2**63 - dice.randrange(2))),
        lambda: dice.choice((True, False)),
        lambda: _text(dice),
        lambda: None,
        lambda: _moment(dice),
        lambda: ("us", dice.randrange(-1000, 2**63)),
        lambda: ("ns", dice.randrange(-1000, 2**63)),
        lambda: _decimal(dice),
        lambda: ("array", *_array(dice)),
    )
    return dice.choice(makers)()


def _decimal(dice: random.Random) -> Decimal:
    digits = dice.randrange(-(10 ** dice.randrange(1, 80)), 10 ** dice.randrange(1, 80))
    return Decimal(digits).scaleb(dice.randrange(-80, 20))


def _array(dice: random.Random) -> tuple[tuple[int, ...], list[float]]:
    shape = tuple(dice.randrange(4) for _ in range(dice.randrange(1, 4)))
    size = 1
    for length in shape:
        size *= length
    return shape, [_double(dice) for _ in range(size)]


def _moment(dice: random.Random) -> datetime:
    return EPOCH + timedelta(microseconds=dice.randrange(-(10**16), 10**16))


def _at(dice: random.Random) -> object:
    return dice.choice(
        (
            None,
            ("ns", dice.randrange(9_214_646_399_999_999_999)),
            ("us", dice.randrange(9_214_646_399_999_999)),
            EPOCH + timedelta(microseconds=dice.randrange(9_214_646_399_999_999)),
            ("ns", dice.choice((-1, 0, 9_214_646_399_999_999_999))),
        )
    )


# --- writing them --------------------------------------------------------------------


def _by_us(rows: list[Row]) -> list[list[bytes | str]]:
    from moorline.questdb.buffer import Buffer  # noqa: PLC0415 - the child has none
    from moorline.questdb.timestamps import (  # noqa: PLC0415 - the same
        TimestampMicros,
        TimestampNanos,
    )

    def nested(shape: tuple[int, ...], values: list[float]) -> object:
        if len(shape) == 1:
            return values
        step = len(values) // shape[0] if shape[0] else 0
        parts = [values[i * step : (i + 1) * step] for i in range(shape[0])]
        return [nested(shape[1:], part) for part in parts]

    def array(shape: tuple[int, ...], values: list[float]) -> object:
        # Lists cannot say what is behind a dimension of nothing.
        return None if 0 in shape[:-1] else nested(shape, values)

    make = {"us": TimestampMicros, "ns": TimestampNanos, "array": array}
    return _write(rows, lambda v: Buffer(protocol_version=v), make, None)


def _by_the_client(folder: Path, rows: list[Row]) -> list[list[bytes | str]]:
    (folder / "rows").write_bytes(pickle.dumps(rows))
    command = [str(python_of("questdb")), "-W", "ignore", "-m", __spec__.name, "child"]
    subprocess.run([*command, str(folder)], cwd=ROOT, check=True)  # noqa: S603 - ours
    found: list[list[bytes | str]] = pickle.loads(  # noqa: S301 - ours as well
        (folder / "written").read_bytes()
    )
    return found


def _child(folder: Path) -> None:
    """Write the rows with the client, in its environment."""
    import numpy as np  # noqa: PLC0415 - only the client's environment has it

    from questdb import ingress  # noqa: PLC0415 - the same

    def array(shape: tuple[int, ...], values: list[float]) -> object:
        return None if 0 in shape[:-1] else np.array(values, "f8").reshape(shape)

    rows = pickle.loads((folder / "rows").read_bytes())  # noqa: S301 - our own
    units = {"us": ingress.TimestampMicros, "ns": ingress.TimestampNanos}
    written = _write(
        rows,
        lambda v: ingress.Buffer(protocol_version=v),
        {**units, "array": array},
        ingress.ServerTimestamp,
    )
    (folder / "written").write_bytes(pickle.dumps(written))


def _write(
    rows: list[Row],
    new_buffer: Callable[[int], Any],
    make: dict[str, Callable[..., Any]],
    now: object,
) -> list[list[bytes | str]]:
    def real(value: object) -> object:
        return make[value[0]](*value[1:]) if isinstance(value, tuple) else value

    buffers = [new_buffer(version) for version in VERSIONS]
    found: list[list[bytes | str]] = []
    for table, symbols, columns, at in rows:
        found.append([])
        for buffer in buffers:
            buffer.clear()
            try:
                values = {name: real(value) for name, value in columns.items()}
                moment = now if at is None else real(at)
                buffer.row(table, symbols=symbols, columns=values, at=moment)
                # The client drops a row of nothing without a word.
                found[-1].append(bytes(buffer) or "nothing")
            except Exception as error:  # noqa: BLE001 - whatever it is, it refuses
                found[-1].append(re.sub(QUOTED, "…", str(error)))
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        _child(Path(sys.argv[2]))
    else:
        sys.exit(main())

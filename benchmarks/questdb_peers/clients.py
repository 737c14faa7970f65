"""The clients that are compared, and how each spells what all are told.

A worker imports this in the client's own environment: standard library only, and the
client itself when it is first needed.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import files, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.questdb_peers import material
from benchmarks.questdb_peers.material import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.questdb_peers.material import Row

    # A buffer or a sender of either, which are alike and share no type.
    Target = Any

__all__ = ["OURS", "PEER", "RUST", "WAYS", "Client", "clients"]

OURS = "moorline"
PEER = "questdb"
RUST = "questdb-rs"  # a program of its own: see rust.py
SYMBOLS = ["symbol", "side"]
SCHEMA = {
    "symbol": "symbol",
    "side": "symbol",
    "price": "f64",
    "amount": "f64",
    "id": "i64",
    "ts": "at_ns",
}
LARGEST = 1 << 30  # bytes; a frame of a million rows has 10 % of that
PER_ROW = 128  # bytes, and some to spare


class Client:
    """What is asked of a client; whoever makes one says how."""

    packages: tuple[str, ...]  # whose versions matter
    module: str
    table_option: str  # of dataframe()
    buffer_options: Mapping[str, int]

    def versions(self) -> dict[str, str]:
        """Tell the versions of what runs here."""
        return {name: version(name) for name in self.packages}

    def nanos(self) -> Any:  # noqa: ANN401 - the client's
        """Return what makes a timestamp of nanoseconds."""
        return import_module(self.module).TimestampNanos

    def buffer(self, protocol_version: int, rows: int) -> Target:
        """Return a buffer that has room for so many rows."""
        room = {"init_buf_size": rows * PER_ROW + 1024, **self.buffer_options}
        return self.buffer_class()(protocol_version=protocol_version, **room)

    def buffer_class(self) -> Any:  # noqa: ANN401 - the client's
        """Return the class of buffers."""
        raise NotImplementedError

    def sender(self, conf: str) -> Target:
        """Return a sender, to be entered."""
        return import_module(self.module).Sender.from_conf(conf)

    def async_sender(self, conf: str) -> Target:
        """Return a sender for asyncio, to be entered."""
        return import_module(self.module).AsyncSender.from_conf(conf)

    def dataframe(self, target: Target, frame: object) -> None:
        """Write a frame."""
        options = {self.table_option: TABLE, "symbols": SYMBOLS, "at": "ts"}
        target.dataframe(frame, **options)

    def size(self) -> int:
        """Return how many bytes the package has on disk, without bytecode."""
        return sum(
            Path(str(one.locate())).stat().st_size
            for one in files(self.packages[0]) or ()
            if one.suffix != ".pyc"
        )


class Moorline(Client):
    """Ours."""

    packages = (OURS, "h11", "numpy", "pandas", "pyarrow", "polars", "nanoarrow")
    module = "moorline.questdb"
    table_option = "table"
    buffer_options = {"max_buf_size": LARGEST}  # noqa: RUF012 - nobody changes it

    def versions(self) -> dict[str, str]:
        """Tell which encoder it is, too."""
        kind = getattr(import_module(self.module), "__impl__", "python")
        return {**super().versions(), "encoder": {"c": "compiled"}.get(kind, kind)}

    def buffer_class(self) -> Any:  # noqa: ANN401
        """Return the class of buffers."""
        return import_module(self.module).Buffer


class Official(Client):
    """QuestDB's, for Python."""

    packages = (PEER, "numpy", "pandas", "pyarrow")
    module = "questdb"
    table_option = "table_name"
    buffer_options = {}  # noqa: RUF012 - as above

    def buffer_class(self) -> Any:  # noqa: ANN401
        """Return the class of buffers, which only the old place for imports names."""
        return import_module("questdb._client").Buffer


clients: Mapping[str, Client] = {OURS: Moorline(), PEER: Official()}


def by_row(client: Client, target: Target, rows: Sequence[Row]) -> None:
    """Write rows with dicts and timestamps that are made for each, as programs do."""
    nanos = client.nanos()
    for symbol, side, price, amount, number, at in rows:
        target.row(
            TABLE,
            symbols={"symbol": symbol, "side": side},
            columns={"price": price, "amount": amount, "id": number},
            at=nanos(at),
        )


def by_datetime(_: Client, target: Target, rows: Sequence[Row]) -> None:
    """Write rows with datetimes that are there."""
    for symbol, side, price, amount, number, at in rows:
        target.row(
            TABLE,
            symbols={"symbol": symbol, "side": side},
            columns={"price": price, "amount": amount, "id": number},
            at=at,
        )


def by_calls(client: Client, target: Target, rows: Sequence[Row]) -> None:
    """Write rows with one call for each value."""
    nanos = client.nanos()
    for symbol, side, price, amount, number, at in rows:
        row = target.table(TABLE).symbol("symbol", symbol).symbol("side", side)
        row.column("price", price).column("amount", amount).column("id", number)
        row.at(nanos(at))


def by_schema(_: Client, target: Target, rows: Sequence[Row]) -> None:
    """Write all rows with one call that says once what they are."""
    target.rows(TABLE, rows, SCHEMA)


def by_frame(client: Client, target: Target, frame: object) -> None:
    """Write a frame."""
    client.dataframe(target, frame)


# By name: what makes the rows or the frame, and what writes them.
WAYS: Mapping[
    str, tuple[Callable[[int, int], Any], Callable[[Client, Target, Any], None]]
] = {
    "row": (material.rows, by_row),
    "datetime": (material.dated, by_datetime),
    "calls": (material.rows, by_calls),
    "schema": (material.rows, by_schema),
    "pandas": (lambda *size: material.frame("pandas", *size), by_frame),
    "pyarrow": (lambda *size: material.frame("pyarrow", *size), by_frame),
    "polars": (lambda *size: material.frame("polars", *size), by_frame),
}

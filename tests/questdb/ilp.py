"""Reads what a buffer wrote, by the description of the protocol and nothing of ours.

Plain and slow: one byte after the other. What it returns is compared with what was
asked for.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

BACKSLASH, QUOTE, LF, SPACE, COMMA, EQUALS = b"\\", b'"', b"\n", b" ", b",", b"="


class Row(NamedTuple):
    """What a server would understand."""

    table: str
    symbols: list[tuple[str, str]]
    columns: list[tuple[str, tuple]]
    at: tuple | None


def read(data: bytes, version: int) -> list[Row]:
    reader = Reader(data, version)
    rows = []
    while reader.at < len(data):
        rows.append(reader.row())
    return rows


class Reader:
    def __init__(self, data, version):
        self.data = data
        self.version = version
        self.at = 0

    def peek(self):
        return self.data[self.at : self.at + 1]

    def take(self, count=1):
        taken = self.data[self.at : self.at + count]
        assert len(taken) == count, "the data are cut short"
        self.at += count
        return taken

    def expect(self, byte):
        taken = self.take()
        assert taken == byte, (taken, byte, self.at)

    def unquoted(self):
        """Read up to a byte that ends a name or a symbol, and leave that."""
        out = b""
        while self.peek() not in {b"", SPACE, COMMA, EQUALS, LF}:
            byte = self.take()
            out += self.take() if byte == BACKSLASH else byte
        return out.decode()

    def quoted(self):
        out = b""
        while (byte := self.take()) != QUOTE:
            assert byte != LF, "a raw line feed in a string"
            out += self.take() if byte == BACKSLASH else byte
        return out.decode()

    def row(self):
        table = self.unquoted()
        assert table
        symbols, columns = [], []
        while self.peek() == COMMA:
            self.take()
            name = self.unquoted()
            self.expect(EQUALS)
            symbols.append((name, self.unquoted()))
        at = None
        if self.peek() == SPACE:
            self.take()
            columns, at = self.behind_symbols(symbols)
        self.expect(LF)
        assert symbols or columns, "a row of nothing"
        return Row(table, symbols, columns, at)

    def behind_symbols(self, symbols):
        """Read columns and a timestamp; behind symbols there may be no columns."""
        if symbols and self.only_digits():
            return [], self.timestamp()
        columns = [self.column()]
        while self.peek() == COMMA:
            self.take()
            columns.append(self.column())
        if self.peek() != SPACE:
            return columns, None
        self.take()
        return columns, self.timestamp()

    def only_digits(self):
        line = self.data[self.at :].partition(LF)[0]
        return line.rstrip(b"tn").isdigit()

    def timestamp(self):
        text = self.until_end()
        if self.version == 1:
            assert text.isdigit()
            return "n", int(text)
        assert text[:-1].isdigit()
        assert text[-1:] in "tn"
        return text[-1], int(text[:-1])

    def until_end(self):
        out = b""
        while self.peek() not in {b"", SPACE, COMMA, LF}:
            out += self.take()
        return out.decode("ascii")

    def column(self):
        name = self.unquoted()
        assert name
        self.expect(EQUALS)
        if self.peek() == QUOTE:
            self.take()
            return name, ("str", self.quoted())
        if self.peek() == EQUALS:
            assert self.version > 1, "binary values in version 1"
            self.take()
            return name, self.binary()
        return name, self.text()

    def text(self):
        text = self.until_end()
        if text in "tf":
            return "bool", text == "t"
        if text[-1] == "i":
            return "i64", int(text[:-1])
        if text[-1] == "t":
            return "us", int(text[:-1])
        if text[-1] == "n":
            assert self.version > 1, "nanoseconds in version 1"
            return "ns", int(text[:-1])
        assert self.version == 1, "a double as text"
        assert text[0] in "-0123456789NI"
        return "f64", float(text)

    def binary(self):
        match self.take()[0]:
            case 0x10:
                return "f64", struct.unpack("<d", self.take(8))[0]
            case 0x0E:
                return self.array()
            case 0x17:
                assert self.version > 2, "a decimal before version 3"
                scale, length = self.take()[0], self.take()[0]
                assert scale <= 76
                assert length <= 32
                mantissa = self.take(length)
                if not length:
                    return "dec", None
                return "dec", (int.from_bytes(mantissa, "big", signed=True), scale)
            case unknown:
                raise AssertionError(f"an unknown type {unknown}")

    def array(self):
        element, count = self.take()[0], self.take()[0]
        assert element == 10
        assert 1 <= count <= 32
        shape = struct.unpack(f"<{count}I", self.take(4 * count))
        size = 1
        for length in shape:
            size *= length
        return "arr", (shape, struct.unpack(f"<{size}d", self.take(8 * size)))

"""The rows that all clients of QuestDB must write alike, from tests/spec."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from moorline.errors import RowError
from moorline.questdb.buffer import Buffer

SPEC = tomllib.loads(
    (Path(__file__).parents[1] / "spec/ilp_interop.toml").read_text("utf-8")
)
VERSIONS = [1, 2, 3]


def refused():
    """Return the rows to refuse, those of forbidden characters included."""
    yield from SPEC["refused"]
    everywhere = SPEC["forbidden"]["everywhere"]
    named = everywhere + SPEC["forbidden"]["in_symbols_and_columns"]
    for bad in everywhere:
        row = {"table": f"foo{bad}bar", "columns": {"a_col": "42"}}
        yield {"name": f"{bad!r} in a table's name", **row}
    for part in ("symbols", "columns"):
        for bad in named:
            row = {"table": "test_table", part: {f"foo{bad}bar": "42"}}
            yield {"name": f"{bad!r} in the name of {part}", **row}


def parts_of(case):
    columns = case.get("columns", {}) | {
        name: Decimal(text) for name, text in case.get("decimals", {}).items()
    }
    return case["table"], case.get("symbols", {}), columns


def by_row(buffer, table, symbols, columns):
    buffer.row(table, symbols=symbols, columns=columns, at=None)


def by_calls(buffer, table, symbols, columns):
    buffer.table(table)
    for name, value in symbols.items():
        buffer.symbol(name, value)
    for name, value in columns.items():
        buffer.column(name, value)
    buffer.at_now()


def by_schema(buffer, table, symbols, columns):
    schema = dict.fromkeys(symbols, "symbol") | dict.fromkeys(columns, "any")
    buffer.rows(table, [(*symbols.values(), *columns.values())], schema)


WAYS = [by_row, by_calls, by_schema]


def test_all_cases_are_here():
    assert len(SPEC["written"]) + len(list(refused())) == 109


@pytest.mark.parametrize("write", WAYS)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", SPEC["written"], ids=lambda case: case["name"])
def test_what_all_clients_write(case, version, write):
    buffer = Buffer(protocol_version=version)
    if version < case.get("since", 1):
        with pytest.raises(RowError, match=f"protocol_version={version}"):
            write(buffer, *parts_of(case))
        return
    write(buffer, *parts_of(case))
    if version > 1 and "binary" in case:
        assert bytes(buffer).hex() == "".join(case["binary"].split())
    else:
        assert bytes(buffer).decode() == case["line"] + "\n"


@pytest.mark.parametrize("write", WAYS)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", list(refused()), ids=lambda case: case["name"])
def test_what_no_client_writes(case, version, write):
    buffer = Buffer(protocol_version=version)
    with pytest.raises(RowError):
        write(buffer, *parts_of(case))
    assert bytes(buffer) == b""
    assert buffer.row_count == 0

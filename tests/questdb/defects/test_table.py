"""The table of defects is complete, and names tests that are there."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TABLE = tomllib.loads((HERE / "defects.toml").read_text("utf-8"))
LAST = {"python": 26}
# Why there may be no test: moorline has not what it is a defect of.
REASONS = ("not_here",)


@pytest.mark.parametrize("client", LAST)
def test_every_number_is_listed(client: str) -> None:
    assert [*TABLE[client]] == [str(n + 1) for n in range(LAST[client])]


def entries(kind: type) -> list[object]:
    return [
        pytest.param(one, id=f"{client} {number}")
        for client, defects in TABLE.items()
        for number, entry in defects.items()
        for one in (entry if isinstance(entry, list) else [entry])
        if isinstance(one, kind)
    ]


@pytest.mark.parametrize("node", entries(str))
def test_what_is_named_is_there(node: str) -> None:
    path, name = node.split("::")
    body = ast.parse((HERE.parent / path).read_text("utf-8")).body
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert name in {one.name for one in body if isinstance(one, functions)}


@pytest.mark.parametrize("entry", entries(dict))
def test_what_is_not_tested_has_a_reason(entry: dict[str, str]) -> None:
    ((kind, reason),) = entry.items()
    assert kind in REASONS
    assert reason

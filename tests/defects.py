"""Reads the tables of defects, `defects.toml`, and finds the tests that they name.

A table has the numbers of each client's defects, and behind each a test that would fail
there and passes here, or several: "test_pools.py::test_one", "…::TestGroup::test_one"
or "…::test_one[case]". In place of a test there may be a reason why there is none, as
`{ not_here = "it has no pools" }`.
"""

from __future__ import annotations

import ast
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Table", "case_of", "entries", "is_there", "table_of"]

Table = dict[str, dict[str, Any]]


def table_of(folder: Path) -> Table:
    """Return the table of a folder."""
    return tomllib.loads((folder / "defects.toml").read_text("utf-8"))


def entries(table: Table, kind: type) -> list[object]:
    """Return what a test is parametrised with: tests as str, or reasons as dict."""
    return [
        pytest.param(one, id=f"{client} {number}")
        for client, defects in table.items()
        for number, entry in defects.items()
        for one in (entry if isinstance(entry, list) else [entry])
        if isinstance(one, kind)
    ]


def is_there(folder: Path, node: str) -> bool:
    """Say whether a test of this name is in the file that is named, and in the group.

    Whether it has the case that is named, its table of cases knows: see `case_of`.
    """
    path, *groups, name = node.split("::")
    body = ast.parse((folder / path).read_text("utf-8")).body
    for group in groups:
        classes = [one for one in body if isinstance(one, ast.ClassDef)]
        body = [part for one in classes if one.name == group for part in one.body]
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    known = {one.name for one in body if isinstance(one, functions)}
    return name.partition("[")[0] in known


def case_of(node: str) -> str:
    """Return the case of a test that is named; "" for all of them."""
    return node.rpartition("::")[2].removesuffix("]").partition("[")[2]

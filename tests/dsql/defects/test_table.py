"""The table of defects is complete, and names tests that are there."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TABLE = tomllib.loads((HERE / "defects.toml").read_text("utf-8"))
SPEC = HERE.parents[1] / "spec" / "dsql_logins.toml"
CASES = {case["name"] for case in tomllib.loads(SPEC.read_text("utf-8"))["cases"]}
LAST = {"python": 37, "rust": 14}
# Why there may be no test: moorline has not what it is a defect of.
REASONS = ("not_here",)


@pytest.mark.parametrize("connector", LAST)
def test_every_number_is_listed(connector: str) -> None:
    assert [*TABLE[connector]] == [str(n + 1) for n in range(LAST[connector])]


def entries(kind: type) -> list[object]:
    return [
        pytest.param(one, id=f"{connector} {number}")
        for connector, defects in TABLE.items()
        for number, entry in defects.items()
        for one in (entry if isinstance(entry, list) else [entry])
        if isinstance(one, kind)
    ]


@pytest.mark.parametrize("node", entries(str))
def test_what_is_named_is_there(node: str) -> None:
    path, *within = node.split("::")
    name, _, case = within.pop().removesuffix("]").partition("[")
    body = ast.parse((HERE.parent / path).read_text("utf-8")).body
    for group in within:
        (body,) = [
            one.body
            for one in body
            if isinstance(one, ast.ClassDef) and one.name == group
        ]
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert name in {one.name for one in body if isinstance(one, functions)}
    assert not case or case in CASES


@pytest.mark.parametrize("entry", entries(dict))
def test_what_is_not_tested_has_a_reason(entry: dict[str, str]) -> None:
    ((kind, reason),) = entry.items()
    assert kind in REASONS
    assert reason

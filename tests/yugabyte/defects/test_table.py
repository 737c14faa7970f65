"""The table of defects is complete, and names tests that are there."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from tests.spec.cases import read

HERE = Path(__file__).parent
TABLE = tomllib.loads((HERE / "defects.toml").read_text("utf-8"))
NUMBERS = {
    "psycopg3": [str(number) for number in range(1, 26)],
    "psycopg2": [str(number) for number in range(1, 23)],
    "rust": [str(number) for number in range(1, 13)],
    "rust_measured": list("klmnq"),
}
# Why there may be no test: moorline has the defect too, or has not what it is one of.
REASONS = ("shared", "not_here")


@pytest.mark.parametrize("driver", NUMBERS)
def test_every_number_is_listed(driver: str) -> None:
    assert [*TABLE[driver]] == NUMBERS[driver]


def entries(kind: type) -> list[object]:
    return [
        pytest.param(one, id=f"{driver} {number}")
        for driver, defects in TABLE.items()
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
    assert not case or case in {one["name"] for _, one in read("*_scenarios.toml")}


@pytest.mark.parametrize("entry", entries(dict))
def test_what_is_not_tested_has_a_reason(entry: dict[str, str]) -> None:
    ((kind, reason),) = entry.items()
    assert kind in REASONS
    assert reason

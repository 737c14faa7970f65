"""The table of defects is complete, and names tests that are there."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.defects import case_of, entries, is_there, table_of

HERE = Path(__file__).parent
TABLE = table_of(HERE)
SPEC = HERE.parents[1] / "spec" / "dsql_logins.toml"
CASES = {case["name"] for case in tomllib.loads(SPEC.read_text("utf-8"))["cases"]}
LAST = {"python": 37, "rust": 14}
# Why there may be no test: moorline has not what it is a defect of.
REASONS = ("not_here",)


@pytest.mark.parametrize("connector", LAST)
def test_every_number_is_listed(connector: str) -> None:
    assert [*TABLE[connector]] == [str(n + 1) for n in range(LAST[connector])]


@pytest.mark.parametrize("node", entries(TABLE, str))
def test_what_is_named_is_there(node: str) -> None:
    assert is_there(HERE.parent, node)
    assert case_of(node) in {"", *CASES}


@pytest.mark.parametrize("entry", entries(TABLE, dict))
def test_what_is_not_tested_has_a_reason(entry: dict[str, str]) -> None:
    ((kind, reason),) = entry.items()
    assert kind in REASONS
    assert reason

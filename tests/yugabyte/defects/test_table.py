"""The table of defects is complete, and names tests that are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.defects import case_of, entries, is_there, table_of
from tests.spec.cases import read

HERE = Path(__file__).parent
TABLE = table_of(HERE)
CASES = {case["name"] for _, case in read("*_scenarios.toml")}
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


@pytest.mark.parametrize("node", entries(TABLE, str))
def test_what_is_named_is_there(node: str) -> None:
    assert is_there(HERE.parent, node)
    assert case_of(node) in {"", *CASES}


@pytest.mark.parametrize("entry", entries(TABLE, dict))
def test_what_is_not_tested_has_a_reason(entry: dict[str, str]) -> None:
    ((kind, reason),) = entry.items()
    assert kind in REASONS
    assert reason

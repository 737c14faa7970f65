"""The page of the comparison for QuestDB says what was measured."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.questdb_peers import table
from benchmarks.questdb_peers.stage import ALL

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "comparison-questdb.md"
RESULTS = ROOT / "benchmarks" / "results" / "peers_questdb.json"
BEGIN = "<!-- made from benchmarks/results/peers_questdb.json -->"
END = "<!-- end -->"


@pytest.fixture(scope="module")
def results():
    return report.load(RESULTS)


def test_the_table_of_the_page_is_made_from_the_results(results) -> None:
    """To write it anew: ``REWRITE=1 make test ARGS=tests/docs``."""
    made = f"{BEGIN}\n\n{table.markdown(results)}\n\n{END}"
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if os.environ.get("REWRITE"):
        PAGE.write_text(before + made + after, "utf-8")
        text = PAGE.read_text("utf-8")
    assert before + made + after == text


def test_the_results_are_of_a_whole_run(results) -> None:
    assert results["quick"] is False
    assert list(results["clients"]) == list(ALL)


def test_every_row_with_a_bar_has_a_verdict_and_no_other(results) -> None:
    for row in results["rows"]:
        assert (row["met"] is None) == (not row["bar"])

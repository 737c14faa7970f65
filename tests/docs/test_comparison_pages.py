"""The pages of the comparisons say what was measured."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from benchmarks import report
from benchmarks.dsql_peers import table as dsql
from benchmarks.dsql_peers.clients import CLIENTS
from benchmarks.peers import table as yugabyte
from benchmarks.peers.drivers import OURS, PEERS
from benchmarks.questdb_peers import table as questdb
from benchmarks.questdb_peers.stage import ALL

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.report import Results

ROOT = Path(__file__).parents[2]
END = "<!-- end -->"


class Comparison(NamedTuple):
    """A page, what makes its table, and who is compared, under which key."""

    page: str
    markdown: Callable[[Results], str]
    key: str
    compared: list[str]


COMPARISONS = {
    "yugabyte": Comparison(
        "comparison.md", yugabyte.markdown, "drivers", [OURS, *PEERS]
    ),
    "dsql": Comparison("comparison-dsql.md", dsql.markdown, "clients", [*CLIENTS]),
    "questdb": Comparison("comparison-questdb.md", questdb.markdown, "clients", [*ALL]),
}


def file_of(product: str) -> str:
    return f"benchmarks/results/peers_{product}.json"


def results_of(product: str) -> Results:
    return report.load(ROOT / file_of(product))


@pytest.mark.parametrize("product", COMPARISONS)
def test_the_table_of_the_page_is_made_from_the_results(product: str) -> None:
    """To write it anew: ``REWRITE=1 make test ARGS=tests/docs``."""
    page = ROOT / "docs" / COMPARISONS[product].page
    begin = f"<!-- made from {file_of(product)} -->"
    table = COMPARISONS[product].markdown(results_of(product))
    made = f"{begin}\n\n{table}\n\n{END}"
    text = page.read_text("utf-8")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(END)
    if os.environ.get("REWRITE"):
        page.write_text(before + made + after, "utf-8")
        text = page.read_text("utf-8")
    assert before + made + after == text


@pytest.mark.parametrize("product", COMPARISONS)
def test_the_results_are_of_a_whole_run(product: str) -> None:
    results = results_of(product)
    assert results["quick"] is False
    assert list(results[COMPARISONS[product].key]) == COMPARISONS[product].compared


@pytest.mark.parametrize("product", ["dsql", "questdb"])
def test_every_row_with_a_bar_has_a_verdict_and_no_other(product: str) -> None:
    for row in results_of(product)["rows"]:
        assert (row["met"] is None) == (not row["bar"])


def test_every_row_but_the_noise_is_judged_against_each_peer() -> None:
    for row in results_of("yugabyte")["rows"]:
        assert row["drivers"].keys() == {OURS, *PEERS}
        if row["judged"]:
            assert row["verdicts"].keys() == set(PEERS)
            assert {"better", "equal", "worse"}.issuperset(row["verdicts"].values())
        else:
            assert row["verdicts"] == {}

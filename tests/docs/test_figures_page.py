"""The page of figures says what was measured."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks import report

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "figures.md"
RESULTS = ROOT / "benchmarks" / "results" / "main_job.json"
BEGIN = "<!-- made from benchmarks/results/main_job.json -->"
END = "<!-- end -->"


def test_the_table_of_the_page_is_made_from_the_results() -> None:
    """To write it anew: ``REWRITE=1 make test ARGS=tests/docs``."""
    made = f"{BEGIN}\n\n{report.markdown(report.load(RESULTS))}\n\n{END}"
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if os.environ.get("REWRITE"):
        PAGE.write_text(before + made + after)
        text = PAGE.read_text()
    assert before + made + after == text

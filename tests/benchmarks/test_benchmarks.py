"""Every benchmark runs, with tiny counts, and says what it measured.

Nothing here looks at how long anything took: such tests fail when a machine is busy.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.comparing import need_postgres

ROOT = Path(__file__).parents[2]
NAMES = ["connect", "pick", "imports", "memory", "first_connect", "lab_start"]


@pytest.fixture(scope="module", autouse=True)
def _a_server_is_there():
    need_postgres()


def benchmarks(*argv: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *argv],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    return done.stdout


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("benchmarks") / "results.json"
    options = ["--quick", "--runs", "1", "--seed", "7", "--date", "2026-01-31"]
    benchmarks(*NAMES, *options, "--json", path)
    return path


@pytest.fixture(scope="module")
def results(file):
    return json.loads(file.read_text("utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_tells_figures_with_their_samples(results, name):
    figures = results["measures"][name]
    assert any(figure["bar"] for figure in figures)
    for figure in figures:
        assert isinstance(figure["value"], float | int)
        assert (figure["limit"] is None) == (figure["met"] is None)
        (run,) = figure["runs"]
        low, high = run["interval"]
        assert low <= high
        assert all(one["count"] >= 1 for one in run["samples"].values())


def test_results_say_where_and_when_they_were_measured(results):
    assert results["date"] == "2026-01-31"
    assert results["seed"] == 7
    assert results["quick"] is True
    assert {"cpu", "cores", "system", "python", "psycopg", "libpq", "postgresql"} <= (
        results["machine"].keys()
    )
    notes = results["measures"]["connect"][0]["runs"][0]["notes"]
    assert notes["fsync"] == "off"
    assert notes["files on"]


def test_a_markdown_table_is_made_from_the_file(file, results):
    table = benchmarks("--read", file, "--markdown")
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + sum(map(len, results["measures"].values()))
    assert len({row.count(" | ") for row in rows}) == 1

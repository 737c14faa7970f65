"""The comparison with the peers runs, with our driver alone and tiny counts.

Nothing here looks at how long anything took, and nothing is downloaded.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from benchmarks.peers.client import Attempt, Worker, WorkerFailed
from benchmarks.peers.drivers import DRIVERS, OURS, PEERS
from benchmarks.peers.environments import lock_of, python_of
from benchmarks.peers.measures import Measure, cost_of, failure, judge, placed, shown
from tests.benchmarks.comparing import (
    compare,
    hashes_of,
    need_postgres,
    pins_of,
    places_in,
)

# The others wait for frozen nodes, and one of these is enough to see that it works.
SCENARIOS = [
    "in_turn",
    "at_once",
    "by_topology",
    "two_clusters",
    "wrong_password",
    "broken",
    "dropped",
    "forked",
    "frozen_contact",
    "latency",
]
NODES = [("127.0.0.1", 5433), ("127.0.0.2", 5433)]
NEVER = 0.3  # seconds to wait for what never comes


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    need_postgres()
    path = tmp_path_factory.mktemp("peers") / "results.json"
    return compare("yugabyte", path, *SCENARIOS, "--runs", "1")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("in turn: spread", "2/2/2"),
        ("in turn: extra connects", "1"),
        ("in turn: extra sessions", "0"),
        ("in turn: left over", "0"),
        ("at once: spread", "2/2/2"),
        ("at once: extra connects", "1"),
        ("at once: discoveries", "1"),
        ("topology: spread", "3/3/0"),
        ("two clusters: crossed", "0"),
        ("wrong password: refused", "1"),
        ("wrong password: spread", "6/6/6"),
        ("broken: spread", "4/4/4"),
        ("dropped: spread", "4/4/4"),
    ],
)
def test_servers_count_what_moorline_does(results, name, expected):
    (row,) = (row for row in results["rows"] if row["name"] == name)
    assert row["drivers"][OURS]["shown"] == expected


def test_no_scenario_failed(results):
    costs = {row["name"]: row["drivers"][OURS]["cost"] for row in results["rows"]}
    assert len(costs) == 19
    assert [name for name, cost in costs.items() if cost is None] == []


def test_alone_there_is_nobody_to_be_set_against(results):
    assert all(row["verdicts"] == {} for row in results["rows"])
    assert results["drivers"].keys() == {OURS}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import time; time.sleep(60)", f"more than {NEVER:g} s"),
        ("raise SystemExit('no such driver')", "died: no such driver"),
        ("import os; os._exit(3)", "died: exit code 3"),
        (
            'input(); print(\'{"error": "RecursionError: too deep"}\', flush=True)',
            "RecursionError: too deep",
        ),
    ],
)
def test_a_worker_that_hangs_dies_or_raises_is_a_result(code, said):
    # One that starts slowly must not pass for one that hangs.
    limit = NEVER if "sleep" in code else 30.0
    with (
        Worker([sys.executable, "-c", code]) as worker,
        pytest.raises(WorkerFailed, match=f"^{re.escape(said)}$"),
    ):
        worker.ask("open", limit=limit)


def test_a_spread_tells_misplaced_and_failed_connections():
    attempts = [Attempt(None, 0.1)] * 3 + [Attempt("OperationalError: no", 0.1)]

    measure = placed([NODES[0]] * 3, NODES, (2, 2), attempts)

    assert measure == Measure(
        "3/0, 1 of 4 failed (OperationalError)", (1, 1), "OperationalError: no"
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 0], "0"),
        ([3, 1, 2], "1 to 3"),
        (["4/4/4", "4/4/4"], "4/4/4"),
        (["5/3/4", "4/4/4", "4/4/4"], "4/4/4 (2 runs); 5/3/4"),
    ],
)
def test_runs_are_shown_together(values, expected):
    assert shown([Measure(value, (0.0,)) for value in values], "") == expected


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        ([0, 0], [0, 0], "equal"),
        ([0, 2], [0, 3], "better"),
        ([1, 0], [0, 9], "worse"),  # a failure outweighs what is misplaced
        ([0, 2.0], [0, 2.4], "equal"),  # within the margin
        ([9, 9], None, "better"),
        (None, [9, 9], "worse"),
        (None, None, "equal"),
    ],
)
def test_the_verdict_is_by_cost(ours, theirs, verdict):
    assert judge({"cost": ours}, {"cost": theirs}, 0.5) == verdict


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [((1.0, 1.1), "better"), ((1.0, 1.3), "equal"), ((1.5, 1.6), "worse")],
)
def test_where_there_are_intervals_they_decide(ours, verdict):
    theirs = {"cost": [1.3], "interval": (1.2, 1.4)}
    assert judge({"cost": [1.0], "interval": ours}, theirs, 0.0) == verdict


def test_one_run_without_an_answer_spoils_the_row():
    assert cost_of([Measure(1, (0, 1)), Measure(3, (0, 3))]) == [0, 2]
    assert cost_of([Measure(1, (0, 1)), failure("more than 15 s")]) is None


def test_our_own_driver_needs_no_environment_of_its_own():
    assert python_of(OURS) == Path(sys.executable)


@pytest.mark.parametrize("name", PEERS)
def test_the_peers_are_pinned_and_hashed_and_no_place_is_named(name):
    lock = lock_of(name)
    assert set(DRIVERS[name].packages) <= pins_of(lock).keys()
    assert len(hashes_of(lock)) > 5
    assert places_in(lock) == []

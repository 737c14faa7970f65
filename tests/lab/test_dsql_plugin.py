from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import moorline

SOURCES = Path(moorline.__file__).parents[1]

USES = """
import pytest

@pytest.mark.parametrize("number", [1, 2])
def test_anew(dsql_lab, number):
    assert dsql_lab.logins == ()
    assert dsql_lab.accepted == 0
    dsql_lab.faults.clock_skew = dsql_lab.faults.clock_skew or number
    assert dsql_lab.faults.clock_skew == number
    dsql_lab.sql("create table if not exists t (v int)")

def test_own(make_dsql_lab, dsql_lab):
    lab = make_dsql_lab(region="eu-west-1")
    assert lab.endpoint.endswith(".dsql.eu-west-1.on.aws")
    assert lab.port != dsql_lab.port
"""


def run(path, **environment):
    (path / "test_it.py").write_text(USES)
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


def test_the_fixtures_give_clusters(tmp_path):
    done = run(tmp_path)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("lacking", ["postgres", "trustme"])
@pytest.mark.parametrize(
    ("variables", "end"), [({}, "skipped"), ({"CI": "1"}, "errors")]
)
def test_what_is_lacking_skips_tests_but_not_in_a_pipeline(
    tmp_path, lacking, variables, end
):
    if lacking == "postgres":
        variables = variables | {"MOORLINE_LAB_PGBIN": "/nonexistent"}
        text = "no executable postgres"
    else:
        (tmp_path / "conftest.py").write_text(
            "import importlib.util as u\n"
            "real = u.find_spec\n"
            "u.find_spec = lambda n, p=None: None if n == 'trustme' else real(n, p)\n"
        )
        text = "DsqlLab needs trustme: pip install trustme"
    done = run(tmp_path, **variables)
    assert f"3 {end}" in done.stdout, done.stdout + done.stderr
    assert text in done.stdout

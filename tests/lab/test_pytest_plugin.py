from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.lab.suites import SOURCES, run

USES = """
def test_read(yugabyte_lab):
    assert yugabyte_lab.counts() == (0, 0, 0)

def test_write(make_yugabyte_lab, yugabyte_lab):
    lab = make_yugabyte_lab(nodes=1)
    assert lab.counts() == (0,)
    assert lab.nodes[0].port != yugabyte_lab.nodes[0].port
"""


def test_the_fixtures_give_clusters(tmp_path):
    done = run(tmp_path, USES)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_without_binaries_tests_are_skipped_with_the_reason(tmp_path):
    done = run(tmp_path, USES, MOORLINE_LAB_PGBIN="/nonexistent")
    assert "2 skipped" in done.stdout
    assert "no executable postgres" in done.stdout


def test_without_binaries_a_pipeline_fails(tmp_path):
    done = run(tmp_path, USES, MOORLINE_LAB_PGBIN="/nonexistent", CI="true")
    assert "2 errors" in done.stdout
    assert "no executable postgres" in done.stdout


@pytest.mark.parametrize("heavy", ["psycopg", "moorline.lab.cluster", "subprocess"])
def test_the_plugin_is_cheap_to_import(heavy):
    # With an empty pytest in its place, what remains is what the plugin brings.
    script = (
        "import sys, types; fake = types.ModuleType('pytest');"
        "fake.fixture = lambda *a, **k: (a[0] if a else lambda f: f);"
        "sys.modules['pytest'] = fake; import moorline.lab.pytest_plugin;"
        f"sys.exit({heavy!r} in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(SOURCES)}
    subprocess.run([sys.executable, "-S", "-c", script], check=True, env=environment)

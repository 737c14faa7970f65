from __future__ import annotations

import pytest

from tests.lab.suites import hide, run

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


def test_the_fixtures_give_clusters(tmp_path):
    done = run(tmp_path, USES)
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
        hide(tmp_path, "trustme")
        text = "DsqlLab needs trustme: pip install trustme"
    done = run(tmp_path, USES, **variables)
    assert f"3 {end}" in done.stdout, done.stdout + done.stderr
    assert text in done.stdout

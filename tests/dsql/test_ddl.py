from __future__ import annotations

import pytest

from moorline.core.steps import Now, Sleep
from moorline.dsql.ddl import Statement, defining
from moorline.errors import ConfigError, DeadlineExceeded, JobFailed


def play(statements, states=(), timeout=None):
    """Perform the steps; `states` are what sys.jobs says, look by look."""
    ran, now, looks = [], 0.0, list(states)
    flow = defining(statements, timeout)
    try:
        step = flow.send(None)
        while True:
            result = None
            match step:
                case Statement(sql) if "sys.jobs" in sql:
                    ran.append(sql)
                    result = looks.pop(0)
                case Statement(sql):
                    ran.append(sql)
                    result = [{"job_id": "it's"}] if "async" in sql else []
                case Now():
                    result = now
                case Sleep(seconds):
                    now += seconds
            step = flow.send(result)
    except StopIteration:
        return ran, now


def state(status, details=""):
    return [{"status": status, "details": details}]


def test_each_statement_is_run_by_itself_and_in_order():
    ran, _ = play(["create table a ()", "create table b ()"])
    assert ran == ["create table a ()", "create table b ()"]


def test_a_job_is_waited_for_before_the_next_statement():
    ran, waited = play(
        ["create index async on a (x)", "create table b ()"],
        [state("submitted"), state("processing"), state("completed")],
    )
    looks = "select status, details from sys.jobs where job_id = 'it''s'"
    assert ran[1:] == [looks, looks, looks, "create table b ()"]
    assert 0 < waited < 1


@pytest.mark.parametrize(
    ("look", "text"),
    [
        (state("failed", "duplicates"), "is failed: duplicates"),
        (state("cancelled"), "is cancelled"),
        ([], "unknown to sys.jobs"),
    ],
)
def test_a_job_that_fails_is_an_error_that_names_it(look, text):
    with pytest.raises(JobFailed, match=text) as error:
        play(["create index async on a (x)"], [look])
    assert error.value.job == "it's"


def test_a_job_that_takes_too_long_is_left_to_itself():
    with pytest.raises(DeadlineExceeded, match="goes on by itself"):
        play(["create index async on a (x)"], [state("processing")] * 99, timeout=3.0)


def test_one_text_is_not_a_list_of_statements():
    with pytest.raises(ConfigError, match="give a list"):
        play("create table a ()")

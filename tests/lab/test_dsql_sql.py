from __future__ import annotations

import pytest

from moorline.lab.dsql_sql import begins, commits, does_work, unlisted, unsettable
from moorline.lab.dsql_wire import Startup


@pytest.mark.parametrize(
    "text",
    [
        "commit",
        "COMMIT;",
        " /* one */ Commit Work ; -- two",
        "--x\nend",
        "END TRANSACTION",
        "commit and no chain",
    ],
)
def test_a_commit(text):
    assert commits(text)
    assert not does_work(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "commit prepared 'x'",
        "insert into t values (1); commit",
        "commit; select 1",
        "endless",
        "select 'commit'",
        "-- commit",
        "/* commit",
    ],
)
def test_no_commit(text):
    assert not commits(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BEGIN", (True, True)),
        ("start transaction read only", (True, True)),
        ("/* x */ select 1", (False, True)),
        ("rollback", (False, False)),
        ("Abort", (False, False)),
        ("  ", (False, False)),
        (";", (False, False)),
        ("-- only a word", (False, False)),
    ],
)
def test_begins_and_work(text, expected):
    assert (begins(text), does_work(text)) == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("set statement_timeout = 5", "statement_timeout"),
        ("SET LOCAL Lock_Timeout TO '3s'", "lock_timeout"),
        ("set session work_mem=1", "work_mem"),
        ('set "Work_Mem" = 1', "work_mem"),
        ("/* x */set/**/jit=off", "jit"),
        ("begin; set local jit = off", "jit"),
        ("set role app", "role"),
        ("set local role app", None),
        ("set session authorization app", "session_authorization"),
        ("set time zone 'UTC'", None),
        ("set names 'utf8'", None),
        ("set schema 'x'", None),
        ("set search_path to a, b", None),
        ("set local enable_seqscan = off", None),
        ("set dsql.enable_batched_nestloop = off", None),
        ("set my.own = 1", "my.own"),
        ("set transaction isolation level repeatable read", None),
        ("set session characteristics as transaction read only", None),
        ("set constraints all deferred", None),
        ("reset all", None),
        ("update t set jit = 1", None),
        ("insert into t values ('x; set jit = 1')", None),
        ("settle", None),
        ("select set_config('jit', 'off', false)", None),
    ],
)
def test_what_may_be_set(text, name):
    assert unsettable(text) == name


@pytest.mark.timeout(5)
def test_no_text_takes_long():
    for text in (
        "/*" * 50_000,
        " " * 100_000 + "x",
        "-" * 100_000,
        "set" + " " * 100_000,
    ):
        assert not commits(text)
        assert unsettable(text) is None
    assert not commits("commit" + " and" * 25_000 + " x")


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"user": "a", "database": "b", "Application_Name": "c"}, None),
        ({"client_encoding": "utf8", "TimeZone": "UTC"}, None),
        ({"statement_timeout": "1"}, "statement_timeout"),
        ({"replication": "database"}, "replication"),
        ({"options": "-c amzn-cluster-id=x -c search_path=y"}, None),
        ({"options": "-c search_path=y -c lock_timeout=1"}, "lock_timeout"),
    ],
)
def test_what_may_be_given_at_the_start(parameters, name):
    assert unlisted(Startup(196608, b"", parameters)) == name

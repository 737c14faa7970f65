from __future__ import annotations

import tomllib
from itertools import chain
from pathlib import Path

import pytest

from moorline.core.faults import Fault, Verdict, classify, sqlstate_of

TABLE = tomllib.loads(
    (Path(__file__).parents[1] / "spec/faults.toml").read_text("utf-8")
)
ROWS = [
    (Verdict[verdict], kind, value)
    for verdict, groups in TABLE.items()
    for kind, value in chain.from_iterable(
        ((kind, value) for value in values)
        for group in groups
        for kind, values in group.items()
    )
]
TCP = 'connection failed: connection to server at "10.0.0.9", port 5433 failed: '
SOCKET = (
    'connection failed: connection to server on socket "/tmp/.s.PGSQL.5433" failed: '
)
TWICE = f"{TCP}SSL error: unexpected eof\n{TCP}"


@pytest.mark.parametrize(
    ("verdict", "kind", "value"),
    ROWS,
    ids=lambda part: str(part)[-60:].replace("\n", " "),
)
def test_whose_fault_it_is(verdict, kind, value):
    match kind:
        case "sqlstate":
            assert classify(Fault("it", sqlstate=value)) is verdict
            assert sqlstate_of(Fault("it", sqlstate=value)) == value
        case "text":
            assert classify(Fault(value)) is verdict
        case "said":
            for before in (TCP, SOCKET, TWICE, ""):
                assert classify(Fault(before + value)) is verdict
            assert classify(Fault(value, answered=True)) is verdict


@pytest.mark.parametrize("severity", ["FATAL", "ÖLÜMCÜL (FATAL)"])
def test_a_severity_may_be_of_several_words(severity):
    text = f'{TCP}{severity}:  password authentication failed for user "app"'
    assert classify(Fault(text)) is Verdict.CALLER


def test_no_answer_is_the_nodes_fault_whatever_the_text():
    assert classify(Fault("FATAL:  no such database", answered=False)) is Verdict.NODE
    assert sqlstate_of(Fault("x", answered=False)) == "08006"


def test_an_error_that_is_not_about_a_server_is_the_callers():
    assert (
        classify(Fault("'hots' is an invalid keyword", answered=True)) is Verdict.CALLER
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            (
                f"{TCP}Connection refused\n\tIs the server running on that host and "
                "accepting TCP/IP connections?"
            ),
            "Connection refused",
        ),
        (
            (
                f"{SOCKET}No such file or directory\n\tIs the server running locally "
                "and accepting connections on that socket?"
            ),
            "No such file or directory",
        ),
        (
            f"{TCP}FATAL:  the database\nsystem is starting up",
            "FATAL: the database system is starting up",
        ),
        (
            'connection to server at "db1" (10.0.0.9), port 7 failed: timed out',
            "timed out",
        ),
        ('connection is bad: connection to server at "db1", port 1 failed: x', "x"),
        ('connection is bad: invalid sslmode value: "x"', 'invalid sslmode value: "x"'),
        ("connection timeout expired", "connection timeout expired"),
    ],
)
def test_a_reason_is_one_line_without_what_libpq_says_each_time(text, reason):
    assert Fault(text).reason == reason

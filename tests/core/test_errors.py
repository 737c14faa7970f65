from __future__ import annotations

import copy
import pickle

import psycopg
import pytest

from moorline import errors
from moorline.core.address import Address
from moorline.core.attempt import Attempt
from moorline.drivers import psycopg as driver

ATTEMPTS = (
    Attempt(Address("n1", 5433), "Connection refused", "c.r.z", "any node", "up", 0.1),
    Attempt(Address("n2", 5433), "no answer in time", seconds=2.0),
)
TRIED = [
    errors.NoNodeAvailable,
    errors.DeadlineExceeded,
    driver.NoNodeAvailable,
    driver.DeadlineExceeded,
]
CONFIG = [errors.ConfigError, driver.ConfigError]


@pytest.mark.parametrize(
    ("cls", "bases"),
    [
        (errors.ConfigError, [errors.MoorlineError, ValueError]),
        (errors.NoNodeAvailable, [errors.MoorlineError]),
        (errors.DeadlineExceeded, [errors.MoorlineError, TimeoutError]),
        (driver.ConfigError, [errors.ConfigError, psycopg.ProgrammingError]),
        (driver.NoNodeAvailable, [errors.NoNodeAvailable, psycopg.OperationalError]),
        (
            driver.DeadlineExceeded,
            [errors.DeadlineExceeded, psycopg.errors.ConnectionTimeout, TimeoutError],
        ),
    ],
)
def test_except_clauses_of_both_trees_catch_it(cls, bases):
    assert all(issubclass(cls, base) for base in bases)


@pytest.mark.parametrize("cls", TRIED)
def test_the_message_has_one_line_per_attempt(cls):
    lines = str(
        cls("no node (load_balance=true)", ATTEMPTS, "Check the port.")
    ).splitlines()
    assert lines == [
        "no node (load_balance=true)",
        "  n1:5433 [c.r.z; any node; up]: Connection refused (after 0.10 s)",
        "  n2:5433: no answer in time (after 2.00 s)",
        "Check the port.",
    ]


@pytest.mark.parametrize("cls", TRIED)
def test_attempts_and_hint_may_be_absent(cls):
    error = cls("no node")
    assert (str(error), error.attempts, error.hint) == ("no node", (), "")


@pytest.mark.parametrize("cls", TRIED)
def test_attempts_may_come_from_any_iterable(cls):
    assert cls("no node", iter(ATTEMPTS)).attempts == ATTEMPTS


@pytest.mark.parametrize("cls", TRIED)
@pytest.mark.parametrize("again", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])  # noqa: S301
def test_it_survives_pickling_and_copying_with_its_attempts(cls, again):
    error = cls("no node", ATTEMPTS, "Check the port.")
    twin = again(error)
    assert type(twin) is cls
    assert (twin.summary, twin.attempts, twin.hint) == (
        "no node",
        ATTEMPTS,
        "Check the port.",
    )
    assert str(twin) == str(error)


@pytest.mark.parametrize("cls", [*CONFIG, errors.MoorlineError])
def test_a_plain_message_survives_pickling(cls):
    twin = pickle.loads(pickle.dumps(cls("load_balance='x'")))  # noqa: S301
    assert (type(twin), str(twin)) == (cls, "load_balance='x'")


@pytest.mark.parametrize("cls", [driver.ConfigError, *TRIED[2:]])
def test_psycopg_finds_its_attributes_on_it(cls):
    error = cls("it")
    assert (error.sqlstate, error.pgconn) == (getattr(cls, "sqlstate", None), None)
    assert error.diag.message_primary is None

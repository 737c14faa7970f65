"""Variables are seen when they matter, and cost little when they do not."""

from __future__ import annotations

import time

import pytest

from moorline.drivers import psycopg as driver
from moorline.yugabyte.environment import Variables
from moorline.yugabyte.resolve import resolve


def test_a_variable_is_seen_as_soon_as_it_is_set(monkeypatch):
    assert resolve("host=h", {}, driver.DIALECT) is None
    monkeypatch.setenv("MOORLINE_YB_LOAD_BALANCE", "true")
    assert resolve("host=h", {}, driver.DIALECT).cluster
    monkeypatch.setenv("MOORLINE_YB_LOAD_BALANCE", "false")
    assert resolve("host=h", {}, driver.DIALECT).cluster is None
    monkeypatch.delenv("MOORLINE_YB_LOAD_BALANCE")
    assert resolve("host=h", {}, driver.DIALECT) is None


def test_a_variable_that_takes_anothers_place_is_seen_after_a_second(monkeypatch):
    monkeypatch.setenv("SOMETHING_ELSE", "x")
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert resolve("host=h", {}, driver.DIALECT) is None
    monkeypatch.delenv("SOMETHING_ELSE")
    monkeypatch.setenv("MOORLINE_YB_LOAD_BALANCE", "true")
    now += 1
    assert resolve("host=h", {}, driver.DIALECT).cluster


@pytest.mark.parametrize("name", ["MOORLINE_YB_TOPOLOGY_KEYS", "PGHOST"])
def test_values_are_read_each_time(name, monkeypatch):
    variables = Variables()
    assert variables.read() == ((), ())
    for value in ("a", "b"):
        monkeypatch.setenv(name, value)
        assert ((name, value),) in variables.read()
    monkeypatch.setenv(name, "")
    assert variables.read() == ((), ())


def test_an_unknown_name_is_noticed_and_forgotten(monkeypatch):
    variables = Variables()
    monkeypatch.setenv("MOORLINE_YB_TOPOLOGY_KEY", "x")
    variables.read()
    assert "did you mean MOORLINE_YB_TOPOLOGY_KEYS?" in variables.unknown
    monkeypatch.delenv("MOORLINE_YB_TOPOLOGY_KEY")
    variables.read()
    assert variables.unknown == ""

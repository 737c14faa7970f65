"""What is said when options are written wrongly, and what is never said."""

from __future__ import annotations

import logging

import psycopg
import pytest

from moorline.drivers import psycopg as driver
from moorline.errors import ConfigError
from moorline.yugabyte.options import TABLE
from moorline.yugabyte.resolve import misspelt, resolve

ENV = {option.name: option.env for option in TABLE}
ON = "load_balance=true"
SECRET = "hunter2"


def request_of(conninfo="", **arguments):
    return resolve(conninfo, arguments, driver.DIALECT).cluster[1]


@pytest.mark.parametrize(
    ("conninfo", "arguments", "texts"),
    [
        (
            f"{ON} topology_key=c.r.a",
            {},
            ["unknown option topology_key", "topology_keys?"],
        ),
        (
            f"{ON} loadBalance=false",
            {},
            ["loadBalance='false'", "contradicts load_balance='true' (conninfo)"],
        ),
        (
            f"postgresql://h/?{ON}&refresh_interval=9",
            {},
            ["unknown option refresh_interval"],
        ),
        (f"{ON} sslmod=require", {}, ["unknown option sslmod", "sslmode?"]),
        (
            ON,
            {"topology.keys": "c.r.a"},
            ["unknown option topology.keys", "topology_keys?"],
        ),
        (
            ON,
            {"zzz": "1"},
            ["unknown option zzz", "moorline's options are", "topology_keys"],
        ),
        (
            "topology_keys=c.r.a",
            {},
            ["topology_keys='c.r.a' (conninfo)", "add load_balance=true"],
        ),
        (
            "",
            {"topology_keys": "c.r.a"},
            ["(keyword argument)", "add load_balance=true"],
        ),
        ("postgresql://h/?topology_keys=c.r.a", {}, ["add load_balance=true"]),
        (
            "load_balance=yes",
            {},
            ["load_balance='yes' (conninfo)", "write one of true, any, only-primary"],
        ),
        (
            f"{ON} topology_keys=c.r",
            {},
            ["2 of 3 parts in 'c.r'", "write cloud.region.zone"],
        ),
        (
            f"{ON} topology_keys=c.r.a:0",
            {},
            ["0 is not from 1 to 10 in 'c.r.a:0'", "write cloud"],
        ),
        (f"{ON} topology_keys=c.r.a:11", {}, ["11 is not from 1 to 10", "'c.r.a:11'"]),
        (f"{ON} topology_keys=c.r.a:x", {}, ["'x' is no whole number in 'c.r.a:x'"]),
        (f"{ON} topology_keys=c.r.a,,c.r.b", {}, ["an element is empty in ''"]),
        (f"{ON} topology_keys=''", {}, ["an element is empty"]),
        (
            f"{ON} yb_servers_refresh_interval=x",
            {},
            ["yb_servers_refresh_interval='x'", "whole"],
        ),
        (
            ON,
            {"failed_host_reconnect_delay_secs": "5s"},
            ["'5s' (keyword argument)", "0 to 60"],
        ),
        (f"{ON} connect_timeout=x", {}, ["connect_timeout='x'", "number of seconds"]),
        (f"{ON} connect_timeout=inf", {}, ["connect_timeout='inf'", "0 for no limit"]),
        (f"{ON} connect_timeout=nan", {}, ["connect_timeout='nan'", "0 for no limit"]),
        (
            f"{ON} host=a,b port=1,2,3",
            {},
            ["give one port, or as many as there are hosts"],
        ),
    ],
)
def test_what_is_wrong_is_said_with_the_cure(conninfo, arguments, texts):
    with pytest.raises(driver.ConfigError) as raised:
        resolve(conninfo, arguments, driver.DIALECT)
    assert isinstance(raised.value, (ConfigError, psycopg.ProgrammingError))
    assert all(text in str(raised.value) for text in texts), str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        (
            "MOORLINE_YB_TOPOLOGY_KEY",
            ["MOORLINE_YB_TOPOLOGY_KEY:", "MOORLINE_YB_TOPOLOGY_KEYS?"],
        ),
        ("MOORLINE_YB_ZZZ", ["MOORLINE_YB_ZZZ:", *ENV.values()]),
    ],
)
def test_an_unknown_variable_is_an_error(name, texts, monkeypatch):
    monkeypatch.setenv(name, "x")
    with pytest.raises(driver.ConfigError) as raised:
        resolve(f"host=h {ON}", {}, driver.DIALECT)
    assert all(text in str(raised.value) for text in texts)


def test_an_unknown_variable_is_noticed_whenever_it_is_set(monkeypatch):
    resolve(f"host=h {ON}", {}, driver.DIALECT)
    monkeypatch.setenv("MOORLINE_YB_ZZZ", "x")
    with pytest.raises(driver.ConfigError, match="MOORLINE_YB_ZZZ"):
        resolve(f"host=h {ON}", {}, driver.DIALECT)


def test_an_error_in_a_variable_names_the_variable(monkeypatch):
    monkeypatch.setenv("MOORLINE_YB_LOAD_BALANCE", "yes")
    with pytest.raises(
        driver.ConfigError, match=r"environment MOORLINE_YB_LOAD_BALANCE.*true, any"
    ):
        resolve("host=h", {}, driver.DIALECT)


@pytest.mark.parametrize(
    ("option", "attribute", "default"),
    [
        ("yb_servers_refresh_interval=601", "interval", 300),
        ("failed_host_reconnect_delay_secs=-1", "pause", 5),
    ],
)
def test_out_of_range_is_the_default_and_warned_of_once(
    option, attribute, default, caplog
):
    for _ in range(3):
        assert getattr(request_of(f"host=h {ON} {option}"), attribute) == default
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "is used" in record.getMessage()


@pytest.mark.parametrize(
    "conninfo", [f"{ON} host", f"{ON} host='h", f"postgresql://h:x%zz/?{ON}"]
)
def test_what_libpq_cannot_read_is_libpqs_error(conninfo):
    with pytest.raises(psycopg.ProgrammingError):
        resolve(conninfo, {}, driver.DIALECT)


def test_values_that_are_only_equal_are_told_apart():
    request_of("host=h", load_balance=True)
    with pytest.raises(driver.ConfigError, match="write one of true"):
        resolve("host=h", {"load_balance": 1}, driver.DIALECT)


def test_any_argument_may_be_given_that_psycopg_could_refuse():
    """A list is no value of libpq's; but that is not for us to say."""
    with pytest.raises((driver.ConfigError, psycopg.Error, TypeError)) as raised:
        resolve(f"host=h {ON}", {"user": ["u"], "zzz": ["x"]}, driver.DIALECT)
    assert "unhashable" not in str(raised.value)


@pytest.mark.parametrize(
    ("conninfo", "arguments", "text"),
    [
        (
            "topology_key=c.r.a",
            [],
            "unknown option topology_key: did you mean topology_keys?",
        ),
        ("", ["loadBalance"], "unknown option loadBalance: did you mean load_balance?"),
        (
            "postgres://h/?load-balence=1",
            [],
            "unknown option load-balence: did you mean load_balance?",
        ),
        ("host=h", ["user"], ""),
        ("load_balance=true", [], ""),
    ],
)
def test_misspelt_options_are_recognised_when_there_are_no_others(
    conninfo, arguments, text
):
    assert misspelt(conninfo, arguments) == text


# Secrets.


@pytest.mark.parametrize(
    ("conninfo", "arguments"),
    [
        (f"host=h password={SECRET} {ON}", {}),
        (f"postgresql://u:{SECRET}@h/?{ON}", {}),
        (f"host=h {ON}", {"password": SECRET}),
    ],
)
def test_no_text_shows_a_password(conninfo, arguments, caplog):
    caplog.set_level(logging.DEBUG)
    plan = resolve(conninfo, arguments, driver.DIALECT)
    state, request = plan.cluster
    dialer = driver.Psycopg(psycopg.connect, plan.conninfo, arguments)
    for shown in (plan, state, request, dialer, vars(dialer)):
        assert SECRET not in f"{shown!r} {shown}"
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "wrong", ["zzz=1", "load_balance=maybe", "topology_keys=x", "port=x"]
)
def test_no_error_shows_a_password(wrong):
    with pytest.raises(ConfigError) as raised:
        resolve(f"host=h {ON} password={SECRET} {wrong}", {}, driver.DIALECT)
    assert SECRET not in str(raised.value)

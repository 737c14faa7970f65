from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.core.options import Given, Option, boolean, collect, nearest, seconds
from moorline.errors import ConfigError

SWITCH = Option("switch", "X_SWITCH", default=False, help="", parse=boolean)
DELAY = Option("delay", "X_DELAY", default=5, help="", parse=seconds(0, 60, default=5))
TABLE = (SWITCH, DELAY)


def one(value, name="delay"):
    return Given(name, value, "conninfo")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), ("FALSE", False), (" True ", True), (True, True), (False, False)],
)
def test_booleans(value, expected):
    assert boolean(one(value, "switch")) is expected


@pytest.mark.parametrize("value", ["", "yes", "1", 1, 0, "on", "tru", "true,false"])
def test_no_booleans(value):
    with pytest.raises(ConfigError) as raised:
        boolean(one(value, "switch"))
    assert str(raised.value) == f"switch={value!r} (conninfo): write true or false"


@pytest.mark.parametrize(
    ("value", "expected"), [("0", 0), ("60", 60), (7, 7), (" 30 ", 30), ("007", 7)]
)
def test_seconds(value, expected, caplog):
    assert seconds(0, 60, default=5)(one(value)) == expected
    assert caplog.records == []


@pytest.mark.parametrize("value", ["61", "-1", -1, 601, "99999", "9" * 5000])
def test_seconds_out_of_range_are_the_default_with_one_warning(value, caplog):
    assert seconds(0, 60, default=5)(one(value)) == 5
    [record] = caplog.records
    assert (record.name, record.levelno) == ("moorline.core.options", logging.WARNING)
    text = f"delay={value!r} (conninfo): not from 0 to 60, so the default of 5 is used"
    assert record.getMessage() == text


@pytest.mark.parametrize(
    "value", ["", "x", "1.5", 1.5, "5s", "--5", "+5", "1_0", "٣", True]
)
def test_no_seconds(value):
    with pytest.raises(
        ConfigError, match=r"delay=.*: write a whole number of seconds from 0 to 60"
    ):
        seconds(0, 60, default=5)(one(value))


def test_an_earlier_source_wins():
    given = collect(
        TABLE,
        [
            ("keyword argument", {"switch": True}),
            ("conninfo", {"switch": "false", "delay": "9", "other": "x"}),
            ("environment X_DELAY", {"delay": "8"}),
        ],
    )
    assert given == {
        "switch": Given("switch", value=True, where="keyword argument"),
        "delay": Given("delay", "9", "conninfo"),
    }
    assert (SWITCH.of(given), DELAY.of(given)) == (True, 9)


def test_none_counts_as_not_given_but_false_and_zero_do_not():
    given = collect(
        TABLE, [("a", {"switch": None, "delay": 0}), ("b", {"switch": False})]
    )
    assert given["delay"].value == 0
    assert given["switch"] == Given("switch", value=False, where="b")


def test_what_nobody_gives_has_its_default():
    assert (SWITCH.of({}), DELAY.of({})) == (False, 5)


def test_an_error_says_which_option_and_where_it_was_given():
    assert str(one("x").error("no")) == "delay='x' (conninfo): no"


NAMES = ("load_balance", "topology_keys", "yb_servers_refresh_interval")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("load-balance", "load_balance"),
        ("LOAD_BALANCE", "load_balance"),
        ("load_balence", "load_balance"),
        ("topology_key", "topology_keys"),
        ("topologykeys", "topology_keys"),
        ("topology-keys", "topology_keys"),
        ("yb-servers-refresh-interval", "yb_servers_refresh_interval"),
        ("sslmode", None),
        ("host", None),
        ("", None),
    ],
)
def test_the_nearest_name(name, meant):
    assert nearest(name, NAMES) == meant


@given(st.text(max_size=20))
def test_the_nearest_name_is_one_of_the_names(name):
    assert nearest(name, NAMES) in (*NAMES, None)

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.core.options import Given, Option, Table, boolean, nearest, seconds
from moorline.errors import ConfigError

SWITCH = Option(
    "switch",
    "X_SWITCH",
    default=False,
    help="",
    parse=boolean,
    shared=("their_switch",),
)
DELAY = Option(
    "long_delay",
    "X_DELAY",
    default=5,
    help="",
    parse=seconds(0, 60, default=5),
    aliases=("pause_seconds",),
)
TABLE = Table(SWITCH, DELAY)


def one(value, name="long_delay"):
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
    text = "(conninfo): not from 0 to 60, so the default of 5 is used"
    assert record.getMessage() == f"long_delay={value!r} {text}"


@pytest.mark.parametrize(
    "value", ["", "x", "1.5", 1.5, "5s", "--5", "+5", "1_0", "٣", True]
)
def test_no_seconds(value):
    with pytest.raises(
        ConfigError,
        match=r"long_delay=.*: write a whole number of seconds from 0 to 60",
    ):
        seconds(0, 60, default=5)(one(value))


def test_an_earlier_source_wins():
    given = TABLE.collect(
        [
            ("keyword argument", {"switch": True}),
            ("conninfo", {"switch": "false", "long_delay": "9", "other": "x"}),
            ("environment X_DELAY", {"long_delay": "8"}),
        ],
    )
    assert given == {
        "switch": Given("switch", value=True, where="keyword argument"),
        "long_delay": Given("long_delay", "9", "conninfo"),
    }
    assert (SWITCH.of(given), DELAY.of(given)) == (True, 9)


def test_none_counts_as_not_given_but_false_and_zero_do_not():
    given = TABLE.collect(
        [("a", {"switch": None, "long_delay": 0}), ("b", {"switch": False})]
    )
    assert given["long_delay"].value == 0
    assert given["switch"] == Given("switch", value=False, where="b")


def test_what_nobody_gives_has_its_default():
    assert (SWITCH.of({}), DELAY.of({})) == (False, 5)


def test_an_error_says_which_option_and_where_it_was_given():
    assert str(one("x").error("no")) == "long_delay='x' (conninfo): no"


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


@pytest.mark.parametrize(
    "name", ["long_delay", "long-delay", "longDelay", "Long Delay", "LONG_DELAY"]
)
def test_case_dashes_and_spaces_in_a_name_mean_nothing(name):
    assert TABLE.find(name, "7") is DELAY
    given = TABLE.collect([("conninfo", {name: "7"})])
    assert given == {"long_delay": Given(name, "7", "conninfo")}


def test_an_alias_is_another_name():
    assert TABLE.find("pauseSeconds", "7") is DELAY
    assert TABLE.find("pause", "7") is None


@pytest.mark.parametrize(
    ("value", "ours"), [("TRUE", True), (True, True), ("x", False)]
)
def test_a_name_that_drivers_have_too_is_ours_if_the_value_is(value, ours):
    assert TABLE.holds("their-switch", value) is ours


def test_two_names_of_one_option_may_agree():
    given = TABLE.collect([("conninfo", {"long_delay": "7", "pause_seconds": "07"})])
    assert DELAY.of(given) == 7


def test_two_names_of_one_option_that_differ_are_an_error():
    with pytest.raises(ConfigError) as raised:
        TABLE.collect([("conninfo", {"long_delay": "7", "longDelay": "8"})])
    assert str(raised.value) == (
        "longDelay='8' (conninfo): it contradicts long_delay='7' (conninfo); "
        "leave one of them out"
    )


def test_a_stronger_source_wins_whatever_the_name():
    sources = [("argument", {"pause_seconds": "7"}), ("conninfo", {"longDelay": "8"})]
    assert DELAY.of(TABLE.collect(sources)) == 7


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("host=h longDelay=7", True),
        ("postgresql://h/?their-switch=true", True),
        ("PAUSE_SECONDS=1", True),
        ("host=h dbname=d", False),
        ("", False),
    ],
)
def test_a_quick_look_tells_where_options_may_be(text, may):
    assert TABLE.may_be_in(text) is may


@given(
    st.sampled_from(["switch", "their_switch", "long_delay", "pause_seconds"]),
    st.data(),
)
def test_the_quick_look_misses_no_way_to_write_a_name(name, data):
    for dash in ("-", "_", " ", ""):
        letters = [data.draw(st.sampled_from([c, c.upper()])) for c in name]
        written = "".join(letters).replace("_", dash)
        assert TABLE.holds(written, "true")
        assert TABLE.may_be_in(f"host=h {written}=true")

from __future__ import annotations

import pytest

from moorline.errors import ConfigError
from moorline.yugabyte.options import TABLE, settings_of

ON = {"load_balance": "true"}


def settings(**values):
    return settings_of([("conninfo", values)])


def test_names_and_variables_are_those_of_the_table():
    assert {
        option.name: option.env.removeprefix("MOORLINE_YB_") for option in TABLE
    } == {
        "load_balance": "LOAD_BALANCE",
        "topology_keys": "TOPOLOGY_KEYS",
        "yb_servers_refresh_interval": "SERVERS_REFRESH_INTERVAL",
        "fallback_to_topology_keys_only": "FALLBACK_TO_TOPOLOGY_KEYS_ONLY",
        "failed_host_reconnect_delay_secs": "FAILED_HOST_RECONNECT_DELAY_SECS",
        "address_map": "",
    }
    assert all(option.help.endswith(".") for option in TABLE)


def test_defaults():
    found = settings(**ON)
    assert [str(tier) for tier in found.tiers] == ["any node"]
    assert (found.interval, found.pause, found.text) == (300, 5, "load_balance=true")


@pytest.mark.parametrize(
    "values", [{}, {"load_balance": "false"}, {"load_balance": False}]
)
def test_balancing_is_off_by_default_and_on_demand(values):
    assert settings(**values) is None


def test_off_means_off_whatever_else_is_given():
    assert settings(load_balance="false", topology_keys="not even keys") is None


@pytest.mark.parametrize(
    ("strict", "tiers"),
    [
        ("false", ["priority 1: a.b.c", "priority 2: a.b.*", "any node"]),
        ("true", ["priority 1: a.b.c", "priority 2: a.b.*"]),
    ],
)
def test_keys_and_fallback_decide_the_tiers(strict, tiers):
    found = settings(
        **ON, topology_keys="a.b.*:2,a.b.c", fallback_to_topology_keys_only=strict
    )
    assert [str(tier) for tier in found.tiers] == tiers


@pytest.mark.parametrize(
    ("name", "attribute", "high", "default"),
    [
        ("yb_servers_refresh_interval", "interval", 600, 300),
        ("failed_host_reconnect_delay_secs", "pause", 60, 5),
    ],
)
def test_seconds_have_a_range_and_a_default(name, attribute, high, default):
    for value in ("0", "42", 42, str(high)):
        assert getattr(settings(**ON, **{name: value}), attribute) == int(value)
    for value in ("-1", str(high + 1)):
        assert getattr(settings(**ON, **{name: value}), attribute) == default


@pytest.mark.parametrize("name", sorted({*TABLE.names} - {"load_balance"}))
def test_an_option_without_the_switch_says_to_add_it(name):
    with pytest.raises(ConfigError) as raised:
        settings(**{name: "x"})
    text = f"{name}='x' (conninfo): it needs load_balance; add load_balance=true"
    assert str(raised.value) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {"load_balance": "all"},
            "load_balance='all' (conninfo): write one of true, any",
        ),
        (
            {**ON, "yb_servers_refresh_interval": "5m"},
            "whole number of seconds from 0 to 600",
        ),
        (
            {**ON, "failed_host_reconnect_delay_secs": ""},
            "whole number of seconds from 0 to 60",
        ),
        ({**ON, "fallback_to_topology_keys_only": "2"}, "write true or false"),
        ({**ON, "topology_keys": "a.b.c:11"}, "the priority 11 is not from 1 to 10"),
    ],
)
def test_a_bad_value_is_an_error(values, text):
    with pytest.raises(ConfigError) as raised:
        settings(**values)
    assert text in str(raised.value)


def test_the_strongest_source_wins_option_by_option():
    found = settings_of(
        [
            ("keyword argument", {"load_balance": True, "topology_keys": None}),
            ("conninfo", {"topology_keys": "a.b.c", "load_balance": "false"}),
            (
                "environment",
                {"topology_keys": "x.y.z", "yb_servers_refresh_interval": "7"},
            ),
        ]
    )
    assert str(found.tiers[0]) == "priority 1: a.b.c"
    assert found.interval == 7


def test_the_text_is_what_a_user_would_write():
    found = settings(**ON, topology_keys="a.b.c", failed_host_reconnect_delay_secs=7)
    assert sorted(found.text.split(", ")) == [
        "failed_host_reconnect_delay_secs=7",
        "load_balance=true",
        "topology_keys=a.b.c",
    ]

"""Four ways to write the same: one meaning."""

from __future__ import annotations

from urllib.parse import quote

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moorline.drivers import psycopg as driver
from moorline.yugabyte.options import TABLE
from moorline.yugabyte.resolve import resolve

ENV = {option.name: option.env for option in TABLE}
ON = "load_balance=true"
SECRET = "hunter2"


def request_of(conninfo="", **arguments):
    return resolve(conninfo, arguments, driver.DIALECT).cluster[1]


def state_of(conninfo="", **arguments):
    return resolve(conninfo, arguments, driver.DIALECT).cluster[0]


def contacts_of(conninfo="", **arguments):
    contacts = state_of(f"{ON} {conninfo}", **arguments).contacts
    return [(a.host, a.port, a.hostaddr) for a in contacts]


# Four ways, one meaning.


def as_uri(options, encode):
    text = "&".join(f"{name}={encode(value)}" for name, value in options)
    return f"postgresql://app@db1,db2:5433/app?{text}", {}, {}


def as_keywords(options, encode):
    text = " ".join(f"{name}={encode(value)}" for name, value in options)
    return f"host=db1,db2 port=,5433 user=app {text} dbname=app", {}, {}


def as_arguments(options, encode):
    given = {name: encode(value) for name, value in options}
    return "host=db1,db2 port=,5433 user=app dbname=app", given, {}


def as_variables(options, encode):
    variables = {ENV[name]: encode(value) for name, value in options}
    return "host=db1,db2 port=,5433 user=app dbname=app", {}, variables


def quoted(value):
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def slashed(value):
    return "".join(f"\\{c}" for c in value)


def encoded(value):
    return "".join(f"%{byte:02X}" for byte in value.encode())


def typed(value):
    """As a Python value, where there is one."""
    if value in {"true", "false"}:
        return value == "true"
    return int(value) if value.isdigit() else value


WAYS = [
    (as_uri, str),
    (as_uri, quote),
    (as_uri, encoded),
    (as_keywords, str),
    (as_keywords, quoted),
    (as_keywords, slashed),
    (as_arguments, str),
    (as_arguments, typed),
    (as_variables, str),
]
keys = st.lists(
    st.sampled_from(["c.r.a", "c.r.b:2", "c.r.*:3", "x-y.z_1.*", "c.*.*:10"]),
    min_size=1,
).map(",".join)
options = st.fixed_dictionaries(
    {"load_balance": st.just("true")},
    optional={
        "topology_keys": keys,
        "yb_servers_refresh_interval": st.integers(0, 600).map(str),
        "fallback_to_topology_keys_only": st.sampled_from(["true", "false"]),
        "failed_host_reconnect_delay_secs": st.integers(0, 60).map(str),
    },
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(options=options, data=st.data())
def test_four_ways_mean_the_same(options, data):
    expected = None
    for way, encode in WAYS:
        items = data.draw(st.permutations(sorted(options.items())))
        conninfo, arguments, variables = way(items, encode)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            plan = resolve(conninfo, arguments, driver.DIALECT)
        state, request = plan.cluster
        found = (state, request.tiers, request.interval, request.pause, request.timeout)
        found += (psycopg.conninfo.conninfo_to_dict(plan.conninfo),)
        expected = expected or found
        assert found == expected
        assert not set(TABLE.names) & found[-1].keys()
        assert {
            part.split("=")[0] for part in request.options.split(", ")
        } == options.keys()


@pytest.mark.parametrize(
    ("arguments", "variable", "interval"),
    [
        ({"yb_servers_refresh_interval": 1}, "3", 1),
        ({"yb_servers_refresh_interval": None}, "3", 2),
        ({}, "3", 2),
    ],
)
def test_arguments_win_over_the_conninfo_and_that_over_the_environment(
    arguments, variable, interval, monkeypatch
):
    monkeypatch.setenv(ENV["yb_servers_refresh_interval"], variable)
    conninfo = f"host=h {ON} yb_servers_refresh_interval=2"
    assert request_of(conninfo, **arguments).interval == interval
    without = request_of(f"host=h {ON}")
    assert without.interval == int(variable)


@pytest.mark.parametrize(
    "conninfo",
    ["", "host=h", "postgresql://u@h/db?sslmode=require", "postgresql://u:p%40ss@h/db"],
)
def test_without_options_of_ours_there_is_nothing_to_do(conninfo):
    assert resolve(conninfo, {"user": "u"}, driver.DIALECT) is None


@pytest.mark.parametrize(
    ("conninfo", "arguments", "rest"),
    [
        ("host=h load_balance=false", {}, "host=h "),
        ("host=h load_balance=true", {"load_balance": False}, "host=h "),
        ("postgresql://h/?load_balance=false&user=u", {}, "postgresql://h/?user=u"),
    ],
)
def test_balancing_switched_off_leaves_a_conninfo_for_the_driver(
    conninfo, arguments, rest
):
    plan = resolve(conninfo, arguments, driver.DIALECT)
    assert (plan.cluster, plan.conninfo) == (None, rest)


def test_the_environment_alone_switches_balancing_on(monkeypatch):
    monkeypatch.setenv("MOORLINE_YB_LOAD_BALANCE", "true")
    assert resolve("host=h", {}, driver.DIALECT).cluster
    monkeypatch.setenv("MOORLINE_YB_LOAD_BALANCE", "")  # as if it were not set
    assert resolve("host=h", {}, driver.DIALECT) is None


# Which cluster.


@pytest.mark.parametrize(
    ("conninfo", "arguments", "variables", "contacts"),
    [
        ("host=a,b port=1,2", {}, {}, [("a", 1, ""), ("b", 2, "")]),
        ("host=a", {"host": "b", "port": 7}, {}, [("b", 7, "")]),
        ("host=a", {}, {"PGPORT": "7"}, [("a", 7, "")]),
        ("", {}, {"PGHOST": "e", "PGPORT": "7"}, [("e", 7, "")]),
        ("hostaddr=10.0.0.1", {}, {}, [("", 5432, "10.0.0.1")]),
        ("host=a hostaddr=10.0.0.1", {}, {}, [("a", 5432, "10.0.0.1")]),
        ("host=a", {"port": None}, {}, [("a", 5432, "")]),
        # Said here, so what the environment says of another host does not count.
        ("host=a", {}, {"PGHOSTADDR": "10.0.0.9"}, [("a", 5432, "")]),
    ],
)
def test_contact_points_come_as_libpq_takes_them(
    conninfo, arguments, variables, contacts, monkeypatch
):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert contacts_of(conninfo, **arguments) == contacts


def test_the_same_contact_points_are_the_same_cluster_for_every_user_and_database():
    first = state_of(f"host=a,b port=5433 user=u1 dbname=d1 {ON}")
    assert state_of(f"postgresql://u2:x@a:5433,b:5433/d2?{ON}") is first
    assert state_of("", host="a,b", port=5433, load_balance=True) is first
    assert state_of(f"host=a,c port=5433 {ON}") is not first


def test_clusters_named_by_the_environment_are_told_apart(monkeypatch):
    monkeypatch.setenv("PGHOST", "a")
    first = state_of(ON)
    monkeypatch.setenv("PGHOST", "b")
    assert state_of(ON) is not first
    monkeypatch.setenv("PGHOST", "a")
    assert state_of(ON) is first


def test_a_service_is_read_by_libpq_when_it_connects():
    state = state_of(f"service=one {ON}")
    assert state.contacts == (None,)
    assert state_of(f"service=one user=u {ON}") is state
    assert state_of(f"service=two {ON}") is not state


# How long.


@pytest.mark.parametrize(
    ("conninfo", "arguments", "variable", "timeout"),
    [
        ("", {}, "", 10.0),
        ("connect_timeout=3", {}, "", 3.0),
        ("connect_timeout=3", {"connect_timeout": 4}, "", 4.0),
        ("connect_timeout=3", {"connect_timeout": None}, "", 3.0),
        ("", {}, "7", 7.0),
        ("connect_timeout=3", {}, "7", 3.0),
        ("connect_timeout=0", {}, "7", None),
        ("connect_timeout=-1", {}, "", None),
        ("connect_timeout=1", {}, "", 1.0),
        ("", {"connect_timeout": 2.5}, "", 2.5),
    ],
)
def test_connect_timeout_is_the_limit_for_all_of_it(
    conninfo, arguments, variable, timeout, monkeypatch
):
    if variable:
        monkeypatch.setenv("PGCONNECT_TIMEOUT", variable)
    assert request_of(f"host=h {ON} {conninfo}", **arguments).timeout == timeout


@pytest.mark.parametrize(
    "conninfo",
    [
        "host=h load-balance=true topology-keys=c.r.a failed_host_ttl_seconds=7",
        "host=h loadBalance=TRUE topologyKeys=c.r.a failedHostReconnectDelaySecs=7",
        "host=h load_balance_hosts=true topology_keys=c.r.a failed-host-ttl-seconds=7",
        (
            "postgresql://h/?load-balance=true&topologyKeys=c.r.a"
            "&failed-host-reconnect-delay-secs=7"
        ),
        "postgresql://h/?load%2Dbalance=true&topology_keys=c.r.a&failedHostTTLSeconds=7",
    ],
)
def test_the_names_of_other_drivers_mean_the_same(conninfo):
    plan = resolve(conninfo, {}, driver.DIALECT)
    _, request = plan.cluster
    assert [str(tier) for tier in request.tiers] == ["priority 1: c.r.a", "any node"]
    assert request.pause == 7
    assert "h" in plan.conninfo
    assert "true" not in plan.conninfo.lower()


@pytest.mark.parametrize("mode", ["OnlyPrimary", "only-primary", "ONLY_PRIMARY"])
def test_modes_may_be_written_as_in_other_drivers(mode):
    plan = resolve("host=h", {"Load Balance Hosts": mode}, driver.DIALECT)
    (tier,) = plan.cluster[1].tiers
    assert tier.role == "primary"
    assert plan.drivers({"Load Balance Hosts": mode, "user": "u"}) == {"user": "u"}


@pytest.mark.parametrize("value", ["disable", "random", "tru"])
def test_what_is_libpqs_stays_libpqs(value):
    conninfo = f"host=h load_balance_hosts={value}"
    assert resolve(conninfo, {}, driver.DIALECT) is None
    plan = resolve(f"{conninfo} load_balance=true", {}, driver.DIALECT)
    assert plan.conninfo.strip() == conninfo
    assert plan.cluster


def test_two_names_in_two_places_do_not_contradict_each_other():
    plan = resolve("host=h loadBalance=false", {"load_balance": True}, driver.DIALECT)
    assert plan.cluster

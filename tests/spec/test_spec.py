"""Runs the cases of the TOML files here: who gets the connections, or which error.

A file has clusters, by name the placements of their nodes 1, 2, …, each with a role
behind it if it is not primary, and cases. A case
has a cluster (or `nodes`), the options that decide, and rounds; a case of one round
gives its keys directly. Contact points are all its nodes at first, or `contacts`. In a
round the world changes first, then connects are made:

    down, up = [1, 2]       nodes that refuse, or serve again
    faults = {1 = "57P03"}  other ways to fail: see `World`; "" to serve again
    add, remove             placements of new nodes; nodes that leave the cluster
    wait = 5.0              seconds that pass
    refresh = true          the list of nodes is read before, and waited for
    topology_keys = "…"     other keys from here on
    connect = 12            how many; they are closed after the round unless `hold`
    expect = [4, 4, 4]      new connections per node; `total`: all that are open;
                            `sorted`: the same, in any order
    error = "28P01"         the error of each connect: a class, or a driver's SQLSTATE
    tried = [1]             the nodes that were dialled, in order if `in_order`
    marked = [1]            the nodes that are left alone after it

Counted is what the world handed out, and moorline's own count must say the same.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from moorline.core.deadline import Deadline
from moorline.core.dial import connect
from moorline.core.placement import Placement
from moorline.core.refresh import read_list
from moorline.core.topology import Address, Node
from moorline.errors import ConfigError
from moorline.yugabyte.options import settings_of
from tests.core.scripted import (
    DriverError,
    World,
    close_all,
    loads,
    request_for,
    state_at,
)

CHANGES = {"down", "up", "faults", "add", "remove", "wait", "refresh", "topology_keys"}
CONNECTS = {
    "connect",
    "hold",
    "expect",
    "total",
    "sorted",
    "error",
    "tried",
    "in_order",
    "marked",
}
CASE = {
    "name",
    "cluster",
    "load_balance",
    "nodes",
    "contacts",
    "fallback_only",
    "interval",
    "timeout",
    "rounds",
    "config_error",
}


def cases():
    for file in sorted(Path(__file__).parent.glob("dial_*.toml")):
        content = tomllib.loads(file.read_text("utf-8"))
        for case in content["cases"]:
            unknown = case.keys() - CASE - CHANGES - CONNECTS
            for one in case.get("rounds", []):
                unknown |= one.keys() - CHANGES - CONNECTS
            assert not unknown, f"{file.name}, {case['name']}: {unknown}"
            case.setdefault(
                "nodes", content.get("clusters", {}).get(case.get("cluster"))
            )
            yield pytest.param(case, id=f"{file.stem[5:]}: {case['name']}")


@pytest.mark.parametrize("case", list(cases()))
def test_case(case):
    if "config_error" in case:
        with pytest.raises(ConfigError, match=case["config_error"]):
            Play(case)
        return
    play = Play(case)
    for one in case.get("rounds", [case]):
        play.round(one)


def address(number):
    return Address(f"n{number}", 5433)


class Play:
    """One case as it goes on."""

    def __init__(self, case):
        self.case = case
        self.size = 0
        self.world = World()
        self.add(case["nodes"])
        contacts = map(address, case.get("contacts", range(1, self.size + 1)))
        self.state = state_at(*contacts)
        self.choose(case.get("topology_keys", ""))

    def add(self, places):
        for place in places:
            self.size += 1
            where, _, role = place.partition(" ")
            placement = Placement(*where.split("."))
            node = Node(address(self.size), placement, role or "primary")
            self.world.nodes += (node,)

    def choose(self, keys):
        options = {
            "load_balance": self.case.get("load_balance", "true"),
            "topology_keys": keys or None,
            "fallback_to_topology_keys_only": self.case.get("fallback_only"),
            "yb_servers_refresh_interval": self.case.get("interval"),
        }
        settings = settings_of([("spec", options)])
        timeout = self.case.get("timeout", 60.0)
        self.request = request_for(timeout=timeout, interval=settings.interval)
        self.request = self.request._replace(tiers=settings.tiers)

    def round(self, one):
        self.change(one)
        self.world.dialled.clear()
        conns = []
        for _ in range(one.get("connect", 0)):
            if "error" in one:
                self.fail(one["error"])
            else:
                conns.append(self.dial())
        self.check(one, conns)
        if not one.get("hold"):
            close_all(conns)

    def dial(self):
        flow = connect(self.state, self.request, self.world.now)
        return self.world.run(flow)

    def change(self, one):
        faults = self.world.faults
        faults.update({address(n): "refused" for n in one.get("down", [])})
        faults.update({address(n): "" for n in one.get("up", [])})
        faults.update({address(n): fault for n, fault in one.get("faults", {}).items()})
        self.add(one.get("add", []))
        gone = set(map(address, one.get("remove", [])))
        self.world.nodes = tuple(n for n in self.world.nodes if n.address not in gone)
        self.world.now += one.get("wait", 0.0)
        if "rounds" in self.case and "topology_keys" in one:
            self.choose(one["topology_keys"])
        if one.get("refresh"):
            now = self.world.now
            forced = Deadline.after(now, 60.0)
            self.world.run(read_list(self.state, self.request, now, forced, force=True))

    def fail(self, error):
        with pytest.raises(Exception) as raised:  # noqa: PT011 - compared below
            self.dial()
        if isinstance(raised.value, DriverError):
            assert raised.value.fault.sqlstate == error
        else:
            assert type(raised.value).__name__ == error, raised.value

    def check(self, one, conns):
        served = self.world.counts()
        assert loads(self.state) == served
        total = [served[address(n)] for n in range(1, self.size + 1)]
        new = [conn.address for conn in conns]
        if "expect" in one:
            assert [new.count(address(n)) for n in range(1, self.size + 1)] == one[
                "expect"
            ]
        if "total" in one:
            assert total == one["total"]
        if "sorted" in one:
            assert sorted(total) == one["sorted"]
        if "tried" in one:
            tried, dialled = list(map(address, one["tried"])), self.world.dialled
            order = list if one.get("in_order") else sorted
            assert order(dialled) == order(tried)
        if "marked" in one:
            assert self.state.topology.marks.keys() == set(map(address, one["marked"]))

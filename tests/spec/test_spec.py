"""Plays the cases of the TOML files here without I/O; for their keys see `cases`."""

from __future__ import annotations

import pytest

from moorline.core.address import Address
from moorline.core.deadline import Deadline
from moorline.core.dial import connect
from moorline.core.placement import Placement
from moorline.core.refresh import read_list
from moorline.core.topology import Node
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
from tests.spec.cases import options_of, placement_and_role, read, rounds_of


def cases():
    for name, case in read("dial_*.toml"):
        if case.get("load_balance") != "false":  # then there is nothing to decide
            yield pytest.param(case, id=name)


@pytest.mark.parametrize("case", list(cases()))
def test_case(case):
    if "config_error" in case:
        with pytest.raises(ConfigError, match=case["config_error"]):
            Play(case)
        return
    play = Play(case)
    for one in rounds_of(case):
        play.round(one)


def address(number):
    return Address(f"n{number}", 5433)


def addresses(numbers):
    return {address(number) for number in numbers}


class Play:
    """One case as it goes on."""

    def __init__(self, case):
        self.case = case
        self.size = 0
        self.world = World()
        self.add(case["nodes"])
        contacts = map(address, case.get("contacts", range(1, self.size + 1)))
        self.state = state_at(*contacts)
        self.options = {"load_balance": "true"}
        self.choose(case)

    def add(self, places):
        for place in places:
            self.size += 1
            parts, role = placement_and_role(place)
            node = Node(address(self.size), Placement(*parts), role)
            self.world.nodes += (node,)

    def choose(self, said):
        self.options |= options_of(said)
        settings = settings_of([("spec", self.options)])
        timeout = self.case.get("timeout", 60.0)
        self.request = request_for(timeout=timeout, interval=settings.interval)
        self.request = self.request._replace(tiers=settings.tiers)

    def round(self, one):
        self.change(one)
        self.choose(one)
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
        stopped = addresses(one.get("stop", []))
        close_all(conn for conn in self.world.open if conn.address in stopped)
        faults.update(
            dict.fromkeys(addresses(one.get("down", [])) | stopped, "refused")
        )
        up = addresses([*one.get("up", []), *one.get("start", [])])
        faults.update(dict.fromkeys(up, ""))
        faults.update({address(n): fault for n, fault in one.get("faults", {}).items()})
        self.add(one.get("add", []))
        gone = addresses(one.get("remove", []))
        self.world.nodes = tuple(n for n in self.world.nodes if n.address not in gone)
        self.world.now += one.get("wait", 0.0)
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
            assert self.state.topology.marks.keys() == addresses(one["marked"])

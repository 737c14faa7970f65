"""Reads the TOML files here: who gets the connections, or which error.

Two players use them: `test_spec.py` beside this file plays `dial_*.toml` without I/O,
and `tests/yugabyte/test_scenarios.py` plays `*_scenarios.toml` on real servers.

A file has clusters, by name the placements of their nodes 1, 2, …, each with a role
behind it if it is not primary, and cases. A case has a cluster (or `nodes`), the
options that decide, and rounds; a case of one round gives its keys directly. Contact
points are all its nodes at first, or `contacts`. In a round the world changes first,
then connects are made:

    down, up = [1, 2]       nodes that refuse, or serve again; sessions go on
    stop, start = [1, 2]    the same, and sessions end and are found to have ended
    faults = {1 = "57P03"}  other ways to fail: see `World`; "" to serve again
    add, remove             placements of new nodes; nodes that leave the cluster
    wait = 5.0              seconds that pass
    refresh = true          the list of nodes is read before, and waited for
    topology_keys = "…"     other keys from here on; `load_balance` and `fallback_only`
                            the same
    connect = 12            how many; they are closed after the round unless `hold`
    workers = 2             so many make them at once, where there is a choice
    expect = [4, 4, 4]      new connections per node; `total`: all that are open;
                            `sorted`: the same, in any order
    error = "28P01"         the error of each connect: a class, or a driver's SQLSTATE
    tried = [1]             the nodes that were dialled, in order if `in_order`
    marked = [1]            the nodes that are left alone after it

and in `pool_scenarios.toml`:

    pool = 12               a pool is made of so many connections
    take = 15               so many are taken from the last pool, which grows to that
    give, close = true      all are given back; and all pools are closed

Counted is what the world handed out, and moorline's own count must say the same.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    Case: TypeAlias = dict[str, Any]

OPTIONS = {"topology_keys", "load_balance", "fallback_only"}
CHANGES = {
    *("down", "up", "stop", "start", "faults"),
    *("add", "remove", "wait", "refresh"),
}
POOLS = {"pool", "take", "give", "close"}
CONNECTS = {
    *("connect", "hold", "workers", "expect", "total", "sorted"),
    *("error", "tried", "in_order", "marked"),
}
ROUND = OPTIONS | CHANGES | CONNECTS | POOLS
CASE = {
    *("name", "cluster", "nodes", "contacts", "rounds"),
    *("interval", "timeout", "config_error"),
}


def read(pattern: str) -> Iterator[tuple[str, Case]]:
    """Return the cases of the files of that name, each with a name of its own."""
    for file in sorted(Path(__file__).parent.glob(pattern)):
        content = tomllib.loads(file.read_text("utf-8"))
        clusters = content.get("clusters", {})
        for case in content["cases"]:
            name = f"{file.stem[5:]}: {case['name']}"
            unknown = case.keys() - CASE - ROUND
            for one in case.get("rounds", []):
                unknown |= one.keys() - ROUND
            assert not unknown, f"{name}: {unknown}"
            case.setdefault("nodes", clusters.get(case.get("cluster")))
            yield name, case


def rounds_of(case: Case) -> list[Case]:
    """Return the rounds of a case; the case itself may be the only one."""
    return case.get("rounds", [case])


def options_of(said: Case) -> dict[str, Any]:
    """Return the options that a case, or a round, says, under moorline's names."""
    found = {name: said[name] for name in OPTIONS - {"fallback_only"} if name in said}
    if "fallback_only" in said:
        found["fallback_to_topology_keys_only"] = said["fallback_only"]
    if "interval" in said:
        found["yb_servers_refresh_interval"] = said["interval"]
    return found


def placement_and_role(place: str) -> tuple[list[str], str]:
    """Return the three parts of a node's placement, and its role."""
    where, _, role = place.partition(" ")
    return where.split("."), role or "primary"

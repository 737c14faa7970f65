"""Defects of the fork of psycopg2 (psycopg2-yugabytedb 2.9.3.5), which moorline lacks.

`defects.toml` has all of them by number, with the tests elsewhere that show some.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from moorline.drivers.psycopg import DIALECT
from moorline.yugabyte import Cluster
from moorline.yugabyte.resolve import resolve

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import World
    from moorline.lab import YugabyteLab

ZONE_A = "aws.us-east-1.us-east-1a"  # of the first two of three nodes
ZONE_B = "aws.us-east-1.us-east-1b"  # of the third


def test_a_better_node_that_joins_causes_no_storm(
    whole: YugabyteLab, world: World
) -> None:
    """3.2-1: one connect opened and closed 990 connections, then RecursionError."""
    dsn = whole.dsn(load_balance="true", topology_keys=f"{ZONE_B}:1,{ZONE_A}:2")
    rows = whole.topology()
    before = sum(map(whole.accepted, range(3)))
    whole.set_topology(rows[:2])
    world.open(2, dsn)
    assert whole.counts()[:3] == (1, 1, 0)
    whole.set_topology(rows)
    Cluster(dsn).refresh()

    world.open(6, dsn)

    assert whole.counts()[:3] == (1, 1, 6)
    # Eight, and two that read the list.
    assert sum(map(whole.accepted, range(3))) - before == 10


def test_a_dead_contact_point_is_no_outage_when_others_are_known(
    whole: YugabyteLab, world: World
) -> None:
    """3.2-2: each connect that found the list due failed, though nodes were known."""
    dsn = whole.dsn(load_balance="true", yb_servers_refresh_interval="0")
    world.open(3, dsn)
    whole.stop(0)

    for _ in range(2):
        world.open(2, dsn)
        world.settle()

    whole.wait_counts((0, 3, 3, *[0] * 6))


def test_a_list_that_is_always_due_leaves_no_transaction_open(
    whole: YugabyteLab, psycopg_world: World
) -> None:
    """3.2-4: the caller got the very connection on which the list had been read."""
    dsn = whole.dsn(load_balance="true", yb_servers_refresh_interval="0")
    for conn in psycopg_world.open(4, dsn):
        psycopg_world.run(conn.set_autocommit(True))


def test_the_delay_of_a_failed_node_is_not_taken_for_the_interval() -> None:
    """3.2-6: as a keyword argument, it set the interval at which the list is read."""
    options = {"load_balance": "true", "failed_host_ttl_seconds": 7}
    plan = resolve("host=h", options, DIALECT)
    assert plan is not None
    assert plan.cluster is not None
    _, request = plan.cluster
    assert (request.pause, request.interval) == (7, 300)


@pytest.mark.parametrize("host", ["no.such.host", "::1", "not a host at all"])
def test_a_node_that_cannot_be_resolved_is_passed_over(
    whole: YugabyteLab, world: World, names: dict[str, str], host: str
) -> None:
    """3.2-15: it made every connect fail."""
    names |= {"no.such.host": "", "not a host at all": ""}
    whole.set_topology([whole.row(0), whole.row(1, host=host), whole.row(2)])

    world.open(4, whole.dsn(load_balance="true"))

    assert whole.counts()[:3] == (2, 0, 2)


def test_connecting_and_closing_leaves_no_objects_behind(
    whole: YugabyteLab, world: World
) -> None:
    """3.2-17: three objects for each connection, for ever."""
    dsn = whole.dsn(load_balance="true")
    tracked = []
    for count in (20, 100):
        for _ in range(count):
            world.open(1, dsn)
            world.close()
        gc.collect()
        tracked.append(len(gc.get_objects()))
    assert tracked[1] - tracked[0] < 100


PROGRAM = """
import logging, os, sys, threading

def shown():
    root = logging.getLogger()
    return root.level, root.handlers, logging.getLoggerClass(), logging._levelToName

before = [*map(repr, shown())]
from moorline.yugabyte import asyncpg, psycopg
psycopg.connect(sys.argv[1]).close()
assert [*map(repr, shown())] == before
assert threading.enumerate() == [threading.main_thread()]
assert not os.listdir()
"""


def test_logging_stays_as_the_program_has_it(
    whole: YugabyteLab, tmp_path: Path
) -> None:
    """3.2-18: importing it gave the root logger a handler, a queue and a thread."""
    script = [sys.executable, "-W", "error", "-c", PROGRAM]
    done = subprocess.run(
        [*script, whole.dsn(load_balance="true")],
        capture_output=True,
        cwd=tmp_path,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_node_that_failed_in_one_cluster_is_not_marked_in_another(
    lab: YugabyteLab, whole: YugabyteLab, world: World
) -> None:
    """3.2-20: all balancers shared one list of failed hosts."""
    options = {"load_balance": "true", "topology_keys": ZONE_A}
    world.open(2, lab.dsn(), **options)
    whole.stop(1)
    world.open(2, whole.dsn(), **options)
    assert "failed" in Cluster(whole.dsn()).topology().nodes[1].health

    world.open(4, lab.dsn(), **options)

    assert lab.counts() == (3, 3, 0)
    assert {node.health for node in Cluster(lab.dsn()).topology().nodes} == {"up"}


def test_nodes_listed_by_name_take_over_from_replicas(
    whole: YugabyteLab, world: World, names: dict[str, str]
) -> None:
    """3.2-21: in the fallback, names were not resolved, and such nodes got nothing."""
    names |= {node.name: node.host for node in whole.nodes}
    whole.set_topology(
        [
            whole.row(0, host=whole.nodes[0].name),
            whole.row(1, host=whole.nodes[1].name),
            whole.row(2, node_type="read_replica"),
        ]
    )
    whole.stop(2)

    world.open(6, whole.dsn(load_balance="prefer-rr"))

    assert whole.counts()[:3] == (3, 3, 0)

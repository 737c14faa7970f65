"""Defects of the Rust drivers, yb-tokio-postgres and yb-postgres, not of moorline.

`defects.toml` has all of them by number, with the tests elsewhere that show some.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from moorline.errors import ConfigError, NoNodeAvailable
from moorline.yugabyte import Cluster, asyncpg, psycopg

if TYPE_CHECKING:
    from conftest import World
    from moorline.lab import YugabyteLab

ZONE_A = "aws.us-east-1.us-east-1a"  # of the first two of three nodes
ZONE_B = "aws.us-east-1.us-east-1b"  # of the third
DRIVERS = (psycopg.Error, asyncpg.PostgresError)


def loads(lab: YugabyteLab) -> list[int]:
    return [node.load for node in Cluster(lab.dsn()).topology().nodes]


@pytest.mark.parametrize(
    "nonsense", [{"zone": None}, {"host": None}, {"port": 0}, {"node_type": None}]
)
def test_a_row_that_makes_no_sense_is_no_panic(
    whole: YugabyteLab, world: World, nonsense: dict[str, Any]
) -> None:
    """3.3-3 and n: it was one, and of every later connect, after its repair too."""
    dsn = whole.dsn(load_balance="only-primary")
    whole.set_topology([whole.row(0), whole.row(1, **nonsense), whole.row(2)])
    world.open(4, dsn)
    assert whole.counts()[:3] == (2, 0, 2)

    whole.set_topology([whole.row(node) for node in range(3)])
    Cluster(dsn).refresh()
    world.open(2, dsn)

    assert whole.counts()[:3] == (2, 2, 2)


@pytest.mark.parametrize("known", [True, False])
def test_a_list_that_cannot_be_read_is_no_panic(
    whole: YugabyteLab, world: World, *, known: bool
) -> None:
    """3.3-3 and 3.3-10: an error of yb_servers() was one, whatever was known."""
    dsn = whole.dsn(load_balance="true", yb_servers_refresh_interval="0")
    rows = whole.topology()
    if known:
        world.open(3, dsn)
        world.settle()
    whole.set_topology([whole.row(0, port="x")])
    if known:
        world.open(3, dsn)
        world.settle()
    else:
        with pytest.raises(NoNodeAvailable, match="invalid input syntax"):
            world.open(1, dsn)
    whole.set_topology(rows)

    world.open(3, dsn)

    world.settle()
    each = 3 if known else 1
    whole.wait_counts((each, each, each, *[0] * 6))


def test_closing_what_was_not_counted_takes_nothing_away(
    whole: YugabyteLab, world: World
) -> None:
    """3.3-5: plain connections were not counted, and were taken off when closed."""
    world.open(3, whole.dsn(load_balance="true"))
    plain = world.open(3, whole.dsn())
    assert whole.counts()[:3] == (4, 1, 1)

    world.close(plain)

    assert loads(whole) == [1, 1, 1]


def test_clusters_do_not_mix_however_often_their_lists_are_read(
    lab: YugabyteLab, whole: YugabyteLab, world: World
) -> None:
    """3.3-7 and m: with interval 0, the nodes of one were added to the other's."""
    always = {"load_balance": "true", "yb_servers_refresh_interval": 0}
    for _ in range(2):
        world.open(3, lab.dsn(), **always)
        world.open(6, whole.dsn(), **always)
        Cluster(lab.dsn()).refresh()
        Cluster(whole.dsn()).refresh()

    world.settle()
    lab.wait_counts((2, 2, 2))
    whole.wait_counts((4, 4, 4, *[0] * 6))


def test_nobody_waits_while_the_contact_point_is_frozen(
    whole: YugabyteLab, world: World
) -> None:
    """3.3-9 and g: all waited for the one that read the list, for 30 s."""
    dsn = whole.dsn(load_balance="true", topology_keys=ZONE_B)
    world.open(1, dsn)
    whole.pause(0)

    world.open_at_once(20, 20, dsn, yb_servers_refresh_interval=0)

    assert not world.is_settled()  # so they were faster
    assert whole.counts()[:3] == (0, 0, 21)
    whole.start(0)
    world.settle()


@pytest.mark.parametrize("world", ["async", "asyncpg"], indirect=True)
def test_a_connect_that_the_program_gave_up_is_not_counted(
    whole: YugabyteLab, world: World
) -> None:
    """3.3-11 and k: its place was never given back, so the node stayed short."""
    connect: Any = psycopg.AsyncConnection.connect
    if world.way == "asyncpg":
        connect = asyncpg.connect
    dsn = whole.dsn(load_balance="true")
    conns = world.open(6, dsn)
    world.close([c for c in conns if world.host(c) == whole.nodes[1].host][:1])
    whole.pause(1)

    for _ in range(2):
        with pytest.raises(TimeoutError):
            world.run(asyncio.wait_for(connect(dsn), 0.1))

    assert loads(whole) == [2, 1, 2]
    whole.start(1)
    world.open(4, dsn)
    whole.wait_counts((3, 3, 3, *[0] * 6))


def test_connections_that_the_server_ended_are_not_counted(
    whole: YugabyteLab, world: World
) -> None:
    """3.3-4 and l: they were, for ever, though nobody used them."""
    dsn = whole.dsn(load_balance="true")
    world.open(12, dsn)
    whole.terminate(0)
    world.wait(lambda: loads(whole) == [0, 4, 4])
    world.drop_dead()

    world.open(4, dsn)

    assert whole.counts()[:3] == (4, 4, 4)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (f"{ZONE_B}:2", (0, 0, 6)),
        (f"x.y.z:1,{ZONE_B}:3", (0, 0, 6)),
        ("x.*.*,aws.*.*:2", (2, 2, 2)),
        (f"{ZONE_A},{ZONE_A},{ZONE_B}", (2, 2, 2)),
    ],
)
def test_odd_keys_mean_what_they_say(
    whole: YugabyteLab, world: World, keys: str, expected: tuple[int, ...]
) -> None:
    """n: gaps between priorities were a panic, patterns of clouds were ignored."""
    world.open(6, whole.dsn(load_balance="true", topology_keys=keys))

    assert whole.counts()[:3] == expected


@pytest.mark.parametrize(
    "options", [{"topology_keys": ZONE_A}, {"load_balance": "yes"}]
)
def test_settings_that_would_do_nothing_are_errors(
    whole: YugabyteLab, world: World, options: dict[str, str]
) -> None:
    """n: keys without the switch sent all to the contact point, silently."""
    with pytest.raises(ConfigError):
        world.open(1, whole.dsn(**options))
    assert sum(whole.counts()) == 0

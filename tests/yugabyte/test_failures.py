"""Servers that are gone, silent, full, or not YugabyteDB; and wrong passwords."""

from __future__ import annotations

import logging
import re
import socket
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from moorline import errors
from moorline.yugabyte import Cluster, asyncpg, psycopg

if TYPE_CHECKING:
    from conftest import World
    from moorline.lab import YugabyteLab
    from moorline.lab.pytest_plugin import MakeLab


ZONE_B = "aws.us-east-1.us-east-1b"
FAILURES = (psycopg.Error, asyncpg.PostgresError, asyncpg.InterfaceError)
ON = {"load_balance": True, "sslmode": "disable", "gssencmode": "disable"}


def healths(cluster: Cluster) -> set[str]:
    return {node.health for node in cluster.topology().nodes}


def test_a_dead_contact_point_is_passed_over(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    lab = make_yugabyte_lab()
    lab.kill(0)

    world.open(10, lab.dsn(hosts=[0, 1, 2], load_balance="true"))

    assert lab.counts() == (0, 5, 5)


def test_a_killed_node_costs_no_error(make_yugabyte_lab: MakeLab, world: World) -> None:
    lab = make_yugabyte_lab()
    dsn = lab.dsn(load_balance="true")
    world.open(6, dsn)
    lab.kill(1)

    world.open(10, dsn)

    assert lab.counts() == (7, 0, 7)


def test_a_node_that_is_back_is_used_again(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    lab = make_yugabyte_lab()
    dsn = lab.dsn(load_balance="true", failed_host_reconnect_delay_secs="0")
    lab.stop(1)
    world.open(6, dsn)
    assert lab.counts() == (3, 0, 3)
    lab.start(1)

    world.open(3, dsn)

    assert lab.counts() == (3, 3, 3)


def test_all_contact_points_dead_is_one_clear_error(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    lab = make_yugabyte_lab()
    for node in range(3):
        lab.kill(node)

    with pytest.raises(world.outage) as caught:
        world.open(1, lab.dsn(hosts=[0, 1, 2], load_balance="true"))

    error = caught.value
    assert isinstance(error, errors.NoNodeAvailable)
    assert [str(a.address) for a in error.attempts] == [
        f"{node.host}:{node.port}" for node in lab.nodes
    ]
    assert str(error).count("Connection refused") == 3


def test_all_nodes_dead_is_one_error_with_a_line_per_node(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    lab = make_yugabyte_lab()
    dsn = lab.dsn(
        load_balance="true",
        topology_keys="aws.us-east-1.us-east-1a",
        fallback_to_topology_keys_only="true",
    )
    world.open(2, dsn)
    for node in range(3):
        lab.kill(node)

    with pytest.raises(world.outage) as caught:
        world.open(1, dsn)

    error = caught.value
    assert isinstance(error, errors.NoNodeAvailable)
    summary, *lines = str(error).splitlines()
    assert "3 known, 2 tried" in summary
    assert "topology_keys=aws.us-east-1.us-east-1a" in summary
    assert len(lines) == 3
    for node, line in zip(lab.nodes, lines, strict=True):
        assert f"{node.host}:{node.port} [{node.placement}; " in line
    assert ["Connection refused" in line for line in lines] == [True, True, False]
    assert "fallback_to_topology_keys_only is on" in lines[2]


def test_a_silent_node_costs_its_share_and_is_left(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    lab = make_yugabyte_lab()
    dsn = lab.dsn(load_balance="true")
    world.open(3, dsn)
    lab.pause(2)

    world.open(4, dsn, connect_timeout=2)

    assert lab.counts() == (3, 3, 1)


def test_a_silent_contact_point_is_not_waited_for_beyond_the_deadline(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    lab = make_yugabyte_lab()
    for node in range(3):
        lab.pause(node)

    with pytest.raises(world.outage) as caught:
        world.open(1, lab.dsn(load_balance="true"), connect_timeout=2)

    assert isinstance(caught.value, errors.DeadlineExceeded | errors.NoNodeAvailable)


def test_a_frozen_contact_point_is_no_lasting_outage(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    """The first of three: there is time for the second one."""
    lab = make_yugabyte_lab()
    lab.pause(0)
    dsn = lab.dsn(hosts=[0, 1, 2], load_balance="true", topology_keys=ZONE_B)

    world.open(3, dsn, connect_timeout=2)

    assert lab.counts() == (0, 0, 3)


def test_a_full_node_is_passed_over_and_keeps_its_count(
    make_yugabyte_lab: MakeLab, world: World
) -> None:
    lab = make_yugabyte_lab(max_connections=5)
    dsn = lab.dsn(load_balance="true")
    plain = world.open(5, lab.dsn(node=1))

    world.open(6, dsn)

    assert len(plain) == 5
    assert lab.counts() == (3, 5, 3)


class TestWrongPassword:
    @pytest.fixture
    def lab(self, make_yugabyte_lab: MakeLab, secret: str) -> YugabyteLab:
        return make_yugabyte_lab(password=secret)

    def refusals(self, lab: YugabyteLab) -> int:
        logs = (lab.log(node, lines=1000) for node in range(3))
        return sum(log.count("password authentication failed") for log in logs)

    @pytest.mark.parametrize("known", [True, False])
    def test_is_one_dial_and_marks_nothing(
        self, lab: YugabyteLab, world: World, secret: str, *, known: bool
    ) -> None:
        dsn = lab.dsn(load_balance="true")
        if known:
            world.open(3, dsn, password=secret)

        with pytest.raises(world.refusal) as caught:
            world.open(1, dsn, password="wrong")

        assert not isinstance(caught.value, errors.MoorlineError)
        assert "password authentication failed" in str(caught.value)
        assert self.refusals(lab) == 1
        world.open(3, dsn, password=secret)
        assert healths(Cluster(lab.dsn(), password=secret)) == {"up"}
        assert len(set(lab.counts())) == 1

    def test_of_one_caller_is_not_the_others(
        self, lab: YugabyteLab, secret: str
    ) -> None:
        """All wait for one flight; only those with the wrong password fail."""
        dsn = lab.dsn(load_balance="true")
        with ThreadPoolExecutor(12) as pool:
            jobs = [
                pool.submit(psycopg.connect, dsn, password=password)
                for password in [secret, "wrong"] * 6
            ]
        for good in jobs[::2]:
            good.result().close()
        for bad in jobs[1::2]:
            with pytest.raises(psycopg.OperationalError):
                bad.result()

    def test_is_in_no_text(self, lab: YugabyteLab, world: World, secret: str) -> None:
        """Neither the right one nor a wrong one is in any text of any error."""
        dsn = lab.dsn(load_balance="true")
        cluster = Cluster(dsn, password=secret)
        shown = [repr(cluster), str(cluster.topology()), str(cluster.explain())]
        world.open(1, dsn, password=secret)
        failing = [
            {"password": secret + "x"},
            {"password": secret, "topology_keys": "a.b"},
            {"password": secret, "dbname": "missing"},
            {"password": secret, "passwrd": secret},
        ]
        for node in (None, 0, 1, 2):
            if node is not None:
                lab.kill(node)
            for options in failing:
                with pytest.raises((*FAILURES, errors.MoorlineError)) as caught:
                    world.open(1, dsn, **options)
                shown += traceback.format_exception(caught.value)
                shown.append(repr(caught.value))
        assert not [text for text in shown if secret in text]


@pytest.mark.parametrize("fault", [{"dbname": "missing"}, {"user": "nobody"}])
def test_what_any_node_would_refuse_is_raised_from_the_first(
    lab: YugabyteLab, world: World, fault: dict[str, str]
) -> None:
    cluster = Cluster(lab.dsn())
    cluster.topology()
    before = sum(map(lab.accepted, range(3)))

    with pytest.raises(world.refusal) as caught:
        world.open(1, lab.dsn(load_balance="true"), **fault)

    assert not isinstance(caught.value, errors.MoorlineError)
    assert healths(cluster) == {"up"}
    assert sum(map(lab.accepted, range(3))) - before <= 1


def test_a_server_without_yb_servers_gets_plain_connections(
    make_yugabyte_lab: MakeLab, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    lab = make_yugabyte_lab(columns=0)

    world.open(4, lab.dsn(load_balance="true"))

    assert lab.counts() == (4, 0, 0)
    warned = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(warned) == 1
    assert "not a YugabyteDB" in warned[0].message


@pytest.mark.parametrize("columns", [8, 9, 10])
def test_every_shape_of_yb_servers_is_read(
    make_yugabyte_lab: MakeLab, world: World, columns: int
) -> None:
    lab = make_yugabyte_lab(columns=columns)

    world.open(6, lab.dsn(load_balance="true"))

    assert lab.counts() == (2, 2, 2)
    universe = Cluster(lab.dsn()).topology().universe
    assert universe == (lab.universe_uuid if columns == 10 else "")


def test_a_server_that_hangs_up_is_unreachable(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            server.accept()[0].close()

        with ThreadPoolExecutor(1) as pool:
            pool.submit(hang_up)
            with pytest.raises(errors.NoNodeAvailable) as caught:
                world.open(1, f"postgresql://127.0.0.1:{server.getsockname()[1]}", **ON)

    (attempt,) = caught.value.attempts
    assert re.search("closed|reset by peer", attempt.reason)

from __future__ import annotations

import logging

import pytest

from moorline.core.address import Address
from moorline.core.placement import Placement
from moorline.core.topology import Node
from moorline.yugabyte.discovery import YB_SERVERS, decode

ROW = {
    "host": "10.0.0.1",
    "port": 5433,
    "num_connections": 0,
    "node_type": "primary",
    "cloud": "aws",
    "region": "us-west",
    "zone": "2a",
    "public_ip": "",
}
NODE = Node(Address("10.0.0.1", 5433), Placement("aws", "us-west", "2a"))


def changed(**columns):
    return {**ROW, **columns}


@pytest.mark.parametrize(
    ("more", "uuid", "universe"),
    [
        ({}, "", ""),
        ({"uuid": "t1"}, "t1", ""),
        ({"uuid": "t1", "universe_uuid": "u1"}, "t1", "u1"),
        ({"uuid": "t1", "universe_uuid": "u1", "new_in_2027": "x"}, "t1", "u1"),
        ({"uuid": None, "universe_uuid": None}, "", ""),
    ],
    ids=["8 columns", "9", "10", "11", "nulls"],
)
def test_every_servers_columns_are_understood(more, uuid, universe):
    [node], found = decode([changed(**more)])
    assert (node.address, node.placement) == (NODE.address, NODE.placement)
    assert (node.uuid, found) == (uuid, universe)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, NODE),
        ({"port": "5433"}, NODE),  # as libpq's text
        ({"host": " 10.0.0.1 "}, NODE),
        ({"host": "yb-0.ns.svc"}, Node(Address("yb-0.ns.svc", 5433), NODE.placement)),
        ({"host": "fd00::1"}, Node(Address("fd00::1", 5433), NODE.placement)),
        (
            {"public_ip": "1.2.3.4"},
            Node(NODE.address, NODE.placement, public_host="1.2.3.4"),
        ),
        ({"public_ip": None}, NODE),
    ],
)
def test_a_row_is_a_node(columns, expected):
    assert decode([changed(**columns)]) == ((expected,), "")


@pytest.mark.parametrize(
    ("node_type", "role"),
    [
        ("primary", "primary"),
        ("read_replica", "replica"),
        ("readreplica", "replica"),
        ("witness", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_roles(node_type, role):
    [node], _ = decode([changed(node_type=node_type)])
    assert node.role == role


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"host": ""}, "no host"),
        ({"host": None}, "no host"),
        ({"zone": ""}, "no zone"),
        ({"cloud": None}, "no cloud"),
        ({"region": "  "}, "no region"),
        ({"port": 0}, "port '0'"),
        ({"port": 65536}, "port '65536'"),
        ({"port": -1}, "port '-1'"),
        ({"port": None}, "port ''"),
        ({"port": "x"}, "port 'x'"),
    ],
)
def test_a_row_that_makes_no_sense_is_left_out_with_a_warning(columns, why, caplog):
    nodes, _ = decode([changed(**columns), ROW])
    assert nodes == (NODE,)
    [record] = caplog.records
    assert (record.name, record.levelno) == (
        "moorline.yugabyte.discovery",
        logging.WARNING,
    )
    assert record.getMessage().startswith(f"a row of yb_servers() is left out: {why}: ")


def test_a_row_without_a_column_is_left_out(caplog):
    short = {name: value for name, value in ROW.items() if name != "region"}
    assert decode([short]) == ((), "")
    assert "no region" in caplog.text


def test_nodes_come_in_the_servers_order_and_once_each():
    rows = [changed(port=5434), ROW, changed(port=5434, zone="2b"), changed(port=5435)]
    nodes, _ = decode(rows)
    assert [node.address.port for node in nodes] == [5434, 5433, 5435]
    assert nodes[0].placement.zone == "2a"


def test_the_universe_is_the_first_that_is_named():
    rows = [changed(universe_uuid=""), changed(port=5434, universe_uuid="u1")]
    assert decode(rows)[1] == "u1"


def test_no_rows_are_no_nodes():
    assert decode([]) == ((), "")


def test_the_query_asks_for_all_columns_of_any_version():
    assert (YB_SERVERS.sql, YB_SERVERS.missing) == (
        "select * from yb_servers()",
        "42883",
    )
    assert YB_SERVERS.decode is decode


def test_a_role_that_is_new_is_warned_of_once(caplog):
    for _ in range(3):
        decode([changed(node_type="witness-4711"), changed(node_type="primary")])
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "witness-4711" in record.getMessage()

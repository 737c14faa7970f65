from __future__ import annotations

import socket

import pytest

from moorline.lab import LabError, YugabyteLab, addresses
from moorline.lab.custody import Custody


@pytest.fixture
def occupied():
    """Give a port on which somebody listens at 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_a_port_asked_for_is_used(make_yugabyte_lab):
    port = addresses.free_base(addresses.default_addresses(3))
    lab = make_yugabyte_lab(port=port)
    assert lab.nodes[0].port == port


def test_a_port_asked_for_that_is_taken_is_an_error(occupied):
    with pytest.raises(LabError, match=rf"{occupied} was asked.* 127\.0\.0\.1:"):
        YugabyteLab(port=occupied).open()


def test_a_preferred_port_that_is_taken_is_given_up(occupied, make_yugabyte_lab):
    assert make_yugabyte_lab(prefer_port=occupied).nodes[0].port != occupied


def test_a_port_lost_in_a_race_is_replaced(occupied, make_yugabyte_lab, monkeypatch):
    free = addresses.free_base
    answers = [occupied, occupied]
    monkeypatch.setattr(
        addresses, "free_base", lambda *a: answers.pop() if answers else free(*a)
    )
    lab = make_yugabyte_lab()
    port = lab.nodes[0].port
    assert port != occupied
    assert {row[1] for row in lab.sql(2, "select * from yb_servers()")} == {str(port)}


def test_a_race_is_not_run_for_ever(occupied, yugabyte_templates, monkeypatch):
    monkeypatch.setattr(addresses, "free_base", lambda *_: occupied)
    with pytest.raises(LabError, match="could not bind"):
        YugabyteLab(nodes=1, templates=yugabyte_templates).open()


def test_nodes_on_one_address_have_a_port_each(make_yugabyte_lab):
    lab = make_yugabyte_lab(addresses=["127.0.0.1"] * 3)
    first = lab.nodes[0].port
    assert [node.port for node in lab.nodes] == [first, first + 1, first + 2]
    assert lab.dsn(hosts=[1]).endswith(f"127.0.0.1:{first + 1}/yugabyte")
    assert lab.counts() == (0, 0, 0)


def test_placements_and_types_are_what_was_asked_for(make_yugabyte_lab):
    lab = make_yugabyte_lab(
        placements=["gcp.eu.a", "gcp.eu.b"], node_types=["primary", "read_replica"]
    )
    rows = lab.sql(0, "select cloud, region, zone, node_type from yb_servers()")
    assert rows == [
        ("gcp", "eu", "a", "primary"),
        ("gcp", "eu", "b", "read_replica"),
    ]


def test_a_setting_that_the_server_refuses_is_shown(
    yugabyte_templates, monkeypatch, processes_of
):
    made = []
    mkdir = Custody.mkdir
    monkeypatch.setattr(
        Custody,
        "mkdir",
        lambda *args, **named: made.append(mkdir(*args, **named)) or made[-1],
    )
    lab = YugabyteLab(
        nodes=1, settings={"shared_buffers": "all"}, templates=yugabyte_templates
    )
    with pytest.raises(LabError, match='invalid value for parameter "shared_buffers"'):
        lab.open()
    assert not made[0].exists()
    assert processes_of(str(made[0])) == []


def test_two_labs_live_side_by_side(make_yugabyte_lab):
    one, other = make_yugabyte_lab(nodes=1), make_yugabyte_lab(nodes=1)
    assert one.universe_uuid != other.universe_uuid
    one.set_topology([])
    assert len(other.sql(0, "select * from yb_servers()")) == 1

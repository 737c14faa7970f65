from __future__ import annotations

import socket
import sys

import pytest

from moorline.lab import LabError, addresses


def test_nodes_have_addresses_of_their_own_where_there_are_any():
    expected = {
        "linux": ("127.0.0.1", "127.0.0.2", "127.0.0.3"),
        "darwin": ("127.0.0.1",) * 3,
    }
    assert addresses.default_addresses(3) == expected[sys.platform]


def test_nodes_share_the_only_address(monkeypatch):
    monkeypatch.setattr(addresses, "_bind", lambda *_: "not available")
    assert addresses.default_addresses(2) == ("127.0.0.1", "127.0.0.1")


def test_each_address_counts_its_own_ports():
    assert addresses.endpoints(["a", "a", "b", "a"], 10) == [
        ("a", 10),
        ("a", 11),
        ("b", 10),
        ("a", 12),
    ]


def test_a_taken_port_is_named_with_its_address():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert addresses.taken(["127.0.0.1"], port).startswith(f"127.0.0.1:{port}: ")
    assert addresses.taken(["127.0.0.1"], port) is None


def test_the_preferred_port_is_taken_if_it_is_free():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert addresses.free_base(["127.0.0.1"], prefer=port) != port
    assert addresses.free_base(["127.0.0.1"], prefer=port) == port


def test_chosen_ports_are_not_those_of_outgoing_connections():
    assert addresses.free_base(["127.0.0.1"]) < 32768


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(LabError, match=r"192\.0\.2\.1"):
        addresses.free_base(["192.0.2.1"])

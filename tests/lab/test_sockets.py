from __future__ import annotations

import socket
import time

import psycopg
import pytest

from moorline.lab import LabError, blackhole, sockets


def has_ipv6():
    try:
        sockets.bound(*sockets.resolve("::1", 0)).close()
    except OSError:
        return False
    return True


HOSTS = [
    "127.0.0.1",
    pytest.param(
        "::1",
        marks=pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1"),
    ),
]


@pytest.mark.parametrize("host", HOSTS)
def test_a_black_hole_answers_no_connect(host):
    with blackhole(host) as address:
        assert address[0] == host
        for _ in range(3):
            with pytest.raises(TimeoutError):
                socket.create_connection(address, timeout=0.1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_a_driver_hangs_there_until_its_timeout():
    began = time.monotonic()
    with blackhole() as (host, port), pytest.raises(psycopg.errors.ConnectionTimeout):
        psycopg.connect(host=host, port=port, connect_timeout=2)
    assert time.monotonic() - began >= 1.9


def test_a_system_that_never_drops_a_connect_is_told(monkeypatch):
    monkeypatch.setattr(sockets, "_QUEUE", 1)  # the one that is parked
    with pytest.raises(LabError, match="never drops a connect"), blackhole():
        pass


def test_a_bound_socket_refuses():
    family, address = sockets.resolve("localhost", 0)
    with (
        sockets.bound(family, address) as idle,
        pytest.raises(ConnectionRefusedError),
    ):
        socket.create_connection(idle.getsockname())


def test_an_address_of_another_machine_cannot_be_bound():
    with pytest.raises(OSError, match="assign"):
        sockets.bound(socket.AF_INET, ("192.0.2.1", 0))

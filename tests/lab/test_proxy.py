from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import struct
import threading
import warnings
from pathlib import Path

import psycopg
import pytest

from moorline.lab import LabError, Proxy

SSL_REQUEST = struct.pack("!II", 8, 80877103)


def connect(proxy, **params):
    given = {"user": "yugabyte", "dbname": "yugabyte", "gssencmode": "disable"}
    place = {"host": proxy.host, "port": proxy.port, "connect_timeout": 5}
    return psycopg.connect(**given | place | params, autocommit=True)


@pytest.fixture
def targets(yugabyte_lab):
    return [(node.host, node.port) for node in yugabyte_lab.nodes]


@pytest.fixture
def proxy(targets):
    with Proxy(targets[0]) as proxy:
        yield proxy


def open_files():
    return len(list(Path("/dev/fd").iterdir()))


def answers(client_of, proxy):
    with client_of(proxy) as client:
        client.sendall(b"x")
        return client.recv(1) == b"x"


def test_a_server_is_reached_through_it(proxy, targets):
    with connect(proxy) as conn:
        assert conn.execute("select inet_server_port()").fetchone() == (targets[0][1],)
        conn.execute("select repeat('x', 1000000)")
    proxy.wait_idle()
    assert proxy.accepted == 1
    (sent,) = proxy.received
    assert b"user\0yugabyte\0" in sent
    assert b"select inet_server_port()" in sent


async def test_it_serves_an_event_loop(proxy):
    place = {"host": proxy.host, "port": proxy.port}
    conns = await asyncio.gather(
        *(
            psycopg.AsyncConnection.connect(**place, user="yugabyte", dbname="yugabyte")
            for _ in range(5)
        )
    )
    assert proxy.accepted == 5
    for conn in conns:
        await conn.close()


def test_several_targets_are_taken_in_turn(targets):
    with Proxy(*targets) as proxy:
        addresses = []
        for _ in range(6):
            with connect(proxy) as conn:
                query = "select host(inet_server_addr()), inet_server_port()"
                addresses.append(conn.execute(query).fetchone())
    assert addresses == targets * 2


def test_a_target_may_have_a_name(targets):
    with (
        Proxy(("localhost", targets[0][1]), host="localhost") as proxy,
        connect(proxy) as conn,
    ):
        assert conn.execute("select 1").fetchone() == (1,)


def test_a_target_that_refuses_resets_the_client(targets):
    with Proxy(mode="refuse") as nobody, Proxy((nobody.host, nobody.port)) as proxy:
        with pytest.raises(psycopg.OperationalError):
            connect(proxy)
        proxy.wait_idle()
        assert proxy.accepted == 1


def test_silence_accepts_and_answers_nobody(yugabyte_lab, proxy):
    before = yugabyte_lab.accepted(0)
    proxy.mode = "silent"
    with pytest.raises(psycopg.errors.ConnectionTimeout):
        connect(proxy, connect_timeout=2)
    gc.collect()  # psycopg's exception holds the connection, and a cycle holds it
    proxy.wait_idle()
    assert len(proxy.received) == 1
    assert b"yugabyte" in proxy.received[0] or SSL_REQUEST in proxy.received[0]
    assert yugabyte_lab.accepted(0) == before


def test_the_server_learns_that_a_silenced_client_is_gone(yugabyte_lab, proxy):
    with connect(proxy):
        yugabyte_lab.wait_counts((1, 0, 0))
        proxy.mode = "silent"
    proxy.wait_idle()
    yugabyte_lab.wait_counts((0, 0, 0))


def test_a_reset_is_one(proxy, client_of):
    proxy.mode = "reset"
    with pytest.raises(ConnectionResetError), client_of(proxy) as client:
        client.recv(1)
    with pytest.raises(psycopg.OperationalError):
        connect(proxy)
    proxy.wait_idle()
    assert proxy.accepted == 2


def test_refusing_keeps_the_port(proxy, client_of):
    port = proxy.port
    with connect(proxy) as old:
        proxy.mode = "refuse"
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError), client_of(proxy):
                pass
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind((proxy.host, port))
        assert old.execute("select 1").fetchone() == (1,)
        proxy.mode = "refuse"  # again is no error
        proxy.mode = "forward"
        with connect(proxy):
            assert (proxy.port, proxy.accepted) == (port, 2)


def test_encryption_is_declined_and_nothing_is_sent_after_that(yugabyte_lab, proxy):
    before = yugabyte_lab.accepted(0)
    proxy.mode = "no-tls"
    with pytest.raises(psycopg.OperationalError, match="does not support SSL"):
        connect(proxy, sslmode="require", password="hunter2")
    proxy.wait_idle()
    assert proxy.received == (SSL_REQUEST,)
    assert yugabyte_lab.accepted(0) == before


def test_cut_ends_the_live_connections_only(yugabyte_lab, proxy):
    with connect(proxy) as one, connect(proxy) as other:
        yugabyte_lab.wait_counts((2, 0, 0))
        proxy.cut()
        for conn in (one, other):
            with pytest.raises(psycopg.OperationalError):
                conn.execute("select 1")
        proxy.wait_idle(0)
        yugabyte_lab.wait_counts((0, 0, 0))
        with connect(proxy) as conn:
            assert conn.execute("select 1").fetchone() == (1,)


def test_cut_is_a_reset(echo, client_of):
    with Proxy(echo) as proxy, client_of(proxy) as client:
        proxy.wait_accepted(1)
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_waiting_ends_with_what_there_is(echo, client_of):
    with Proxy(echo) as proxy:
        with pytest.raises(AssertionError, match="0 connections, not 1"):
            proxy.wait_accepted(1, timeout=0)
        waiter = threading.Thread(target=proxy.wait_accepted, args=(2,))
        waiter.start()
        with client_of(proxy), client_of(proxy):
            waiter.join()
            with pytest.raises(AssertionError, match="2 connections have not ended"):
                proxy.wait_idle(timeout=0)
        proxy.wait_idle()


def test_nothing_is_left_behind(echo, eventually, client_of):
    threads, files = threading.active_count(), open_files()
    for _ in range(3):
        with contextlib.ExitStack() as clients:
            with Proxy(echo) as proxy:
                for _ in range(3):
                    client = clients.enter_context(client_of(proxy))
                    client.sendall(b"x")
                    assert client.recv(1) == b"x"
                clients.enter_context(client_of(proxy))  # not accepted yet, maybe
            with pytest.raises(ConnectionResetError):
                client.recv(1)
            with pytest.raises(ConnectionRefusedError), client_of(proxy):
                pass
    # The threads of the echo end in their own time.
    assert eventually(lambda: threading.active_count() == threads)
    assert open_files() == files


def test_what_was_seen_can_be_read_after_the_end_and_more_after_a_new_begin(
    echo, client_of
):
    proxy = Proxy(echo)
    ports = set()
    for number in (1, 2):
        with proxy:
            ports.add(proxy.port)
            assert answers(client_of, proxy)
        proxy.close()  # again is no error
        assert proxy.received == (b"x",) * number
    assert len(ports) == 1


def test_a_proxy_that_is_not_open_says_so(echo):
    proxy = Proxy(echo)
    assert (proxy.host, proxy.port) == ("127.0.0.1", 0)
    for use in (proxy.cut, lambda: setattr(proxy, "mode", "reset")):
        with pytest.raises(LabError, match="not open"):
            use()
    with proxy, pytest.raises(LabError, match="open already"):
        proxy.open()


def test_a_port_that_is_taken_is_an_error(echo):
    taken = Proxy(mode="silent", port=echo[1])
    with pytest.raises(OSError, match="in use"):
        taken.open()
    taken.close()


def test_a_begin_that_fails_leaves_nothing(echo, monkeypatch, client_of):
    async def fail(_proxy, _mode):
        raise OSError("no luck")

    threads, files = threading.active_count(), open_files()
    with monkeypatch.context() as broken:
        broken.setattr(Proxy, "_obey", fail)
        proxy = Proxy(echo)
        with pytest.raises(OSError, match="no luck"):
            proxy.open()
    assert (threading.active_count(), open_files()) == (threads, files)
    with proxy:
        assert answers(client_of, proxy)


def test_what_cannot_be_done_is_refused(echo):
    with pytest.raises(LabError, match="'deaf'; there are forward, silent, reset"):
        Proxy(echo, mode="deaf")
    with pytest.raises(LabError, match="without a target"):
        Proxy()
    with Proxy(mode="silent") as proxy:
        with pytest.raises(LabError, match="without a target"):
            proxy.mode = "forward"
        assert proxy.mode == "silent"


def in_a_child(work):
    """Tell whether it returns True in a forked child."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # there are threads: 3.12
        child = os.fork()
    if child == 0:
        good = False
        try:
            good = work()
        finally:
            os._exit(0 if good else 1)
    return os.waitpid(child, 0) == (child, 0)


def test_a_forked_child_connects_and_cannot_close(echo, client_of):
    def work():
        with pytest.raises(LabError, match="not open in this process"):
            proxy.cut()
        proxy.close()
        return answers(client_of, proxy)

    with Proxy(echo) as proxy:
        assert in_a_child(work)
        proxy.wait_idle()
        assert answers(client_of, proxy)


def test_it_may_be_used_by_many_threads_at_once(echo, client_of):
    def use():
        for mode in ("forward", "reset", "refuse", "silent") * 5:
            proxy.mode = mode
            with contextlib.suppress(OSError), client_of(proxy):
                proxy.cut()

    with Proxy(echo) as proxy:
        users = [threading.Thread(target=use) for _ in range(4)]
        for user in users:
            user.start()
        for user in users:
            user.join()
        proxy.mode = "forward"
        assert answers(client_of, proxy)

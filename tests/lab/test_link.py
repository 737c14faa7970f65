from __future__ import annotations

import os
import socket
import struct
import threading

import psycopg
import pytest

from moorline.lab import Proxy

SSL_REQUEST = struct.pack("!II", 8, 80877103)
GSSENC_REQUEST = struct.pack("!II", 8, 80877104)


def everything(client):
    return b"".join(iter(lambda: client.recv(65536), b""))


def is_silent(client, seconds=0.1):
    client.settimeout(seconds)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.settimeout(5)
    return True


def test_much_data_goes_through_at_any_pace_and_the_first_64_kib_are_kept(
    echo, client_of
):
    sent = os.urandom(1 << 22)
    with Proxy(echo) as proxy, client_of(proxy) as client:
        writer = threading.Thread(target=client.sendall, args=(sent,))
        writer.start()
        heard = b""
        while len(heard) < len(sent):
            heard += client.recv(65536)
        writer.join()
        assert heard == sent
        assert proxy.received == (sent[:65536],)


def test_an_end_goes_through_in_each_direction(echo, client_of):
    with Proxy(echo) as proxy, client_of(proxy) as client:
        client.sendall(b"one")
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == b"onegoodbye"
        proxy.wait_idle()


def test_silence_befalls_old_connections_for_good(echo, client_of):
    with Proxy(echo) as proxy:
        with client_of(proxy) as client, client_of(proxy) as idle:
            proxy.wait_accepted(2)
            client.sendall(b"one")
            assert client.recv(10) == b"one"
            proxy.mode = "silent"
            client.sendall(b"two")
            assert is_silent(client)
            proxy.mode = "forward"
            client.sendall(b"three")
            assert is_silent(client)
            idle.sendall(b"I said nothing in between")
            assert idle.recv(10) == b"I said not"
        proxy.wait_idle()
        assert proxy.received[0] == b"onetwothree"


def test_what_a_client_says_after_a_no_is_recorded(client_of):
    with Proxy(mode="no-tls") as proxy:
        with client_of(proxy) as client:
            for part in (GSSENC_REQUEST, SSL_REQUEST[:3], SSL_REQUEST[3:]):
                client.sendall(part)
            assert client.recv(1) + client.recv(1) == b"NN"
            client.sendall(b"a password")
            client.sendall(SSL_REQUEST)
            assert is_silent(client)
        proxy.wait_idle()
        assert proxy.received == (
            GSSENC_REQUEST + SSL_REQUEST + b"a password" + SSL_REQUEST,
        )


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_silence_hides_the_end_of_the_server(end, make_yugabyte_lab):
    lab = make_yugabyte_lab(nodes=1)
    node = lab.nodes[0]
    with (
        Proxy((node.host, node.port)) as proxy,
        psycopg.connect(lab.dsn(host=proxy.host, port=proxy.port)) as conn,
    ):
        proxy.mode = "silent"
        getattr(lab, end)(0)
        with socket.socket(fileno=os.dup(conn.fileno())) as below:
            assert is_silent(below)
        proxy.cut()
        with pytest.raises(psycopg.OperationalError):
            conn.execute("select 1")

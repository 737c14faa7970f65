"""Each fault of a front: what the client sees, and what the server has done."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time

import pytest

from moorline.lab import LabError
from tests.lab.questdb_client import (
    HOST,
    WRITE,
    http_client,
    post,
    rest,
    row,
    tcp_client,
    trusting,
)

# Writing to a TLS connection that was reset may say EOF instead.
LOST = (ConnectionError, http.client.HTTPException, ssl.SSLEOFError)
MANY = b"".join(row(number) for number in range(1, 5001))  # 110 kB


@pytest.fixture(params=["http", "https"])
def send(request, questdb_lab):
    """Give a function that sends rows through the front, in clear and over TLS."""
    front = questdb_lab.front
    tls = trusting(questdb_lab.ca_file) if request.param == "https" else None

    def sent(body, **options):
        port = getattr(front, f"{request.param}_port")
        return post(port, body, tls=tls, **options)

    return sent


def test_without_a_fault_rows_arrive(questdb_lab, send):
    assert send(MANY) == 204
    questdb_lab.wait_rows("t", 5000)
    (request,) = questdb_lab.requests
    assert (request.method, request.target, request.path) == ("POST", WRITE, "/write")
    assert (request.size, request.body) == (len(MANY), MANY[: 64 * 1024])
    assert (request.server_status, request.status, request.fault) == (204, 204, "")


@pytest.mark.parametrize("status", [429, 503])
def test_an_answer_in_the_servers_place(questdb_lab, send, status):
    questdb_lab.faults.answer(status, times=2)
    assert [send(row(number)) for number in (1, 2, 3)] == [status, status, 204]
    questdb_lab.wait_rows("t", 1)
    assert [one.status for one in questdb_lab.requests] == [status, status, 204]
    assert [one.server_status for one in questdb_lab.requests] == [None, None, 204]
    assert questdb_lab.requests[0].fault == f"answer {status}"


def test_an_answer_has_the_headers_and_the_body_that_were_asked_for(questdb_lab):
    questdb_lab.faults.answer(
        503, retry_after=7, headers={"X-Lab": "y"}, body=b"later", times=2
    )
    with http_client(questdb_lab.front.http_port) as client:
        for number in (1, 2, 3):  # over one connection, which the fault keeps open
            client.request("POST", WRITE, row(number))
            answer = client.getresponse()
            text = answer.read()
            if number < 3:
                assert answer.getheader("Retry-After") == "7"
                assert (answer.getheader("X-Lab"), text) == ("y", b"later")
    assert answer.status == 204
    assert {one.connection for one in questdb_lab.requests} == {1}


def test_faults_spare_requests_that_do_not_write(questdb_lab):
    questdb_lab.faults.answer(503)
    with http_client(questdb_lab.front.http_port) as client:
        for target, expected in (("/settings", 200), ("/ping", 204), (WRITE, 503)):
            client.request("POST" if target == WRITE else "GET", target)
            answer = client.getresponse()
            answer.read()
            assert answer.status == expected
    questdb_lab.faults.answer(500, containing="/settings")
    assert post(questdb_lab.front.http_port, row(1)) == 204


def test_faults_happen_in_the_order_in_which_they_were_armed(questdb_lab, send):
    questdb_lab.faults.answer(500)
    questdb_lab.faults.answer(501, times=0)
    questdb_lab.faults.answer(502, times=None)
    assert [send(row(1)) for _ in range(3)] == [500, 502, 502]
    questdb_lab.faults.reset()
    assert send(row(1)) == 204


@pytest.mark.parametrize(
    ("when", "stored", "server_status"),
    [
        ("before request", 0, None),
        ("in request", 0, None),
        ("after answer", 5000, 204),
    ],
)
def test_a_cut_at_a_request(questdb_lab, send, when, stored, server_status):
    questdb_lab.faults.cut(when)
    with pytest.raises(LOST):
        send(MANY)
    questdb_lab.front.wait_connections(0)
    (request,) = questdb_lab.requests
    assert request.fault == f"cut {when}"
    assert (request.server_status, request.status) == (server_status, None)
    questdb_lab.wait_rows("t", stored)
    assert send(row(5001)) == 204
    questdb_lab.wait_rows("t", stored + 1)


def test_half_of_a_request_reaches_the_server(questdb_lab, eventually):
    questdb_lab.faults.cut("in request")
    with pytest.raises(LOST):
        post(questdb_lab.front.http_port, MANY)
    assert len(MANY) // 2 <= questdb_lab.requests[0].size <= len(MANY)
    # A table that is made on the way stays, though its rows do not.
    assert eventually(
        lambda: questdb_lab.sql("select table_name from tables()") == [("t",)]
    )
    questdb_lab.wait_rows("t", 0)


@pytest.mark.parametrize("tls", [False, True])
def test_half_of_an_answer_reaches_the_client(questdb_lab, tls):
    questdb_lab.faults.cut("in answer")
    front = questdb_lab.front
    context = trusting(questdb_lab.ca_file) if tls else None
    with tcp_client(
        front.https_port if tls else front.http_port, tls=context
    ) as client:
        client.sendall(b"POST /write HTTP/1.1\r\nHost: lab\r\n")
        client.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(row(1)), row(1)))
        heard = rest(client)
    assert heard.startswith(b"HTTP/1.1 204 OK")
    assert b"\r\n\r\n" not in heard
    (request,) = questdb_lab.requests
    assert (request.server_status, request.status) == (204, None)
    questdb_lab.wait_rows("t", 1)


def test_a_slow_answer_comes_late_and_is_the_servers(questdb_lab, send):
    questdb_lab.faults.delay(0.1)
    began = time.monotonic()
    assert send(row(1)) == 204
    assert time.monotonic() - began >= 0.1
    assert questdb_lab.requests[0].fault == "delay 0.1 s"


def test_a_client_that_does_not_wait_has_written_nevertheless(questdb_lab, send):
    questdb_lab.faults.delay(60)
    with pytest.raises(TimeoutError):
        send(row(1), timeout=0.1)
    questdb_lab.front.wait_connections(0)
    questdb_lab.wait_rows("t", 1)
    (request,) = questdb_lab.requests
    assert (request.server_status, request.status) == (204, None)


def test_silence(questdb_lab, send):
    questdb_lab.faults.silence()
    with pytest.raises(TimeoutError):
        send(row(1), timeout=0.1)
    questdb_lab.front.wait_connections(0)
    assert (questdb_lab.requests[0].fault, questdb_lab.requests[0].size) == (
        "silence",
        len(row(1)),
    )
    assert send(row(2)) == 204
    questdb_lab.wait_rows("t", 1)


def test_a_front_refuses_on_the_ports_that_it_keeps(questdb_lab, send):
    front = questdb_lab.front
    ports = (front.http_port, front.https_port, front.ilp_port, front.tcps_port)
    with http_client(front.http_port) as client:
        client.request("POST", WRITE, row(1))
        client.getresponse().read()
        for _ in range(2):
            questdb_lab.faults.refuse()
        assert front.connections == 0  # what was open is reset
        with pytest.raises(ConnectionResetError):
            client.sock.recv(1)
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HOST, port))
    questdb_lab.faults.admit()
    assert ports == (front.http_port, front.https_port, front.ilp_port, front.tcps_port)
    assert send(row(3)) == 204
    questdb_lab.wait_rows("t", 2)


@pytest.mark.parametrize("port", ["http_port", "https_port", "ilp_port", "tcps_port"])
def test_connections_can_be_reset_as_they_come(questdb_lab, port):
    questdb_lab.faults.greet("reset")
    front = questdb_lab.front
    with pytest.raises(ConnectionResetError):  # by connect, or by recv
        first_byte(getattr(front, port))
    front.wait_connections(0)
    assert (front.accepted, front.requests, front.streams) == (1, (), ())
    assert post(front.http_port, row(1)) == 204


def first_byte(port):
    with tcp_client(port) as client:
        return client.recv(1)


def test_connections_can_be_accepted_and_never_answered(questdb_lab):
    questdb_lab.faults.greet("silent", times=2)
    front = questdb_lab.front
    tls = trusting(questdb_lab.ca_file)
    for port, context in ((front.http_port, None), (front.https_port, tls)):
        with pytest.raises(TimeoutError):
            post(port, row(1), tls=context, timeout=0.1)
    front.wait_connections(0)
    assert front.accepted == 2
    assert post(front.https_port, row(1), tls=tls) == 204


def test_all_that_is_open_can_be_cut(questdb_lab):
    front = questdb_lab.front
    with tcp_client(front.ilp_port) as one, http_client(front.http_port) as other:
        other.request("POST", WRITE, row(1))
        other.getresponse().read()
        one.sendall(row(2))
        questdb_lab.wait_rows("t", 2)
        questdb_lab.faults.cut_now()
        assert front.connections == 0
        with pytest.raises(ConnectionResetError):
            one.recv(1)
        assert post(front.http_port, row(3)) == 204


def test_a_frozen_front_goes_on_where_everything_was_left(questdb_lab, eventually):
    questdb_lab.faults.freeze()
    statuses = []
    port = questdb_lab.front.http_port
    client = threading.Thread(target=lambda: statuses.append(post(port, row(1))))
    client.start()
    questdb_lab.front.wait_connections(1)
    questdb_lab.faults.admit()  # opens nothing, and thaws nothing
    assert statuses == []
    assert questdb_lab.requests == ()
    questdb_lab.faults.thaw()
    client.join(5)
    assert statuses == [204]


@pytest.mark.parametrize("tls", [False, True])
def test_a_stream_is_cut_when_so_much_was_passed_on(questdb_lab, tls):
    front = questdb_lab.front
    whole = row(1) + row(2) + row(3)
    questdb_lab.faults.cut_stream(len(row(1)) + 3)
    port = front.tcps_port if tls else front.ilp_port
    context = trusting(questdb_lab.ca_file) if tls else None
    with tcp_client(port, tls=context) as client:
        client.sendall(whole)
        assert rest(client) == b""
    front.wait_connections(0)
    (stream,) = questdb_lab.streams
    assert stream.fault == f"cut after {len(row(1)) + 3} bytes"
    with tcp_client(port, tls=context) as client:
        client.sendall(row(4))
        questdb_lab.wait_rows("t", 2)
    assert questdb_lab.sql("select x from t") == [(1,), (4,)]


def test_a_stream_that_the_server_ends_is_ended(questdb_lab):
    post(questdb_lab.http_port, row(1))
    with tcp_client(questdb_lab.front.ilp_port) as client:
        client.sendall(b't x="no number" 1\n')
        assert rest(client) == b""
    questdb_lab.front.wait_connections(0)
    assert questdb_lab.streams[0].ended


def test_fronts_have_faults_and_records_of_their_own(questdb_lab):
    other = questdb_lab.add_front()
    questdb_lab.faults.answer(503)
    assert post(other.http_port, row(1)) == 204
    assert post(questdb_lab.front.http_port, row(2)) == 503
    assert [one.status for one in other.requests] == [204]
    assert [one.status for one in questdb_lab.requests] == [503]
    questdb_lab.wait_rows("t", 1)


def test_a_reset_forgets(questdb_lab):
    front = questdb_lab.front
    with tcp_client(front.ilp_port) as client:
        client.sendall(row(1))
        questdb_lab.wait_rows("t", 1)
        questdb_lab.faults.answer(503, times=None)
        questdb_lab.faults.refuse()
        questdb_lab.reset()
        assert (front.accepted, front.requests, front.streams) == (0, (), ())
        assert front.connections == 0
    assert post(front.http_port, row(1)) == 204


def test_waiting_tells_what_did_not_come(questdb_lab):
    with pytest.raises(AssertionError, match="0 requests, not 1"):
        questdb_lab.front.wait_requests(1, timeout=0)
    with pytest.raises(AssertionError, match="0 connections are open, not 1"):
        questdb_lab.front.wait_connections(1, timeout=0)


@pytest.mark.parametrize(
    ("method", "what"), [("cut", "at lunch"), ("greet", "friendly")]
)
def test_unknown_faults_are_refused(questdb_lab, method, what):
    with pytest.raises(LabError, match=f"'{what}' is no such fault"):
        getattr(questdb_lab.faults, method)(what)

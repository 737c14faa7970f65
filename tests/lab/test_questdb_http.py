"""HTTP/1.1 passes through a front as it is, however a client frames it."""

from __future__ import annotations

import gzip
import json

import pytest

from moorline.lab.questdb_http import Head, answer
from tests.lab.questdb_client import WRITE, http_client, post, rest, row, tcp_client

HEAD = b"POST /write HTTP/1.1\r\nHost: lab\r\n"
LARGE = b"".join(row(number) for number in range(1, 40_001))  # 1 MB


def say(lab, message):
    """Send bytes to the front; return what comes until the end."""
    with tcp_client(lab.front.http_port) as client:
        client.sendall(message)
        return rest(client)


def chunks(*parts):
    framed = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts]
    return b"".join(framed) + b"0\r\n\r\n"


def test_a_large_body_arrives(questdb_lab):
    assert post(questdb_lab.front.http_port, LARGE, timeout=20) == 204
    questdb_lab.wait_rows("t", 40_000)
    (request,) = questdb_lab.requests
    assert (request.size, len(request.body)) == (len(LARGE), 64 * 1024)


def test_a_body_in_chunks_arrives(questdb_lab):
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    with tcp_client(questdb_lab.front.http_port) as client:
        for body in ((row(1), row(2)[:5], row(2)[5:]), (row(3),)):
            client.sendall(head + chunks(*body))
            assert client.recv(1000).startswith(b"HTTP/1.1 204")
    questdb_lab.wait_rows("t", 3)
    assert [one.body for one in questdb_lab.requests] == [row(1) + row(2), row(3)]


@pytest.mark.parametrize(
    "body", [b"5;x=y\r\nt x=1\r\n0\r\n\r\n", b"5\r\nt x=1\r\n0\r\nX: y\r\n\r\n"]
)
def test_what_the_server_hangs_up_on_is_no_riddle_to_the_front(questdb_lab, body):
    # Extensions of chunks, and trailers: HTTP has them, QuestDB does not.
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    assert say(questdb_lab, head + body) == b""
    (request,) = questdb_lab.requests
    assert (request.body, request.server_status) == (b"t x=1", None)


def test_a_compressed_body_arrives_as_it_is(questdb_lab):
    body = gzip.compress(row(1))
    headers = {"Content-Encoding": "gzip"}
    assert post(questdb_lab.front.http_port, body, **headers) == 204
    questdb_lab.wait_rows("t", 1)
    assert questdb_lab.requests[0].body == body
    assert questdb_lab.requests[0].header("content-encoding") == "gzip"
    assert questdb_lab.requests[0].header("x-nothing") is None


def test_one_connection_serves_many_requests(questdb_lab):
    with http_client(questdb_lab.front.http_port) as client:
        for number in (1, 2, 3):
            client.request("POST", WRITE, row(number))
            answer = client.getresponse()
            assert (answer.status, answer.read()) == (204, b"")
        client.request("GET", "/exec?query=select%20count()%20from%20t")
        answer = client.getresponse()  # in chunks
        assert json.loads(answer.read())["columns"][0]["name"] == "count()"
    assert {one.connection for one in questdb_lab.requests} == {1}
    assert questdb_lab.front.accepted == 1


def test_requests_that_do_not_wait_for_answers_have_them_in_order(questdb_lab):
    with tcp_client(questdb_lab.front.http_port) as client:
        client.sendall(
            b"GET /ping HTTP/1.1\r\nHost: lab\r\n\r\n"
            b"GET /settings HTTP/1.1\r\nHost: lab\r\n\r\n"
        )
        heard = b""
        while b"release.version" not in heard:
            heard += client.recv(1000)
    assert heard.index(b"204 OK") < heard.index(b"200 OK")
    assert [one.path for one in questdb_lab.requests] == ["/ping", "/settings"]


def test_an_error_of_the_server_is_passed_on_whole(questdb_lab):
    with http_client(questdb_lab.front.http_port) as client:
        client.request("POST", WRITE, b"t x=1abc\n")
        answer = client.getresponse()
        told = json.loads(answer.read())
        assert (answer.status, told["code"], told["line"]) == (400, "invalid", 1)
        client.request("POST", WRITE, row(1))
        assert client.getresponse().status == 204


def test_an_answer_without_a_length_lasts_as_long_as_the_client(questdb_lab):
    # GET / is answered so, and the server waits for more.
    with tcp_client(questdb_lab.front.http_port) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 301")
        assert questdb_lab.requests[0].status == 301
        assert questdb_lab.front.connections == 1
    questdb_lab.front.wait_connections(0)


def test_a_client_that_leaves_in_the_middle_leaves_nothing(questdb_lab):
    with tcp_client(questdb_lab.front.http_port) as client:
        client.sendall(HEAD + b"Content-Length: 1000\r\n\r\n" + row(1))
        questdb_lab.front.wait_requests(1)
    questdb_lab.front.wait_connections(0)
    (request,) = questdb_lab.requests
    assert (request.server_status, request.status) == (None, None)
    questdb_lab.wait_rows("t", 0)


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01 \r\n\r\n", b"GET\r\n\r\n", b"A B C\r\nx\r\n\r\n"]
)
def test_what_is_no_http_ends_the_connection(questdb_lab, noise):
    assert say(questdb_lab, noise) == b""
    questdb_lab.front.wait_connections(0)


@pytest.mark.parametrize(
    "length", [b"Content-Length: x", b"Transfer-Encoding: chunked"]
)
@pytest.mark.parametrize("when", [None, "in request", "after answer"])
def test_a_body_without_a_proper_length_ends_the_connection(questdb_lab, length, when):
    if when:
        questdb_lab.faults.cut(when)
    assert say(questdb_lab, HEAD + length + b"\r\n\r\nxyz\r\n") == b""
    questdb_lab.front.wait_connections(0)


def test_credentials_are_not_written_down(questdb_lab, secret):
    for scheme in ("Basic ", "Bearer ", ""):
        value = scheme + secret.encode().hex()
        assert post(questdb_lab.front.http_port, row(1), Authorization=value) == 204
    shown = [one.header("AUTHORIZATION") for one in questdb_lab.requests]
    assert shown == ["Basic …", "Bearer …", "…"]
    assert secret.encode().hex() not in repr(questdb_lab.requests)


def test_an_answer_of_the_front_is_http():
    raw = answer(429, {"Retry-After": "3"}, b"wait")
    head = Head.parse(raw.partition(b"wait")[0])
    assert (head.status, head.first[2]) == (429, "Too Many Requests")
    assert head.get("retry-after") == "3"
    assert head.get("content-length") == "4"
    assert answer(599, {}, b"").startswith(b"HTTP/1.1 599 Lab\r\n")

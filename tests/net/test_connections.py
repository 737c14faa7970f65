"""Both connections, against servers that are scripts."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

import pytest

from moorline.net.aio import AsyncHttpConnection
from moorline.net.http import ExchangeError, Request, Stream
from moorline.net.sync import HttpConnection

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
REQUEST = Request("POST", "/write", {}, b"t x=1i\n")


class Server:
    """Plays one script for each connection: bytes to send, or a thing to do."""

    def __init__(self, *scripts):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heard = []
        self.ends_with = REQUEST.body
        self.closed = threading.Semaphore(0)
        self.thread = threading.Thread(target=self.play, args=(scripts,))
        self.thread.start()

    def play(self, scripts):
        for script in scripts:
            try:
                conn, _ = self.listener.accept()
            except OSError:  # closed: nobody came for the rest of the scripts
                return
            with conn:
                for line in script:
                    match line:
                        case "hear":
                            self.heard.append(hear(conn, self.ends_with))
                        case "wait":
                            conn.recv(1)
                        case _:
                            conn.sendall(line)
            self.closed.release()

    def close(self):
        with contextlib.suppress(OSError):  # it was closed before
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self.listener.close()
        self.thread.join(10)


def hear(conn, ends_with):
    data = b""
    while not data.endswith(ends_with):
        piece = conn.recv(65536)
        if not piece:
            break
        data += piece
    return data


class Sync:
    def __init__(self, port):
        self.conn = HttpConnection("127.0.0.1", port)

    def exchange(self, request, timeout):
        return self.conn.exchange(request, timeout)

    def close(self):
        self.conn.close()


class Async:
    def __init__(self, port):
        self.runner = asyncio.Runner()
        self.conn = AsyncHttpConnection("127.0.0.1", port)

    def exchange(self, request, timeout):
        return self.runner.run(self.conn.exchange(request, timeout))

    def close(self):
        async def end():
            self.conn.close()
            await asyncio.sleep(0)

        self.runner.run(end())
        self.runner.close()


@pytest.fixture(params=[Sync, Async], ids=["sync", "asyncio"])
def talk(request):
    made = []

    def start(*scripts):
        server = Server(*scripts)
        client = request.param(server.port)
        made.append((server, client))
        return server, client

    yield start
    for server, client in made:
        client.close()
        server.close()


def test_a_connection_is_kept(talk):
    server, client = talk(["hear", OK, "hear", OK])
    for _ in range(2):
        assert client.exchange(REQUEST, 5.0).status == 204
    assert len(server.heard) == 2


def test_one_that_the_server_closed_is_replaced_before_it_is_used(talk):
    server, client = talk(["hear", OK], ["hear", OK])
    client.exchange(REQUEST, 5.0)
    assert server.closed.acquire(timeout=5)
    assert client.exchange(REQUEST, 5.0).status == 204
    assert len(server.heard) == 2


def test_nobody_is_there(talk):
    server, client = talk()
    server.close()
    with pytest.raises(ExchangeError) as error:
        client.exchange(REQUEST, 5.0)
    assert error.value.stage == "connect"
    assert isinstance(error.value.__cause__, ConnectionRefusedError)


def test_an_answer_that_does_not_come_in_time(talk):
    _, client = talk(["hear", "wait"])
    with pytest.raises(ExchangeError) as error:
        client.exchange(REQUEST, 0.1)
    assert error.value.stage == "receive"
    assert isinstance(error.value.__cause__, TimeoutError)


def test_a_connection_that_ends_before_the_answer(talk):
    _, client = talk(["hear"])
    with pytest.raises(ExchangeError) as error:
        client.exchange(REQUEST, 5.0)
    assert error.value.stage in {"receive", "send"}


def test_an_answer_to_a_body_that_was_not_read_is_heard(talk):
    refusal = b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    _, client = talk([refusal, "wait"])
    body = b"x" * 8_000_000
    try:
        assert client.exchange(Request("POST", "/", {}, body), 5.0).status == 413
    except ExchangeError as error:  # the reset overtook it, as TCP allows
        assert isinstance(error.__cause__, ConnectionError)  # noqa: PT017 - either is right


class Parts(Stream):
    """A body of which each part is the same memory, as of a buffer that grows."""

    def __init__(self, *parts, end=None):
        self.memory = bytearray()
        self.asked = 0
        self._parts, self._end = parts, end

    def parts(self):
        self.asked += 1
        for part in self._parts:
            self.memory[:] = part  # BufferError, if somebody looked at it still
            with memoryview(self.memory) as view:
                yield view
        if self._end:
            raise self._end


def test_a_body_is_sent_while_it_is_made(talk):
    server, client = talk(["hear", OK, "hear", OK])
    stream = Parts(b"t x=1i\n", b"t x=2i\n" * 100_000, REQUEST.body)
    ends = b"0\r\n\r\n"
    server.ends_with = ends
    for _ in range(2):  # the connection is kept
        assert client.exchange(Request("POST", "/", {}, stream), 5.0).status == 204
    assert stream.asked == 2
    for heard in server.heard:
        head, _, body = heard.partition(b"\r\n\r\n")
        assert b"Transfer-Encoding: chunked" in head
        assert body == (
            b"7\r\nt x=1i\n\r\naae60\r\n"
            + b"t x=2i\n" * 100_000
            + b"\r\n7\r\nt x=1i\n\r\n"
            + ends
        )


def test_a_body_that_cannot_be_made_ends_the_connection(talk):
    server, client = talk(["hear"], ["hear", OK])
    stream = Parts(b"t x=1i", end=ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        client.exchange(Request("POST", "/", {}, stream), 5.0)
    assert server.closed.acquire(timeout=5)
    assert not server.heard[0].endswith(b"0\r\n\r\n")  # so that it is not taken
    assert client.exchange(REQUEST, 5.0).status == 204


def test_no_view_of_a_part_is_left_when_it_fails(talk):
    _, client = talk(["wait"])
    stream = Parts(b"x" * 20_000_000)
    with pytest.raises(ExchangeError) as error:
        client.exchange(Request("POST", "/", {}, stream), 0.3)
    stream.memory.clear()  # BufferError, if there were one
    assert error.value.__traceback__ is not None


@pytest.mark.parametrize("last", [b"", b"HTTP/1.1 204 "])
def test_an_end_is_told_as_one(talk, last):
    _, client = talk(["hear", last])
    with pytest.raises(ExchangeError, match="the server closed the connection") as e:
        client.exchange(REQUEST, 5.0)
    assert isinstance(e.value.__cause__, ConnectionError)


def test_what_is_no_http_is_handed_on(talk):
    alert = bytes.fromhex("15030100020246")
    _, client = talk(["hear", alert, "wait"])
    with pytest.raises(ExchangeError) as error:
        client.exchange(REQUEST, 5.0)
    assert (error.value.stage, error.value.heard) == ("receive", alert)


def test_no_view_of_a_body_is_left_when_it_fails(talk):
    """So that rows can be put back behind it, while the error is still at hand."""
    _, client = talk(["wait"])
    body = bytearray(b"x" * 20_000_000)
    with pytest.raises(ExchangeError) as error:
        client.exchange(Request("POST", "/", {}, body), 0.3)
    body.clear()  # BufferError, if there were one
    assert error.value.__traceback__ is not None


async def test_the_context_is_made_off_the_loop():
    made_in = []

    def make():
        made_in.append(threading.current_thread())
        raise ConnectionError("none today")

    with pytest.raises(ExchangeError):
        await AsyncHttpConnection("127.0.0.1", 9, make).exchange(REQUEST, 5.0)
    assert made_in
    assert threading.current_thread() not in made_in

"""Both connections, with real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

import pytest

from moorline.core.steps import Now
from moorline.net.tcp import Dial, Drop, Finish, LocalAddressError, Receive, Send
from moorline.net.tcp_aio import AsyncTcpConnection
from moorline.net.tcp_sync import TcpConnection

RESET = struct.pack("ii", 1, 0)  # linger for no time


class Sync:
    def __init__(self, *args):
        self.conn = TcpConnection(*args)

    def perform(self, step):
        return self.conn.perform(step)

    def close(self):
        self.conn.close()


class Async:
    def __init__(self, *args):
        self.runner = asyncio.Runner()
        self.conn = AsyncTcpConnection(*args)

    def perform(self, step):
        return self.runner.run(self.conn.perform(step))

    def close(self):
        self.conn.close()
        self.runner.close()


@pytest.fixture(params=[Sync, Async], ids=["sync", "asyncio"])
def connect(request):
    """Make a client of a server of its own, and return both ends."""
    with contextlib.ExitStack() as undo:

        def start(host="127.0.0.1", bind=""):
            listener = undo.enter_context(socket.create_server(("127.0.0.1", 0)))
            client = request.param(host, listener.getsockname()[1], bind)
            undo.callback(client.close)
            client.perform(Dial(10.0))
            other, _ = listener.accept()
            undo.enter_context(other)
            other.settimeout(10)
            return client, other

        start.kind = request.param
        yield start


def test_both_say_something(connect):
    client, other = connect()
    client.perform(Send(b"rows", 1.0))
    assert other.recv(10) == b"rows"
    assert client.perform(Receive(0)) is None
    assert client.perform(Receive(0.01)) is None
    other.sendall(b"answer")
    assert client.perform(Receive(10.0)) == b"answer"


def test_the_other_side_ends(connect):
    client, other = connect()
    other.shutdown(socket.SHUT_WR)
    assert client.perform(Receive(10.0)) == b""
    assert client.perform(Receive(0)) == b""  # and it stays so
    client.perform(Send(b"rows", 1.0))
    assert other.recv(10) == b"rows"


def test_this_side_ends_and_still_hears(connect):
    client, other = connect()
    client.perform(Finish())
    assert other.recv(10) == b""
    other.sendall(b"answer")
    assert client.perform(Receive(10.0)) == b"answer"


def test_a_reset_closes_the_connection(connect):
    client, other = connect()
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    other.close()
    with pytest.raises(ConnectionResetError):
        client.perform(Receive(10.0))
    for step in (Send(b"rows", 1.0), Receive(1.0), Finish()):
        with pytest.raises(ConnectionAbortedError):
            client.perform(step)


def test_what_is_not_taken_in_time_closes_the_connection(connect):
    client, _ = connect()
    with pytest.raises(TimeoutError):
        client.perform(Send(b"x" * 50_000_000, 0.05))
    assert client.conn._socket is None


def test_dropping_is_closing_and_may_be_done_again(connect):
    client, other = connect()
    client.perform(Drop())
    client.perform(Drop())
    assert other.recv(10) == b""


def test_dialling_anew_closes_what_was_open(connect):
    client, other = connect()
    client.perform(Dial(10.0))
    assert other.recv(10) == b""
    client.perform(Send(b"rows", 1.0))


def test_a_name_with_several_addresses(connect):
    client, other = connect("localhost")  # ::1 as well, where nobody listens
    client.perform(Send(b"rows", 1.0))
    assert other.recv(10) == b"rows"


def test_what_is_said_is_not_held_back(connect):
    client, _ = connect()
    assert client.conn._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_local_address(connect, host):
    _, other = connect(host, "127.0.0.3")
    assert other.getpeername()[0] == "127.0.0.3"


def test_a_local_address_that_is_none(connect):
    with pytest.raises(LocalAddressError):
        connect(bind="192.0.2.1")
    with pytest.raises(LocalAddressError):
        connect(bind="::1")


def test_nobody_is_there(connect):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    client = connect.kind("127.0.0.1", port)
    with pytest.raises(ConnectionRefusedError):
        client.perform(Dial(10.0))
    client.close()
    # The refusal counts, and not that the other address has another family.
    client = connect.kind("localhost", port, "127.0.0.1")
    with pytest.raises(ConnectionRefusedError):
        client.perform(Dial(10.0))
    client.close()


def test_nobody_answers(connect):
    """A listener whose queue is full leaves others without an answer, on Linux."""
    with contextlib.ExitStack() as undo:
        full = undo.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(2):
            waiting = undo.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(full.getsockname())
        client = connect.kind(*full.getsockname())
        with pytest.raises(TimeoutError):
            client.perform(Dial(0.1))
        client.close()


def test_steps_of_others_are_refused(connect):
    client, _ = connect()
    with pytest.raises(TypeError, match="no runner performs"):
        client.perform(Now())


def test_a_cancelled_step_closes_the_connection():
    async def run():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            conn = AsyncTcpConnection(*listener.getsockname())
            await conn.perform(Dial(10.0))
            waiting = asyncio.create_task(conn.perform(Receive(10.0)))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert conn._socket is None

    asyncio.run(run())

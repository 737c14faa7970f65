"""The addresses of a host, tried one after the other; without a network.

What the connections do with them is in test_tcp_connections.py.
"""

from __future__ import annotations

import socket

import pytest

from moorline.core.steps import Now
from moorline.net.tcp import Drop, Finish, LocalAddressError
from moorline.net.tcp_base import Attempt, TcpBase

INET = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
FOUND = [(*INET, (f"192.0.2.{number}", 9009)) for number in (1, 2, 3)]


class Clock:
    """Says what it is set to."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def base():
    conn = TcpBase("db", 9009)
    yield conn
    conn.close()


def fail(conn, errors, found=FOUND):
    """Try all addresses, and fail with an error at each; return the sockets made."""
    left = iter(errors)
    sockets = []

    def dial():
        for attempt in conn._attempts(found, 110.0, Clock()):
            with attempt as made:
                sockets.append(made)
                raise next(left)

    with pytest.raises(OSError) as raised:  # noqa: PT011 - the caller looks at it
        dial()
    return raised.value, sockets


def test_each_address_has_an_even_share_of_the_time_that_is_left(base):
    clock = Clock()
    shares = []
    for attempt in base._attempts(FOUND, 109.0, clock):
        with attempt:
            shares.append((attempt.address[0], attempt.seconds))
            clock.now += {1: 1.0, 2: 4.0, 3: 0.0}[len(shares)]
            if len(shares) < 3:
                raise ConnectionRefusedError
    # Of 9 seconds a third; of the 8 that are left the half; of 4 all.
    assert shares == [("192.0.2.1", 3.0), ("192.0.2.2", 4.0), ("192.0.2.3", 4.0)]


def test_an_address_has_a_moment_even_if_the_time_is_over(base):
    late = Clock()
    late.now = 1000.0
    attempt = next(base._attempts(FOUND, 109.0, late))
    with attempt as made:
        assert attempt.seconds == 0.001
    made.close()


def test_the_first_that_succeeds_is_the_connection(base):
    tried = []
    for attempt in base._attempts(FOUND, 110.0, Clock()):
        with attempt as made:
            tried.append(made)
            if len(tried) == 1:
                raise ConnectionRefusedError
    first, second = tried
    assert first.fileno() == -1
    assert base._here is second
    assert second.fileno() != -1


OTHER_FAMILY = LocalAddressError("bind")
REFUSED = ConnectionRefusedError("refused")
SILENT = TimeoutError("timed out")


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([REFUSED, SILENT, REFUSED], REFUSED),
        ([REFUSED, REFUSED, SILENT], SILENT),
        ([REFUSED, SILENT, OTHER_FAMILY], SILENT),
        ([OTHER_FAMILY, SILENT, OTHER_FAMILY], SILENT),
        ([OTHER_FAMILY, OTHER_FAMILY, OTHER_FAMILY], OTHER_FAMILY),
    ],
)
def test_the_last_failure_is_raised_but_for_one_of_the_other_family(
    base, errors, expected
):
    raised, sockets = fail(base, errors)
    assert raised is expected
    assert [made.fileno() for made in sockets] == [-1, -1, -1]
    with pytest.raises(ConnectionAbortedError):
        _ = base._here


def test_no_address_is_an_error_that_names_the_host(base):
    raised, _ = fail(base, [], found=[])
    assert str(raised) == "db has no address"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_is_not_of_the_network_is_raised_at_once(base, error):
    attempts = base._attempts(FOUND, 110.0, Clock())
    attempt = next(attempts)
    with pytest.raises(error), attempt as made:
        raise error
    assert made.fileno() == -1
    assert attempt.failure is None


def test_an_attempt_that_succeeds_leaves_its_socket_open():
    with socket.socket() as made:
        attempt = Attempt(made, ("192.0.2.1", 9009), 1.0)
        with attempt as given:
            assert given is made
        assert attempt.failure is None
        assert made.fileno() != -1


def test_steps_that_wait_for_nothing(base):
    base._at_once(Drop())  # there is nothing to close
    with pytest.raises(ConnectionAbortedError):
        base._at_once(Finish())
    with pytest.raises(TypeError, match="no runner performs"):
        base._at_once(Now())
    ours, theirs = socket.socketpair()
    with theirs:
        base._socket = ours
        base._at_once(Finish())
        assert theirs.recv(1) == b""
        assert ours.fileno() != -1
        base._at_once(Drop())
        assert ours.fileno() == -1

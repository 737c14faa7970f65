from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path

import pytest

from moorline.lab import LabError
from moorline.lab.wire import Session


@pytest.fixture
def path(yugabyte_lab):
    port = yugabyte_lab.nodes[0].port
    return Path(yugabyte_lab.directory, "node1", f".s.PGSQL.{port}")


@pytest.fixture
def session(path):
    session = Session(path, user="moorline_lab", database="yugabyte")
    yield session
    session.close()


def test_values_come_as_text(session):
    assert session.query("select 1, null, '', 'ö', true") == [
        ("1", None, "", "ö", "t"),
    ]
    assert session.query("") == []
    assert session.query("select 1; select 2") == [("1",), ("2",)]
    assert len(session.query("select repeat('x', 100000)")[0][0]) == 100000


def test_a_refused_query_leaves_the_session_usable(session):
    with pytest.raises(LabError, match="22012: division by zero"):
        session.query("select 1/0")
    assert session.query("select 1") == [("1",)]


def test_a_session_that_the_server_ended_is_lost(session):
    with pytest.raises(ConnectionError, match="57P01"):
        session.query("select pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(OSError, match=r"Bad file descriptor"):
        session.query("select 1")


def test_a_refused_login_is_an_error(path):
    with pytest.raises(LabError, match="3D000: database"):
        Session(path, user="moorline_lab", database="nothing")


@pytest.mark.parametrize(
    ("answer", "error"),
    [(b"57P03", ConnectionRefusedError), (b"53300", LabError), (b"", ConnectionError)],
)
def test_a_server_that_does_not_serve_now_is_no_refusal(answer, error, tmp_path):
    def serve(listener):
        conn, _ = listener.accept()
        with conn:
            conn.recv(1000)
            if answer:
                body = b"SFATAL\0C" + answer + b"\0Mno\0\0"
                conn.sendall(b"E" + struct.pack("!I", len(body) + 4) + body)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        with pytest.raises(error):
            Session(tmp_path / "s", user="u", database="d")
        thread.join()

"""Sockets that are to shake hands, and cannot begin."""

from __future__ import annotations

import gc
import select
import socket
import struct

import pytest

from moorline.questdb.handshake import Context


def test_a_connection_that_is_reset_before_tls_begins_is_closed():
    """CPython 3.11 looks for whom it is connected to, and leaves it open."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        plain = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
        linger = struct.pack("ii", 1, 0)  # for no time: a reset
        other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        other.close()
        select.select([plain], [], [], 10)
        context = Context.new()
        with pytest.raises(ConnectionResetError):
            context.wrap_socket(plain, server_hostname="localhost")
        gc.collect()  # a ResourceWarning, if it were open
    assert plain.fileno() == -1

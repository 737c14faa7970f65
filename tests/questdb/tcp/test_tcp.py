"""Rows by TCP to a real server, for blocking callers and for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from moorline.errors import IngestError, TlsError
from moorline.net.tcp_aio import AsyncTcpConnection
from moorline.questdb import Buffer, TimestampNanos
from moorline.questdb.batch import Batch
from moorline.questdb.settings import settings_of
from moorline.questdb.tcp import Line, deliver, leave
from moorline.shell import aio
from tests.questdb.tcp.clients import LATE, at, batch, direct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorline.lab import QuestdbLab
    from tests.questdb.tcp.clients import Blocking

AT = TimestampNanos(1_700_000_000_123_456_789)


# --- what is well ---------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["tcp", "tcps"])
def test_rows_arrive_over_one_connection(questdb_lab, start, protocol):
    client = start(protocol, **at(questdb_lab, protocol))
    for number in range(3):
        client.deliver(f"t x={number}i 1000000000", f"t x={number}i 2000000000")
    client.leave()
    questdb_lab.wait_rows("t", 6)
    assert len(questdb_lab.streams) == 1


def test_rows_arrive_past_any_front(questdb_lab, start):
    client = start("tcp", **direct(questdb_lab))
    client.deliver("t x=1i")
    client.leave()
    questdb_lab.wait_rows("t", 1)


@pytest.mark.parametrize("protocol", ["tcp", "tcps"])
def test_when_the_server_has_left_as_well_it_has_read_everything(
    questdb_lab, start, protocol
):
    client = start(protocol, **at(questdb_lab, protocol))
    rows = [f"t x={number}i" for number in range(200_000)]
    client.deliver(*rows)
    client.leave()
    client.leave()  # nothing is open: nothing is done
    questdb_lab.wait_rows("t", 200_000)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_version_of_ilp_goes_through(questdb_lab, start, version):
    questdb_lab.sql(
        "create table t (p double, a double[], d decimal(18,3), timestamp timestamp_ns)"
        " timestamp(timestamp) partition by day wal"
    )
    buffer = Buffer(protocol_version=version)
    columns: dict[str, object] = {"p": 0.1}
    if version > 1:
        columns["a"] = [1.5, 2.5]
    if version > 2:
        from decimal import Decimal  # noqa: PLC0415

        columns["d"] = Decimal("12.345")
    buffer.row("t", columns=columns, at=AT)
    client = start("tcp", protocol_version=version, **at(questdb_lab))

    client.run(deliver(Batch(bytes(buffer), 1), client.line))
    client.leave()

    questdb_lab.wait_rows("t", 1)
    [(price, array, number)] = questdb_lab.sql("select p, a, d from t")
    assert price == 0.1
    assert array == ([1.5, 2.5] if version > 1 else None)
    assert (str(number) == "12.345") == (version > 2)


@pytest.mark.parametrize("protocol", ["tcp", "tcps"])
def test_an_address_of_ipv6(questdb_lab, start, protocol):
    front = questdb_lab.add_front("::1")
    port = front.ilp_port if protocol == "tcp" else front.tcps_port
    more = {} if protocol == "tcp" else {"tls_roots": questdb_lab.ca_file}
    client = start(protocol, addr=f"[::1]:{port}", **more)
    client.deliver("t x=1i")
    client.leave()
    questdb_lab.wait_rows("t", 1)


def test_the_local_address_is_the_one_that_was_asked_for(questdb_lab, start):
    client = start("tcp", bind_interface="127.0.0.2", **at(questdb_lab))
    client.deliver("t x=1i")
    assert client.made._socket.getsockname()[0] == "127.0.0.2"
    assert client.made._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    client.leave()
    questdb_lab.wait_rows("t", 1)


def test_a_local_address_that_is_none(questdb_lab, start):
    client = start("tcp", bind_interface="192.0.2.1", **at(questdb_lab))
    with pytest.raises(IngestError) as raised:
        client.deliver("t x=1i")
    assert "bind_interface=192.0.2.1" in str(raised.value)
    assert "None of the 1 rows was sent" in str(raised.value)


# --- what goes wrong ------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["tcp", "tcps"])
def test_a_bad_row_in_the_first_batch_is_told_by_it(questdb_lab, start, protocol):
    client = start(protocol, settle=LATE, **at(questdb_lab, protocol))
    with pytest.raises(IngestError, match="closed the connection") as raised:
        client.deliver("t x=1i", "t x=bad", "t x=3i")
    assert "All 3 rows are still in the buffer" in str(raised.value)
    assert "DEDUP" in str(raised.value)
    questdb_lab.wait_rows("t", 1)


@pytest.mark.parametrize("protocol", ["tcp", "tcps"])
def test_a_bad_row_later_is_told_before_the_next_batch(questdb_lab, start, protocol):
    client = start(protocol, **at(questdb_lab, protocol))
    client.deliver("t x=1i")
    with unread(questdb_lab):
        client.deliver("t x=bad")
    ended(client)
    with pytest.raises(IngestError, match="after it was sent rows") as raised:
        client.deliver("t x=3i")
    assert "That is about rows before these" in str(raised.value)
    assert "None of the 1 rows was sent" in str(raised.value)
    client.deliver("t x=3i")  # over a new connection
    client.leave()
    questdb_lab.wait_rows("t", 2)


@contextlib.contextmanager
def unread(lab: QuestdbLab) -> Iterator[None]:
    """Let the server be so slow that it cannot object yet."""
    lab.faults.freeze()
    try:
        yield
    finally:
        lab.faults.thaw()


def ended(client: Blocking) -> None:
    """Wait until the end is there to be seen, and leave it there."""
    client.made._socket.settimeout(10)
    client.made._socket.recv(1, socket.MSG_PEEK)
    client.made._socket.settimeout(0)


@pytest.mark.parametrize("protocol", ["tcp", "tcps"])
def test_a_bad_row_in_the_last_batch_is_told_at_the_end(questdb_lab, start, protocol):
    client = start(protocol, **at(questdb_lab, protocol))
    client.deliver("t x=1i")
    client.line.pace = LATE
    with unread(questdb_lab):
        client.deliver("t x=bad")
    with pytest.raises(IngestError, match="those behind it are not stored either"):
        client.leave()
    client.leave()


def test_a_restart_between_batches_is_told_and_costs_no_row_of_the_next(
    questdb_lab, start
):
    client = start("tcp", **direct(questdb_lab))
    client.deliver("t x=1i")
    questdb_lab.restart()
    with pytest.raises(IngestError, match="It may have been stopped") as raised:
        client.deliver("t x=2i")
    assert "None of the 1 rows was sent" in str(raised.value)
    client.deliver("t x=2i")
    client.leave()
    questdb_lab.wait_rows("t", 2)


def test_opening_is_tried_again_while_there_is_time(questdb_lab, start):
    questdb_lab.faults.greet("reset", times=3)
    client = start("tcps", **at(questdb_lab, "tcps"))
    client.deliver("t x=1i")
    client.leave()
    questdb_lab.wait_rows("t", 1)


def test_nobody_listens(start):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    client = start("tcp", addr=f"127.0.0.1:{port}", auth_timeout=100)
    with pytest.raises(IngestError) as raised:
        client.deliver("t x=1i")
    text = str(raised.value)
    assert (
        f"tcp://127.0.0.1:{port}: there was no connection within auth_timeout" in text
    )
    assert "Connection refused" in text or "Connect call failed" in text
    assert "It is 9009 for TCP" in text


def test_a_server_that_reads_nothing_does_not_hold_anybody_up(questdb_lab, start):
    client = start("tcp", auth_timeout=300, **at(questdb_lab))
    client.deliver("t x=1i")
    questdb_lab.faults.freeze()
    with pytest.raises(IngestError, match="took nothing for auth_timeout=300 ms"):
        client.deliver(*["t x=1i" * 1000] * 5000)


@pytest.mark.parametrize("protocol", ["tcp", "tcps"])
def test_a_connection_that_is_cut_amid_rows(questdb_lab, start, protocol):
    questdb_lab.faults.cut_stream(100_000)
    client = start(protocol, settle=LATE, **at(questdb_lab, protocol))
    with pytest.raises(IngestError, match="closed the connection while") as raised:
        client.deliver(*["t x=1i"] * 200_000)
    assert "sending them again doubles those" in str(raised.value)


def test_a_cancelled_batch_ends_its_connection(questdb_lab):
    async def run() -> None:
        settings = settings_of("tcp", at(questdb_lab))
        (address,) = settings.addresses
        made = AsyncTcpConnection(address.host, address.port)
        line = Line.of(settings, None)
        await aio.run(deliver(batch("t x=1i"), line), perform=made.perform)
        questdb_lab.faults.freeze()
        large = batch(*["t x=1i"] * 4_000_000)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await aio.run(deliver(large, line), perform=made.perform)
        assert made._socket is None
        questdb_lab.faults.thaw()
        await aio.run(deliver(batch("u x=1i"), line), perform=made.perform)
        await aio.run(leave(line), perform=made.perform)

    asyncio.run(run())
    questdb_lab.wait_rows("u", 1)


# --- TLS where there is none, and none where there is ---------------------------------


def test_plain_rows_to_a_server_with_tls(questdb_lab, start):
    port = questdb_lab.tcps_port
    client = start("tcp", settle=LATE, addr=f"localhost:{port}")
    with pytest.raises((TlsError, IngestError)) as raised:
        client.deliver("t x=1i")
    assert "tcps" in str(raised.value)


def test_tls_to_a_server_without(questdb_lab, start):
    options = {**direct(questdb_lab), "tls_roots": questdb_lab.ca_file}
    client = start("tcps", auth_timeout=300, **options)
    with pytest.raises(TlsError, match="Does it speak plain ILP") as raised:
        client.deliver("t x=1i")
    assert raised.value.kind == "broken-off"
    assert "None of the 1 rows was sent" in raised.value.__notes__[0]


def test_the_port_for_http(questdb_lab, start):
    client = start("tcp", settle=LATE, addr=f"localhost:{questdb_lab.http_port}")
    with pytest.raises(IngestError, match="answered in HTTP") as raised:
        client.deliver(*["t x=1i 1000000000"] * 3)
    assert "for TCP is often 9009" in str(raised.value)

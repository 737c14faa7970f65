"""The sender for asyncio, on a real server."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest

from moorline.errors import ConfigError, IngestError, RowError, TlsError
from moorline.questdb import AsyncSender, TimestampNanos
from moorline.questdb.async_sender import PACE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from moorline.lab import QuestdbLab

TABLE = "trades"
AT = TimestampNanos(1_700_000_000_123_456_789)
SCHEMA = {"price": "f64", "ts": "at"}


def conf(lab: QuestdbLab, protocol: str = "https", **more: object) -> str:
    port = lab.https_port if protocol == "https" else lab.front.http_port
    options = {"addr": f"localhost:{port}", **more}
    if protocol == "https":
        options |= {"tls_ca": "pem_file", "tls_roots": lab.ca_file}
    return f"{protocol}::" + "".join(f"{k}={v};" for k, v in options.items())


def posts(lab: QuestdbLab) -> list[object]:
    return [one for one in lab.requests if one.method == "POST"]


async def add(sender: AsyncSender, number: float = 1.5) -> None:
    columns = {"price": number}
    await sender.row(TABLE, symbols={"side": "buy"}, columns=columns, at=AT)


@pytest.mark.parametrize("protocol", ["http", "https"])
async def test_rows_arrive(questdb_lab: QuestdbLab, protocol: str) -> None:
    async with AsyncSender.from_conf(conf(questdb_lab, protocol)) as sender:
        for number in range(100):
            await add(sender, float(number))
        schema = {"side": "symbol", "price": "f64", "ts": "at"}
        await sender.rows(TABLE, [("sell", 0.5, AT)], schema)
    await asyncio.to_thread(questdb_lab.wait_rows, TABLE, 101)


async def test_rows_are_built_step_by_step(questdb_lab: QuestdbLab) -> None:
    sender = AsyncSender.from_conf(conf(questdb_lab))
    with pytest.raises(ConfigError, match="not open"):
        sender.table(TABLE)
    async with sender:
        await sender.table(TABLE).symbol("side", "buy").column("price", 1.0).at(AT)
        await sender.table(TABLE).column("price", 2.0).at_now()
    await asyncio.to_thread(questdb_lab.wait_rows, TABLE, 2)


async def test_tasks_may_share_it_and_rows_are_sent_by_number(
    questdb_lab: QuestdbLab,
) -> None:
    async with AsyncSender.from_conf(conf(questdb_lab, auto_flush_rows=50)) as sender:
        await asyncio.gather(*(add(sender) for _ in range(400)))
        assert len(posts(questdb_lab)) >= 1
    await asyncio.to_thread(questdb_lab.wait_rows, TABLE, 400)


async def test_a_large_body_is_sent_whole(questdb_lab: QuestdbLab) -> None:
    async with AsyncSender.from_conf(conf(questdb_lab)) as sender:
        rows = [(f"{number}" * 20, 1.0, AT) for number in range(20_000)]
        await sender.rows(TABLE, rows, {"s": "str", "price": "f64", "ts": "at"})
    await asyncio.to_thread(questdb_lab.wait_rows, TABLE, 20_000)


async def test_rows_outlive_a_server_that_is_away(questdb_lab: QuestdbLab) -> None:
    sender = AsyncSender.from_conf(conf(questdb_lab, retry_timeout=0))
    await add(sender)
    questdb_lab.faults.refuse()
    with pytest.raises(IngestError, match="1 rows were not acknowledged"):
        await sender.flush()
    assert sender.buffer.row_count == 1
    questdb_lab.faults.admit()
    await sender.close()
    await asyncio.to_thread(questdb_lab.wait_rows, TABLE, 1)


@pytest.mark.parametrize("cut", ["before request", "in request", "after answer"])
async def test_a_connection_that_is_cut_is_replaced(
    questdb_lab: QuestdbLab, cut: str
) -> None:
    questdb_lab.sql(
        f"create table {TABLE} (side symbol, price double, timestamp timestamp_ns) "
        "timestamp(timestamp) partition by day wal dedup upsert keys(timestamp)"
    )
    async with AsyncSender.from_conf(conf(questdb_lab)) as sender:
        await add(sender)
        questdb_lab.faults.cut(cut)
        await sender.flush()
    await asyncio.to_thread(questdb_lab.wait_rows, TABLE, 1)


async def test_a_silent_server_ends_with_the_time(questdb_lab: QuestdbLab) -> None:
    options = {"request_timeout": 200, "retry_timeout": 0}
    sender = AsyncSender.from_conf(conf(questdb_lab, **options))
    await add(sender)
    questdb_lab.faults.silence()
    with pytest.raises(IngestError, match="doubles them"):
        await sender.flush()
    await sender.close()


async def test_a_server_that_is_not_trusted_hears_nothing(
    questdb_lab: QuestdbLab,
) -> None:
    port = questdb_lab.https_port
    text = f"https::addr=localhost:{port};username=admin;password=quest;"
    with pytest.raises(
        TlsError, match="whom tls_ca=webpki_and_os_roots does not trust"
    ):
        await add(AsyncSender.from_conf(text))
    assert questdb_lab.requests == ()


async def test_an_error_within_the_block_is_not_hidden(
    questdb_lab: QuestdbLab,
) -> None:
    questdb_lab.faults.answer(400)
    sender = AsyncSender.from_conf(conf(questdb_lab))
    await add(sender)
    with pytest.raises(LookupError) as error:
        async with sender:
            raise LookupError("the program's own")
    assert "not delivered either" in error.value.__notes__[0]


async def test_the_loop_has_its_turns_while_many_rows_are_written(
    questdb_lab: QuestdbLab,
) -> None:
    rows = [(number, AT) for number in range(20_000)]
    async with AsyncSender.from_conf(conf(questdb_lab, auto_flush="off")) as sender:
        adding = asyncio.ensure_future(
            sender.rows(TABLE, rows, {"x": "i64", "ts": "at"})
        )
        turns = 0
        while not adding.done():
            await asyncio.sleep(0)
            turns += 1
        assert turns > 2
        assert sender.buffer.row_count == 20_000
        with pytest.raises(RowError, match="row 20000"):
            await sender.rows(TABLE, [*rows, (b"", AT)], {"x": "i64", "ts": "at"})
        assert sender.buffer.row_count == 20_000
        sender.buffer.clear()


@pytest.mark.parametrize("way", ["row", "rows", "table"])
async def test_the_loop_has_its_turns_while_rows_are_added_one_by_one(
    questdb_lab: QuestdbLab, way: str
) -> None:
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    options = {"auto_flush": "off", "protocol_version": 2}
    async with AsyncSender.from_conf(conf(questdb_lab, "http", **options)) as sender:
        other = asyncio.create_task(take_turns())
        for _ in range(20):
            for _ in range(PACE // 4):
                match way:
                    case "row":
                        await add(sender)
                    case "rows":
                        await sender.rows(TABLE, [(1.5, AT)] * 4, SCHEMA)
                    case "table":
                        await sender.table(TABLE).column("price", 1.5).at(AT)
        assert turns >= (20 if way == "rows" else 5)
        other.cancel()
        sender.buffer.clear()


def test_a_sender_stays_in_its_loop(questdb_lab: QuestdbLab) -> None:
    sender = None

    async def begin() -> None:
        nonlocal sender
        options = {"auto_flush": "off", "protocol_version": 2}  # nobody is asked
        sender = AsyncSender.from_conf(conf(questdb_lab, **options))
        await add(sender)

    async def go_on(call: Callable[[AsyncSender], Awaitable[object]]) -> None:
        await call(sender)

    asyncio.run(begin())
    for call in (AsyncSender.flush, AsyncSender.close):
        with pytest.raises(ConfigError, match="another loop"):
            asyncio.run(go_on(call))
    assert sender.buffer.row_count == 1
    sender.buffer.clear()


@pytest.mark.parametrize("protocol", ["http", "https", "tcp", "tcps"])
def test_when_it_is_closed_nothing_is_open(
    questdb_lab: QuestdbLab, protocol: str
) -> None:
    ports = {"tcp": questdb_lab.front.ilp_port, "tcps": questdb_lab.tcps_port}
    options = {"addr": f"localhost:{ports[protocol]}"} if protocol in ports else {}
    if protocol == "tcps":
        options["tls_roots"] = questdb_lab.ca_file

    async def work() -> None:
        async with AsyncSender.from_conf(conf(questdb_lab, protocol, **options)) as one:
            await add(one)

    # The loop ends at once; what was open is an error when it is collected.
    loop = asyncio.new_event_loop()
    loop.run_until_complete(work())
    loop.close()
    gc.collect()

"""psycopg's own module, but for the login."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psycopg as plain
import psycopg_pool
import pytest

from moorline.dsql import psycopg
from moorline.errors import ConfigError

if TYPE_CHECKING:
    from moorline.lab import DsqlLab


def test_every_name_of_psycopgs_is_there() -> None:
    ours = {"connect", "Connection", "AsyncConnection"}
    for name in set(plain.__all__) - ours:
        assert getattr(psycopg, name) is getattr(plain, name)
    assert set(plain.__all__) <= set(psycopg.__all__)
    assert set(dir(plain)) <= set(dir(psycopg))
    assert psycopg.errors is plain.errors
    with pytest.raises(AttributeError):
        psycopg.no_such_name  # noqa: B018 - it is looked up


def test_connections_are_psycopgs() -> None:
    assert issubclass(psycopg.Connection, plain.Connection)
    assert issubclass(psycopg.AsyncConnection, plain.AsyncConnection)
    assert issubclass(psycopg.ConnectionPool, psycopg_pool.ConnectionPool)
    assert issubclass(psycopg.AsyncConnectionPool, psycopg_pool.AsyncConnectionPool)


class Own(psycopg.Connection):
    pass


class OwnAsync(psycopg.AsyncConnection):
    pass


def test_its_arguments_are_honoured(cluster: DsqlLab) -> None:
    with Own.connect(
        f"host={cluster.endpoint} port={cluster.port}",
        autocommit=True,
        prepare_threshold=None,
        row_factory=psycopg.rows.dict_row,
        cursor_factory=psycopg.ClientCursor,
    ) as conn:
        assert type(conn) is Own
        assert conn.autocommit
        assert conn.prepare_threshold is None
        assert isinstance(conn.cursor(), psycopg.ClientCursor)
        assert conn.execute("select 1 as one").fetchone() == {"one": 1}


async def test_so_are_those_of_its_async_connections(cluster: DsqlLab) -> None:
    async with await OwnAsync.connect(
        f"host={cluster.endpoint} port={cluster.port}",
        autocommit=True,
        row_factory=psycopg.rows.dict_row,
    ) as conn:
        assert type(conn) is OwnAsync
        assert conn.autocommit
        cursor = await conn.execute("select 1 as one")
        assert await cursor.fetchone() == {"one": 1}


def test_a_connection_is_idle(cluster: DsqlLab) -> None:
    with psycopg.connect(host=cluster.endpoint, port=cluster.port) as conn:
        assert conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_options_of_the_server_are_passed_on(cluster: DsqlLab) -> None:
    with psycopg.connect(
        host=cluster.endpoint, port=cluster.port, options="-c timezone=Asia/Tokyo"
    ) as conn:
        assert conn.execute("show timezone").fetchone() == ("Asia/Tokyo",)


@pytest.mark.parametrize("name", ["application_name", "orm_prefix"])
def test_the_server_shows_a_name(cluster: DsqlLab, name: str) -> None:
    psycopg.connect(host=cluster.endpoint, port=cluster.port, **{name: "shop"}).close()

    (seen,) = cluster.logins
    assert seen.application_name.startswith("shop:moorline-dsql/")


def test_an_error_of_a_statement_is_psycopgs(cluster: DsqlLab) -> None:
    with (
        psycopg.connect(host=cluster.endpoint, port=cluster.port) as conn,
        pytest.raises(psycopg.errors.UndefinedTable),
    ):
        conn.execute("select * from nothing")


async def test_a_connect_may_be_cancelled(cluster: DsqlLab) -> None:
    cluster.faults.freeze()
    connect = psycopg.AsyncConnection.connect(host=cluster.endpoint, port=cluster.port)
    task = asyncio.create_task(connect)
    while not cluster.plain_bytes:  # noqa: ASYNC110 - another thread's news
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    cluster.faults.thaw()
    await asyncio.to_thread(cluster.wait_connections, 0)


def test_neither_a_token_nor_a_secret_is_in_an_error(
    cluster: DsqlLab, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.faults.fail_login("denied")
    with pytest.raises(psycopg.OperationalError) as raised:
        psycopg.connect(host=cluster.endpoint, port=cluster.port)
    shown = str(raised.getrepr(showlocals=True, style="long"))

    assert "access denied" in shown
    for text in (shown, caplog.text):
        assert "X-Amz-Signature" not in text
        assert cluster.secret_key not in text
        assert cluster.session_token not in text


def test_a_conninfo_of_the_sort_of_other_drivers(cluster: DsqlLab) -> None:
    with pytest.raises(ConfigError, match=r"mysql:// is not known"):
        psycopg.connect(f"mysql://admin@{cluster.endpoint}/postgres")

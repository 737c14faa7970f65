"""asyncpg's own module, but for the login."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg as plain
import pytest

from moorline.core.backoff import Backoff
from moorline.dsql import asyncpg, login
from moorline.errors import ConfigError

if TYPE_CHECKING:
    from moorline.lab import DsqlLab


def place(lab: DsqlLab) -> dict[str, Any]:
    return {"host": lab.endpoint, "port": lab.port}


def test_every_name_of_asyncpgs_is_there() -> None:
    for name in set(plain.__all__) - {"connect", "create_pool", "Connection"}:
        assert getattr(asyncpg, name) is getattr(plain, name)
    assert set(dir(plain)) <= set(dir(asyncpg))
    assert issubclass(asyncpg.Connection, plain.Connection)
    with pytest.raises(AttributeError):
        asyncpg.no_such_name  # noqa: B018 - it is looked up


class Own(asyncpg.Connection):
    pass


class OwnRecord(plain.Record):
    def __getattr__(self, name: str) -> Any:
        return self[name]


async def test_its_arguments_are_honoured(cluster: DsqlLab) -> None:
    conn = await asyncpg.connect(
        **place(cluster),
        user="app",
        database="postgres",
        connection_class=Own,
        record_class=OwnRecord,
        statement_cache_size=0,
        command_timeout=5,
    )

    assert type(conn) is Own
    assert (await conn.fetchrow("select 1 as one")).one == 1
    await conn.close()
    assert cluster.logins[0].user == "app"


async def test_a_connection_class_of_asyncpgs_will_do(cluster: DsqlLab) -> None:
    """It has no age, so pools do not take it."""
    conn = await asyncpg.connect(**place(cluster), connection_class=plain.Connection)

    assert type(conn) is plain.Connection
    await conn.close()


@pytest.mark.parametrize("given", [None, "", "shop"])
async def test_server_settings_hold_a_name_and_others(
    cluster: DsqlLab, given: str | None
) -> None:
    settings = {"timezone": "Asia/Tokyo"}
    if given is not None:
        settings["application_name"] = given
    before = dict(settings)

    conn = await asyncpg.connect(**place(cluster), server_settings=settings)

    assert await conn.fetchval("show timezone") == "Asia/Tokyo"
    await conn.close()
    (seen,) = cluster.logins
    assert seen.application_name.startswith(
        f"{given}:moorline" if given else "moorline"
    )
    assert settings == before


async def test_a_name_and_a_prefix_contradict_each_other(cluster: DsqlLab) -> None:
    with pytest.raises(ConfigError, match="orm_prefix and application_name are the"):
        await asyncpg.connect(
            **place(cluster),
            server_settings={"application_name": "a"},
            orm_prefix="b",
        )


@pytest.mark.parametrize("given", [None, 0, 5])
async def test_time_limits(cluster: DsqlLab, given: float | None) -> None:
    conn = await asyncpg.connect(**place(cluster), timeout=given)
    await conn.close()

    assert cluster.accepted == 1


async def test_a_dsn_may_hold_parameters_of_libpqs(cluster: DsqlLab) -> None:
    """They are a TypeError in asyncpg."""
    conn = await asyncpg.connect(
        f"postgresql://app@{cluster.endpoint}:{cluster.port}/postgres"
        "?connect_timeout=5&sslnegotiation=postgres&options=-c%20timezone%3DAsia/Tokyo"
        f"&sslrootcert={cluster.ca_file}&tokenDurationSecs=60"
    )

    assert await conn.fetchval("show timezone") == "Asia/Tokyo"
    await conn.close()
    (seen,) = cluster.logins
    assert (seen.expires, seen.direct_tls) == (60, False)


async def test_a_misspelt_argument_is_named(cluster: DsqlLab) -> None:
    with pytest.raises(ConfigError, match="unknown option statement_cache_sise"):
        await asyncpg.connect(**place(cluster), statement_cache_sise=0)


async def test_a_password_is_refused(cluster: DsqlLab, secret: str) -> None:
    with pytest.raises(ConfigError, match="password: leave it out") as raised:
        await asyncpg.connect(**place(cluster), password=secret)

    assert secret not in str(raised.value)
    assert isinstance(raised.value, asyncpg.InterfaceError)


async def test_a_connect_that_waits_may_be_cancelled(
    cluster: DsqlLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "BUSY_BACKOFF", Backoff(base=60, cap=60))
    cluster.faults.fail_login("waking up")
    task = asyncio.create_task(asyncpg.connect(**place(cluster), timeout=None))
    await asyncio.to_thread(cluster.wait_logins, 1)
    await asyncio.to_thread(cluster.wait_connections, 0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(cluster.logins) == 1


async def test_neither_a_token_nor_a_secret_is_in_an_error(
    cluster: DsqlLab, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.faults.fail_login("denied")
    with pytest.raises(asyncpg.PostgresError) as raised:
        await asyncpg.connect(**place(cluster))
    shown = "".join([str(raised.value), repr(raised.value), *raised.value.__notes__])

    assert "access denied" in shown
    for text in (shown, caplog.text):
        assert "X-Amz-Signature" not in text
        assert cluster.secret_key not in text
        assert cluster.session_token not in text


async def test_one_that_resets_says_nothing_that_dsql_lacks(cluster: DsqlLab) -> None:
    conn = await asyncpg.connect(**place(cluster))

    assert conn.get_reset_query() == "RESET ALL"
    await conn.execute("set timezone = 'Asia/Tokyo'")
    await conn.reset()
    assert await conn.fetchval("show timezone") != "Asia/Tokyo"
    await conn.close()

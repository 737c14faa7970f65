"""Tokens for drivers and pools of the user's own."""

from __future__ import annotations

import ssl
import threading
from functools import partial
from typing import TYPE_CHECKING

import asyncpg
import psycopg
import psycopg_pool
import pytest

from moorline import dsql
from moorline.dsql import psycopg as dsql_psycopg
from moorline.dsql import registry
from moorline.errors import ConfigError, TokenError

if TYPE_CHECKING:
    from moorline.lab import DsqlLab

ID = "abc0123456789defghijklmnop"
HOST = f"{ID}.dsql.eu-west-1.on.aws"


def provider() -> tuple[str, str]:
    return "key", "secret"


def test_true_is_no_duration_even_after_one(cluster):
    dsql.generate_token(cluster.endpoint, token_duration_secs=1)
    with pytest.raises(ConfigError, match="write whole seconds"):
        dsql.generate_token(cluster.endpoint, token_duration_secs=True)


def test_a_token_says_what_it_is_for() -> None:
    token = dsql.generate_token(HOST, credentials_provider=provider)

    assert token.startswith(f"{HOST}/?Action=DbConnectAdmin&")
    assert "X-Amz-Expires=900" in token


@pytest.mark.parametrize("user", ["app", "Admin", "admin "])
def test_only_admin_is_admin(user: str) -> None:
    token = dsql.generate_token(HOST, user=user, credentials_provider=provider)

    assert "Action=DbConnect&" in token


async def test_options_are_those_of_connect() -> None:
    make = partial(
        dsql.generate_token_async,
        ID,
        region="eu-west-1",
        token_duration_secs=60,
        credentials_provider=provider,
    )

    assert (await make()).startswith(f"{HOST}/?")
    assert "X-Amz-Expires=60" in await make()


def test_it_is_kept_and_shared_with_connect() -> None:
    calls: list[str] = []

    def counting() -> tuple[str, str]:
        calls.append(threading.current_thread().name)
        return "key", "secret"

    tokens = {
        dsql.generate_token(HOST, credentials_provider=counting) for _ in range(50)
    }

    assert (len(tokens), len(calls)) == (1, 1)
    plan = dsql_psycopg.KIND  # the same source, by whatever way
    from moorline.dsql.resolve import resolve  # noqa: PLC0415 - for this test

    resolve(HOST, {"credentials_provider": counting}, plan)
    assert len(registry._sources) == 1


def test_another_environment_is_another_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAONE")
    assert "AKIAONE" in dsql.generate_token(HOST)

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATWO")

    assert "AKIATWO" in dsql.generate_token(HOST)


def test_a_provider_that_is_gone_is_not_taken_for_a_new_one() -> None:
    for number in range(100):
        made = partial(lambda key: (key, "secret"), f"AKIA{number}")
        assert f"AKIA{number}%2F" in dsql.generate_token(
            HOST, credentials_provider=made
        )


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"host": "localhost"}, "is neither an endpoint"),
        ({"host": ID}, "tells no region"),
        ({"host": HOST, "region": "us-east-1"}, "contradicts the host"),
        ({"host": HOST, "token_duration_secs": 0}, "write whole seconds"),
        ({"host": HOST, "token_duration_secs": True}, "write whole seconds"),
        (
            {"host": HOST, "profile": "x", "credentials_provider": provider},
            "give profile or credentials_provider",
        ),
    ],
)
async def test_what_is_wrong_is_said(options: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        dsql.generate_token(**options)
    with pytest.raises(ConfigError, match=match):
        await dsql.generate_token_async(**options)


async def test_without_credentials_there_is_no_token() -> None:
    with pytest.raises(TokenError, match="there are no AWS credentials"):
        dsql.generate_token(HOST)
    with pytest.raises(TokenError, match="there are no AWS credentials"):
        await dsql.generate_token_async(HOST)


async def test_it_is_signed_off_the_loop() -> None:
    threads: list[threading.Thread] = []

    def noting() -> tuple[str, str]:
        threads.append(threading.current_thread())
        return "key", "secret"

    await dsql.generate_token_async(HOST, credentials_provider=noting)

    assert threads[0] is not threading.current_thread()


def test_a_pool_of_psycopgs_users(cluster: DsqlLab) -> None:
    def login() -> dict[str, object]:
        return {
            "host": cluster.endpoint,
            "port": cluster.port,
            "user": "app",
            "dbname": "postgres",
            "sslmode": "verify-full",
            "sslrootcert": cluster.ca_file,
            "password": dsql.generate_token(cluster.endpoint, user="app"),
        }

    with psycopg_pool.ConnectionPool(kwargs=login, min_size=3, open=True) as pool:
        pool.wait()
        with pool.connection() as conn:
            assert conn.execute("select current_user").fetchone() == ("app",)

    assert cluster.accepted == 3
    assert len({seen.token for seen in cluster.logins}) == 1


async def test_connections_and_pools_of_asyncpgs_users(cluster: DsqlLab) -> None:
    place = {
        "host": cluster.endpoint,
        "port": cluster.port,
        "database": "postgres",
        "ssl": ssl.create_default_context(cafile=cluster.ca_file),
    }
    make = partial(dsql.generate_token_async, cluster.endpoint, user="app")

    conn = await asyncpg.connect(**place, user="app", password=make)
    await conn.close()
    async with asyncpg.create_pool(
        **place, user="app", password=make, min_size=3, max_size=3
    ):
        pass

    assert cluster.accepted == 4
    assert len({seen.token for seen in cluster.logins}) == 1


def test_a_connection_of_psycopgs_users(cluster: DsqlLab) -> None:
    token = dsql.generate_token(cluster.endpoint)

    with psycopg.connect(
        host=cluster.endpoint,
        port=cluster.port,
        user="admin",
        dbname="postgres",
        password=token,
        sslmode="verify-full",
        sslrootcert=cluster.ca_file,
    ) as conn:
        assert conn.execute("select 1").fetchone() == (1,)

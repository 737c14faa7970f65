from __future__ import annotations

import ssl

import asyncpg
import psycopg
import psycopg_pool
import pytest

from tests.lab.dsql_client import (
    BOTH,
    DENIED,
    SSL_REQUEST,
    attempt,
    by_asyncpg,
    by_psycopg,
    same,
    token_for,
)

GSS_REQUEST = bytes.fromhex("0000000804d21630")


# --- those who are let in -----------------------------------------------------------


@BOTH
@pytest.mark.parametrize("user", ["admin", "app"])
async def test_a_good_token_lets_in(dsql_lab, connect, user):
    assert await attempt(connect, dsql_lab, user) == ""
    (login,) = dsql_lab.logins
    action = {"admin": "DbConnectAdmin", "app": "DbConnect"}[user]
    assert (login.user, login.action, login.database) == (user, action, "postgres")
    assert (login.sni, login.token_host) == (dsql_lab.endpoint,) * 2
    assert (login.tls, login.direct_tls) == (True, False)
    assert (login.verified, login.accepted, login.reason) == (True, True, "")
    assert (login.access_key, login.expires) == (dsql_lab.access_key, 900)
    assert (dsql_lab.accepted, dsql_lab.refused) == (1, 0)
    assert dsql_lab.plain_bytes == (SSL_REQUEST,)


@BOTH
async def test_tls_from_the_first_byte(dsql_lab, connect):
    direct = {"sslnegotiation": "direct"} if connect is by_psycopg else {}
    direct = direct or {"direct_tls": True}
    assert await attempt(connect, dsql_lab, **direct) == ""
    (login,) = dsql_lab.logins
    assert (login.tls, login.direct_tls, login.accepted) == (True, True, True)
    assert login.sni == dsql_lab.endpoint
    assert dsql_lab.plain_bytes == (b"",)


async def test_what_drivers_say_of_themselves(dsql_lab):
    by_psycopg(dsql_lab, application_name="one").close()
    await (
        await by_asyncpg(dsql_lab, server_settings={"application_name": "two"})
    ).close()
    one, two = dsql_lab.logins
    assert (one.application_name, dict(one.parameters)) == ("one", {})
    assert two.application_name == "two"
    assert dict(two.parameters) == {"client_encoding": "'utf-8'"}


def test_a_pool_comes_in_too(dsql_lab):
    def given():
        return {"password": token_for(dsql_lab)}

    conninfo = psycopg.conninfo.make_conninfo(
        host=dsql_lab.endpoint,
        hostaddr=dsql_lab.host,
        port=dsql_lab.port,
        user="admin",
        dbname="postgres",
        sslmode="verify-full",
        sslrootcert=dsql_lab.ca_file,
    )
    check = psycopg_pool.ConnectionPool.check_connection
    with psycopg_pool.ConnectionPool(
        conninfo, kwargs=given, min_size=3, check=check
    ) as pool:
        pool.wait()
        assert dsql_lab.connections == 3
        with pool.connection() as conn:
            assert conn.execute("select 1").fetchone() == (1,)
    dsql_lab.wait_connections(0)
    assert dsql_lab.accepted == 3
    assert {dict(login.parameters) == {} for login in dsql_lab.logins} == {True}


async def test_a_pool_of_asyncpg_comes_in_too(dsql_lab):
    with dsql_lab.names():
        async with asyncpg.create_pool(
            host=dsql_lab.endpoint,
            port=dsql_lab.port,
            user="app",
            database="postgres",
            password=lambda: token_for(dsql_lab, "app"),
            ssl=ssl.create_default_context(cafile=dsql_lab.ca_file),
            min_size=2,
            max_size=2,
        ) as pool:
            # With a type to look up, and a RESET ALL at the end.
            assert await pool.fetchval("select '{1}'::int[]") == [1]
            assert await pool.fetchval("select 1::information_schema.cardinal_number")
    assert [login.accepted for login in dsql_lab.logins] == [True, True]


# --- those who are not --------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("changes", "reason", "hint"),
    [
        ({"secret_key": "guessed"}, "signature", ""),
        ({"access_key": "AKIAGUESSED"}, "access key", ""),
        ({"session_token": "guessed"}, "session token", ""),
        ({"session_token": None}, "session token", ""),
        ({"region": "eu-west-1"}, "region", ""),
        ({"host": "x" * 26 + ".dsql.us-east-1.on.aws"}, "host", ""),
        (
            {"action": "DbConnect"},
            "action",
            " HINT: Wrong user to action mapping. user: admin, action: DbConnect",
        ),
        (
            {"expires": 604801},
            "duration",
            " HINT: X-Amz-Expires must be less than a week (in seconds)",
        ),
    ],
)
async def test_a_token_that_is_wrong_is_refused(
    dsql_lab, connect, changes, reason, hint
):
    said = await attempt(connect, dsql_lab, token=token_for(dsql_lab, **changes))
    assert same(said, "28000", DENIED + hint)
    (login,) = dsql_lab.logins
    assert (login.reason, f" HINT: {login.hint}" if hint else "") == (reason, hint)
    assert (login.verified, login.accepted) == (False, False)
    assert (dsql_lab.accepted, dsql_lab.refused) == (0, 1)


@BOTH
async def test_a_password_is_no_token(dsql_lab, connect, secret):
    assert same(await attempt(connect, dsql_lab, token=secret), "28000", DENIED)
    (login,) = dsql_lab.logins
    assert (login.reason, login.token, login.expires) == ("malformed", "", None)
    assert secret not in repr(login)


@BOTH
async def test_a_user_needs_credentials_that_are_for_him(dsql_lab, connect):
    only = dsql_lab.add_credentials(users=["app"], session_token=False)
    keys = {
        "access_key": only.access_key,
        "secret_key": only.secret_key,
        "session_token": None,
    }
    for user, ok in [("app", True), ("admin", False), ("nobody", False)]:
        said = await attempt(
            connect, dsql_lab, user, token=token_for(dsql_lab, user, **keys)
        )
        assert same(said, "28000", DENIED) is not ok
    reasons = [login.reason for login in dsql_lab.logins]
    assert reasons == ["", "user", "user"]


@BOTH
async def test_a_token_expires_by_the_clock_of_the_cluster(dsql_lab, connect):
    token = token_for(dsql_lab, expires=60)
    assert await attempt(connect, dsql_lab, token=token) == ""
    dsql_lab.faults.clock_skew = 61
    said = await attempt(connect, dsql_lab, token=token)
    assert f"{DENIED} HINT: Signature expired: " in said
    dsql_lab.faults.clock_skew = -3600
    said = await attempt(connect, dsql_lab, token=token)
    assert f"{DENIED} HINT: Signature not yet current: " in said
    reasons = [login.reason for login in dsql_lab.logins]
    assert reasons == ["", "expired", "not yet valid"]


@BOTH
async def test_a_token_dies_with_its_credentials(dsql_lab, connect):
    short = dsql_lab.add_credentials(lifetime=60)
    token = token_for(
        dsql_lab,
        access_key=short.access_key,
        secret_key=short.secret_key,
        session_token=short.session_token,
    )
    assert await attempt(connect, dsql_lab, token=token) == ""
    dsql_lab.faults.clock_skew = 61
    assert same(await attempt(connect, dsql_lab, token=token), "28000", DENIED)
    assert dsql_lab.logins[1].reason == "credentials expired"


async def test_tls_is_mandatory(dsql_lab):
    said = await attempt(by_psycopg, dsql_lab, sslmode="disable")
    assert same(said, "08P01", "unable to accept connection, SSL is mandatory")
    with pytest.raises(asyncpg.ProtocolViolationError, match="SSL is mandatory"):
        await by_asyncpg(dsql_lab, ssl=False)
    assert [login.reason for login in dsql_lab.logins] == ["no TLS"] * 2
    for sent in dsql_lab.plain_bytes:
        assert b"user\0admin\0" in sent
        assert b"X-Amz" not in sent


def test_sni_is_mandatory(dsql_lab):
    for params in ({"sslsni": 0}, {"host": dsql_lab.host}):
        with pytest.raises(psycopg.OperationalError, match="sni was not received"):
            by_psycopg(dsql_lab, sslmode="verify-ca", **params)
    assert [login.sni for login in dsql_lab.logins] == [None, None]
    assert {login.reason for login in dsql_lab.logins} == {"sni"}


@BOTH
async def test_another_cluster_is_not_served(dsql_lab, connect):
    other = "x" * 26 + ".dsql.us-east-1.on.aws"
    token = token_for(dsql_lab, host=other)
    if connect is by_psycopg:
        said = await attempt(connect, dsql_lab, host=other, token=token)
    else:
        with dsql_lab.names(other):
            said = await attempt(connect, dsql_lab, host=other, token=token)
    assert same(said, "28000", DENIED)
    assert (dsql_lab.logins[0].sni, dsql_lab.logins[0].reason) == (other, "sni")


@BOTH
async def test_there_is_one_database(dsql_lab, connect):
    name = "dbname" if connect is by_psycopg else "database"
    said = await attempt(connect, dsql_lab, **{name: "yugabyte"})
    assert same(said, "3D000", 'database "yugabyte" does not exist')
    assert dsql_lab.logins[0].reason == "database"


@BOTH
async def test_parameters_that_dsql_lacks_are_refused_at_the_start(dsql_lab, connect):
    given = {"options": "-c search_path=x -c statement_timeout=5"}
    params = given if connect is by_psycopg else {"server_settings": given}
    said = await attempt(connect, dsql_lab, **params)
    text = 'setting configuration parameter "statement_timeout" not supported'
    assert same(said, "0A000", text)
    assert dsql_lab.logins[0].reason == "parameter"
    assert dsql_lab.logins[0].verified


@BOTH
async def test_parameters_that_dsql_has_reach_the_server(dsql_lab, connect):
    given = {"options": r"-c search_path=a,\ b", "timezone": "Asia/Tokyo"}
    if connect is by_psycopg:
        del given["timezone"]  # libpq sends it for the variable PGTZ only
        with connect(dsql_lab, **given) as conn:
            assert conn.execute("show search_path").fetchone() == ("a, b",)
    else:
        conn = await connect(dsql_lab, server_settings=given)
        assert await conn.fetchval("show search_path") == "a, b"
        assert await conn.fetchval("show timezone") == "Asia/Tokyo"
        await conn.close()


# --- PrivateLink --------------------------------------------------------------------


@BOTH
async def test_a_private_name_is_signed_for(dsql_lab, connect):
    name = dsql_lab.private_endpoint
    assert name == f"{dsql_lab.cluster_id}.dsql-fnh4.us-east-1.on.aws"
    token = token_for(dsql_lab, host=name)
    assert await attempt(connect, dsql_lab, host=name, token=token) == ""
    said = await attempt(connect, dsql_lab, host=name)
    assert same(said, "28000", DENIED)
    assert [login.sni for login in dsql_lab.logins] == [name] * 2
    assert dsql_lab.logins[1].reason == "host"


@BOTH
async def test_without_private_dns_an_option_names_the_cluster(dsql_lab, connect):
    name = dsql_lab.vpc_endpoint
    assert name.endswith(".dsql-fnh4.us-east-1.vpce.amazonaws.com")
    context = ssl.create_default_context(cafile=dsql_lab.ca_file)
    context.check_hostname = False

    async def with_options(options):
        if connect is by_psycopg:
            tls = {"sslmode": "verify-ca", "options": options}
        else:
            tls = {"ssl": context, "server_settings": {"options": options}}
        return await attempt(connect, dsql_lab, host=name, **tls)

    # An address says as little as that name, and has no SNI at all.
    by_psycopg(
        dsql_lab,
        host=dsql_lab.host,
        sslmode="verify-ca",
        options=f"-c amzn-cluster-id={dsql_lab.cluster_id}",
    ).close()
    dsql_lab.reset()
    ours, other = dsql_lab.cluster_id, "x" * 26
    assert await with_options(f"-c amzn-cluster-id={ours}") == ""
    assert same(await with_options(f"-c amzn-cluster-id={other}"), "28000", DENIED)
    assert same(await with_options(""), "28000", DENIED)
    reasons = [login.reason for login in dsql_lab.logins]
    assert reasons == ["", "cluster id", "sni"]

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading

import asyncpg
import psycopg
import pytest

from moorline.lab import LabError
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


# --- certificates -------------------------------------------------------------------


def fails_to_verify(lab, **params):
    with pytest.raises(psycopg.OperationalError) as caught:
        by_psycopg(lab, **params)
    with pytest.raises(ssl.SSLCertVerificationError):
        asyncio.run(by_asyncpg(lab, **_for_asyncpg(params)))
    # Neither comes as far as a login, still less a token.
    assert lab.logins == ()
    return str(caught.value)


def _for_asyncpg(params):
    if root := params.get("sslrootcert"):
        return {"ssl": ssl.create_default_context(cafile=root)}
    return params


def test_an_authority_that_did_not_sign(dsql_lab):
    said = fails_to_verify(dsql_lab, sslrootcert=dsql_lab.other_ca_file)
    assert "certificate verify failed" in said


def test_a_certificate_for_another_name(make_dsql_lab):
    lab = make_dsql_lab(certificate_names=["*.dsql.eu-west-1.on.aws"])
    assert "does not match host name" in fails_to_verify(lab)


def test_a_certificate_of_long_ago(make_dsql_lab):
    said = fails_to_verify(make_dsql_lab(expired_certificate=True))
    assert "certificate verify failed" in said


# --- faults -------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("kind", "code", "text"),
    [
        (
            "waking up",
            "57P03",
            "unable to accept connection, waking up cluster, please retry later",
        ),
        ("rate", "53400", "Unable to accept connection, rate exceeded."),
        (
            "too many",
            "53300",
            "Unable to accept connection, too many open connections.",
        ),
        ("denied", "28000", DENIED),
    ],
)
async def test_a_login_fails_when_told_to(dsql_lab, connect, kind, code, text):
    dsql_lab.faults.fail_login(kind, times=2)
    said = [await attempt(connect, dsql_lab) for _ in range(3)]
    assert [same(one, code, text) for one in said] == [True, True, False]
    reasons = [(login.verified, login.reason) for login in dsql_lab.logins]
    assert reasons == [(True, kind), (True, kind), (True, "")]


@BOTH
async def test_a_login_is_told_that_it_is_late(dsql_lab, connect):
    dsql_lab.faults.fail_login("expired")
    said = await attempt(connect, dsql_lab)
    assert f"{DENIED} HINT: Signature expired: " in said
    assert dsql_lab.logins[0].reason == "expired"


@BOTH
async def test_a_bad_token_uses_up_no_fault(dsql_lab, connect):
    dsql_lab.faults.fail_login("rate")
    assert DENIED in await attempt(connect, dsql_lab, token="bad")
    assert "rate" in await attempt(connect, dsql_lab)


async def test_logins_may_come_too_fast(dsql_lab):
    dsql_lab.faults.limit_rate(0.001, 2)
    said = [await attempt(by_psycopg, dsql_lab) for _ in range(3)]
    assert [("rate exceeded" in one) for one in said] == [False, False, True]
    assert dsql_lab.logins[2].reason == "rate"


@BOTH
async def test_an_impostor_gets_the_token_of_the_careless(dsql_lab, connect):
    dsql_lab.faults.refuse_tls()
    token = token_for(dsql_lab)
    careful = {} if connect is by_psycopg else {"ssl": "require"}
    with pytest.raises((psycopg.OperationalError, ConnectionError)):
        await _connect(connect, dsql_lab, token, **careful)
    assert dsql_lab.plain_bytes == (SSL_REQUEST,)
    careless = {"sslmode": "prefer"} if connect is by_psycopg else {"ssl": "prefer"}
    with pytest.raises((psycopg.OperationalError, asyncpg.PostgresError)):
        await _connect(connect, dsql_lab, token, **careless)
    assert token.encode() in dsql_lab.plain_bytes[1]
    assert {login.reason for login in dsql_lab.logins} == {"no TLS"}


async def _connect(connect, lab, token, **params):
    if connect is by_psycopg:
        connect(lab, token=token, **params)
    else:
        await connect(lab, token=token, **params)


async def test_an_impostor_hangs_up_on_direct_tls(dsql_lab):
    dsql_lab.faults.refuse_tls(times=1)
    with pytest.raises(psycopg.OperationalError):
        by_psycopg(dsql_lab, sslnegotiation="direct")
    assert await attempt(by_psycopg, dsql_lab, sslnegotiation="direct") == ""


def test_unknown_faults_are_errors(dsql_lab):
    faults = dsql_lab.faults
    for arm, known in [
        (faults.fail_login, "waking up, rate, too many, expired, denied"),
        (faults.conflict_at_commit, "OC000, OC001"),
        (faults.conflict_at_statement, "OC000, OC001"),
        (faults.cut, "before commit, after commit"),
    ]:
        with pytest.raises(LabError, match=f"'fire' is no such fault.*{known}"):
            arm("fire")


# --- those who do not speak the protocol --------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack("!II", 4, 196608),
        struct.pack("!II", 1 << 30, 196608),
        struct.pack("!II", 9, 131072) + b"\0",
        b"\x16nonsense" * 10,
        SSL_REQUEST + b"\x16\x03\x01\0\x05hello",
        b"",
    ],
)
def test_nonsense_is_hung_up_on(dsql_lab, said):
    with socket.create_connection((dsql_lab.host, dsql_lab.port), timeout=5) as client:
        client.sendall(said)
        client.shutdown(socket.SHUT_WR)
        try:
            while client.recv(4096):
                pass
        except ConnectionResetError:
            pass
    assert dsql_lab.logins == ()


def startup(**parameters):
    words = [word for pair in parameters.items() for word in pair]
    body = "".join(f"{word}\0" for word in words).encode() + b"\0"
    return struct.pack("!II", len(body) + 8, 196608) + body


@pytest.fixture
def encrypted(dsql_lab):
    """A connection that has asked for GSS, then for TLS, and has it."""
    context = ssl.create_default_context(cafile=dsql_lab.ca_file)
    with socket.create_connection((dsql_lab.host, dsql_lab.port), timeout=5) as plain:
        plain.sendall(GSS_REQUEST)
        assert plain.recv(10) == b"N"
        plain.sendall(SSL_REQUEST)
        assert plain.recv(10) == b"S"
        with context.wrap_socket(plain, server_hostname=dsql_lab.endpoint) as client:
            yield client
    assert dsql_lab.plain_bytes == (GSS_REQUEST + SSL_REQUEST,)


def test_what_is_no_password_is_hung_up_on(dsql_lab, encrypted):
    encrypted.sendall(startup(user="admin"))
    assert encrypted.recv(100) == b"R\0\0\0\x08\0\0\0\x03"
    encrypted.sendall(b"Q\0\0\0\x05\0")
    assert encrypted.recv(100) == b""
    assert dsql_lab.logins == ()


def test_a_client_may_say_goodbye_at_any_time(dsql_lab, encrypted):
    encrypted.sendall(startup(user="admin"))
    assert encrypted.recv(100)
    assert encrypted.unwrap() is not None
    assert dsql_lab.logins == ()


def test_a_second_request_for_tls_is_nonsense(dsql_lab, encrypted):
    encrypted.sendall(SSL_REQUEST)
    assert encrypted.recv(100) == b""
    assert dsql_lab.logins == ()


def test_many_come_at_once(dsql_lab):
    conns, lock = [], threading.Lock()

    def come():
        conn = by_psycopg(dsql_lab, "app")
        with lock:
            conns.append(conn)

    threads = [threading.Thread(target=come) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dsql_lab.connections == 20
    dsql_lab.wait_logins(20)
    for conn in conns:
        conn.close()
    dsql_lab.wait_connections(0)
    with pytest.raises(AssertionError, match="0 sessions are open, not 1"):
        dsql_lab.wait_connections(1, timeout=0)
    with pytest.raises(AssertionError, match="20 logins, not 21"):
        dsql_lab.wait_logins(21, timeout=0)

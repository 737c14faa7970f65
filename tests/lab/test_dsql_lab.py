from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import re
import socket
import threading
import warnings
from pathlib import Path

import psycopg
import pytest

from moorline.lab import DsqlLab, LabError
from tests.lab.dsql_client import by_asyncpg, by_psycopg, token_for


def threads_and_files():
    gc.collect()  # what earlier tests left to the collector is none of ours
    return threading.active_count(), len(list(Path("/dev/fd").iterdir()))


def test_a_cluster_has_a_name_and_an_address(dsql_lab):
    assert re.fullmatch(r"[a-z0-9]{26}", dsql_lab.cluster_id)
    assert dsql_lab.endpoint == f"{dsql_lab.cluster_id}.dsql.us-east-1.on.aws"
    assert dsql_lab.host == "127.0.0.1"
    assert 0 < dsql_lab.port < 65536
    assert DsqlLab().cluster_id != DsqlLab().cluster_id


def test_a_cluster_may_be_chosen(make_dsql_lab):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lab = make_dsql_lab(
        region="eu-west-3",
        users=["admin", 'Öd "x"'],
        cluster_id="abcdefghijklmnopqrstuvwxyz",
        port=port,
    )
    assert lab.endpoint == "abcdefghijklmnopqrstuvwxyz.dsql.eu-west-3.on.aws"
    assert lab.port == port
    with by_psycopg(lab, 'Öd "x"') as conn:
        assert conn.execute("select current_user").fetchone() == ('Öd "x"',)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"cluster_id": "short"}, "26 characters"),
        ({"cluster_id": "A" * 26}, "26 characters"),
        ({"users": "admin"}, "must be names"),
        ({"users": ["app"]}, "admin among them"),
        ({"certificate_names": "a.example"}, "must be host names"),
        ({"certificate_names": []}, "at least one"),
    ],
)
def test_options_that_cannot_be_are_refused(options, text):
    with pytest.raises(LabError, match=text):
        DsqlLab(**options)


def test_a_port_that_is_taken_is_an_error(dsql_lab, yugabyte_templates):
    before = threads_and_files()
    with pytest.raises(OSError, match="in use"):
        DsqlLab(port=dsql_lab.port, templates=yugabyte_templates).open()
    assert threads_and_files() == before


def test_a_lab_that_is_not_open_says_so():
    lab = DsqlLab()
    lab.close()
    assert (lab.logins, lab.accepted, lab.plain_bytes) == ((), 0, ())
    for use in (
        lambda: lab.port,
        lambda: lab.ca_file,
        lambda: lab.faults,
        lab.reset,
        lab.environment,
        lambda: lab.sql("select 1"),
    ):
        with pytest.raises(LabError, match="not open"):
            use()


def test_nothing_is_left_behind(make_dsql_lab, yugabyte_templates, processes_of):
    make_dsql_lab().close()  # the template is made at the first use
    before = threads_and_files()
    lab = DsqlLab(templates=yugabyte_templates)
    conns = []
    for _ in range(2):  # it may be opened again
        with lab:
            directory = Path(lab.ca_file).parent
            assert processes_of(str(directory))
            conns.append(by_psycopg(lab))
            lab.credentials_endpoint(delay=3600)
            half = socket.create_connection((lab.host, lab.port))
            with pytest.raises(LabError, match="open already"):
                lab.open()
        assert not directory.exists()
        assert not processes_of(str(directory))
        with pytest.raises(psycopg.OperationalError):
            conns[-1].execute("select 1")
        half.close()
        lab.close()  # again is no error
    for conn in conns:
        conn.close()
    assert threads_and_files() == before


def test_the_server_is_reached_by_the_front_only(dsql_lab):
    ((listening,),) = dsql_lab.sql("show listen_addresses")
    assert listening == ""
    rights = "select rolsuper, rolcreaterole from pg_roles where rolname = "
    assert dsql_lab.sql(f"{rights} 'admin'") == [("f", "t")]
    assert dsql_lab.sql(f"{rights} 'app'") == [("f", "f")]
    with (
        by_psycopg(dsql_lab, "app") as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        conn.execute("create table public.mine ()")
    with by_psycopg(dsql_lab) as conn:
        conn.execute("create schema mine")
        conn.execute("drop schema mine")
        level = conn.execute("show transaction_isolation").fetchone()
        assert level == ("repeatable read",)


def test_sql_runs_past_the_front(dsql_lab):
    assert dsql_lab.sql("select 1, null") == [("1", None)]
    assert dsql_lab.sql("select current_database()") == [("postgres",)]
    with pytest.raises(LabError, match="22012: division by zero"):
        dsql_lab.sql("select 1/0")
    assert (dsql_lab.logins, dsql_lab.connections) == ((), 0)


def test_a_reset_begins_anew(dsql_lab):
    more = dsql_lab.add_credentials()
    faults = dsql_lab.faults
    faults.fail_login("rate", times=None)
    faults.conflict_at_commit(times=None)
    faults.clock_skew = 3600
    faults.limit_age(60)
    dsql_lab.sql("create table kept (); grant all on kept to admin")
    faults.reset()
    with by_psycopg(dsql_lab) as conn:
        conn.execute("begin")
        conn.execute("lock table kept")
        faults.freeze()
        dsql_lab.reset()
        with pytest.raises(psycopg.OperationalError):
            conn.execute("select 1")
    assert dsql_lab.connections == 0
    assert (dsql_lab.logins, dsql_lab.plain_bytes) == ((), ())
    assert dsql_lab.transactions.commits == 0
    dsql_lab.sql("drop table kept")  # and nobody holds it
    with pytest.raises(psycopg.OperationalError, match="access denied"):
        by_psycopg(
            dsql_lab, token=token_for(dsql_lab, access_key=more.access_key)
        ).close()
    by_psycopg(dsql_lab).close()


def test_names_lead_to_the_lab_while_they_are_asked_to(dsql_lab):
    def lookup(name):
        return socket.getaddrinfo(name, 5432, type=socket.SOCK_STREAM)[0][4]

    here = (dsql_lab.host, 5432)
    before = socket.getaddrinfo
    with dsql_lab.names("db.example", "Other.Example"):
        for name in (
            dsql_lab.endpoint,
            dsql_lab.endpoint.upper() + ".",
            dsql_lab.private_endpoint,
            dsql_lab.vpc_endpoint,
            "db.example",
            "other.example",
        ):
            assert lookup(name) == here
        assert lookup("127.0.0.2") == ("127.0.0.2", 5432)
        assert lookup(None)
    assert socket.getaddrinfo is before


def test_drivers_connect_by_the_name(dsql_lab):
    with dsql_lab.names():
        by_psycopg(dsql_lab, hostaddr=None).close()

        async def by_both():
            await (await by_asyncpg(dsql_lab)).close()
            conn = await psycopg.AsyncConnection.connect(
                host=dsql_lab.endpoint,
                port=dsql_lab.port,
                user="admin",
                dbname="postgres",
                password=token_for(dsql_lab),
                sslmode="verify-full",
                sslrootcert=dsql_lab.ca_file,
            )
            await conn.close()

        asyncio.run(by_both())
    assert [login.sni for login in dsql_lab.logins] == [dsql_lab.endpoint] * 3


def test_a_token_of_the_lab_lets_in(dsql_lab):
    other = dsql_lab.add_credentials(session_token=False)
    name = dsql_lab.private_endpoint
    by_psycopg(dsql_lab, token=dsql_lab.token()).close()
    by_psycopg(dsql_lab, "app", token=dsql_lab.token("app", credentials=other)).close()
    token = dsql_lab.token(host=name, expires=60)
    by_psycopg(dsql_lab, host=name, token=token).close()
    seen = [(login.access_key, login.expires) for login in dsql_lab.logins]
    ours = dsql_lab.access_key
    assert seen == [(ours, 900), (other.access_key, 900), (ours, 60)]


def test_the_environment_gives_credentials_and_nothing_else(dsql_lab):
    environment = dsql_lab.environment()
    assert environment["AWS_ACCESS_KEY_ID"] == dsql_lab.access_key
    assert environment["AWS_SECRET_ACCESS_KEY"] == dsql_lab.secret_key
    assert environment["AWS_SESSION_TOKEN"] == dsql_lab.session_token
    assert environment["AWS_REGION"] == "us-east-1"
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        assert Path(environment[name]).read_text() == ""
    other = dsql_lab.add_credentials(session_token=False)
    environment = dsql_lab.environment(other)
    assert environment["AWS_ACCESS_KEY_ID"] == other.access_key
    assert "AWS_SESSION_TOKEN" not in environment
    assert all(isinstance(value, str) for value in environment.values())


def test_a_token_is_never_kept(dsql_lab):
    token = token_for(dsql_lab)
    by_psycopg(dsql_lab, token=token).close()
    signature = token.rpartition("=")[2]
    seen = repr(dsql_lab.logins) + repr(dsql_lab.plain_bytes)
    assert signature not in seen
    assert dsql_lab.session_token not in seen
    other = by_psycopg(dsql_lab, token=token)
    other.close()
    by_psycopg(dsql_lab, token=token_for(dsql_lab, expires=901)).close()
    one, same, different = (login.token for login in dsql_lab.logins)
    assert one == same != different


def test_a_forked_child_connects_and_cannot_close(dsql_lab):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # there are threads: 3.12
        child = os.fork()
    if child == 0:
        good = False
        try:
            with pytest.raises(LabError, match="not open in this process"):
                dsql_lab.faults.kill()
            dsql_lab.close()
            good = True
        finally:
            os._exit(0 if good else 1)
    assert os.waitpid(child, 0) == (child, 0)
    by_psycopg(dsql_lab).close()


def test_it_may_be_used_by_many_threads_at_once(dsql_lab):
    def use():
        for _ in range(5):
            dsql_lab.faults.fail_login("rate")
            with contextlib.suppress(psycopg.OperationalError):
                by_psycopg(dsql_lab).close()
            dsql_lab.faults.kill()
            assert dsql_lab.sql("select 1") == [("1",)]

    users = [threading.Thread(target=use) for _ in range(4)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert dsql_lab.accepted + dsql_lab.refused == 20
    assert dsql_lab.refused >= 4

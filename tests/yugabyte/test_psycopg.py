"""The module that stands in for psycopg."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import psycopg as plain
import psycopg_pool
import pytest
from psycopg.rows import dict_row

from moorline.errors import ConfigError
from moorline.yugabyte import psycopg

if TYPE_CHECKING:
    from conftest import World
    from moorline.lab import YugabyteLab
    from moorline.lab.pytest_plugin import MakeLab

OURS = {"connect", "Connection", "AsyncConnection"}


def test_every_other_name_is_psycopgs_own() -> None:
    names = [name for name in dir(plain) if not name.startswith("_")]
    assert set(plain.__all__) <= set(names)
    for name in {*names, "__version__"} - OURS:
        assert getattr(psycopg, name) is getattr(plain, name), name
    assert set(psycopg.__all__) >= OURS
    assert set(dir(plain)) <= set(dir(psycopg))


def test_pep_249_names_are_there() -> None:
    assert (psycopg.apilevel, psycopg.threadsafety) == ("2.0", 2)
    assert psycopg.paramstyle == "pyformat"
    assert psycopg.connect == psycopg.Connection.connect


def test_a_name_that_psycopg_lacks_is_lacking_here_too() -> None:
    with pytest.raises(AttributeError):
        psycopg.no_such_name  # noqa: B018


@pytest.mark.parametrize("name", ["Connection", "AsyncConnection"])
def test_connect_has_psycopgs_signature(name: str) -> None:
    ours = inspect.signature(getattr(psycopg, name).connect)
    theirs = inspect.signature(getattr(plain, name).connect)
    assert [p.replace(annotation="") for p in ours.parameters.values()] == [
        p.replace(annotation="") for p in theirs.parameters.values()
    ]


def test_sync_and_async_differ_in_await_alone() -> None:
    sync = inspect.signature(psycopg.Connection.connect).parameters
    async_ = inspect.signature(psycopg.AsyncConnection.connect).parameters
    assert list(sync) == list(async_)


def run(conn: Any, query: str) -> list[Any]:
    """Run a query on a connection of either kind."""
    if isinstance(conn, plain.Connection):
        return conn.execute(query).fetchall()

    async def fetch() -> list[Any]:
        return await (await conn.execute(query)).fetchall()

    return asyncio.run(fetch())


@pytest.mark.parametrize("autocommit", [True, False])
def test_the_connection_is_psycopgs_idle_and_as_asked(
    lab: YugabyteLab, psycopg_world: World, *, autocommit: bool
) -> None:
    (conn,) = psycopg_world.open(
        1,
        lab.dsn(load_balance="true"),
        autocommit=autocommit,
        row_factory=dict_row,
        prepare_threshold=None,
        application_name="asked for",
    )

    assert isinstance(conn, plain.Connection | plain.AsyncConnection)
    assert conn.info.transaction_status == plain.pq.TransactionStatus.IDLE
    assert conn.autocommit is autocommit
    assert conn.prepare_threshold is None
    assert run(conn, "select current_setting('application_name') as name") == [
        {"name": "asked for"}
    ]


@pytest.mark.parametrize("switch", ["", "load_balance=false ", "load_balance=true "])
def test_what_is_not_moorlines_reaches_the_server_as_it_was(
    lab: YugabyteLab, psycopg_world: World, switch: str
) -> None:
    """Some drivers collapse the spaces of every conninfo, balancing or not."""
    node = lab.nodes[0]
    (conn,) = psycopg_world.open(
        1,
        f"{switch}host={node.host} port={node.port} user=yugabyte dbname=yugabyte "
        r"application_name='two  spaces, a \' and a \\'",
    )

    assert run(conn, "select current_setting('application_name')") == [
        (r"two  spaces, a ' and a \\"[:-1],)
    ]


def test_a_plain_connect_is_not_parsed_at_all(
    lab: YugabyteLab, psycopg_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, dict[str, Any]]] = []
    for cls in (plain.Connection, plain.AsyncConnection):
        original = cls._get_connection_params.__func__

        def spy(cls: Any, conninfo: str, _original: Any = original, **kw: Any) -> Any:
            seen.append((conninfo, kw))
            return _original(cls, conninfo, **kw)

        monkeypatch.setattr(cls, "_get_connection_params", classmethod(spy))
    dsn = lab.dsn()

    psycopg_world.open(1, dsn, application_name="x  y")

    assert seen == [(dsn, {"application_name": "x  y"})]


def test_a_subclass_of_the_connection_comes_back(lab: YugabyteLab) -> None:
    class Mine(psycopg.Connection[Any]):
        pass

    with Mine.connect(lab.dsn(load_balance="true")) as conn:
        assert type(conn) is Mine


def test_a_pool_of_psycopg_takes_the_connection_class(lab: YugabyteLab) -> None:
    with psycopg_pool.ConnectionPool(
        lab.dsn(load_balance="true"),
        connection_class=psycopg.Connection,
        min_size=6,
        open=True,
    ) as pool:
        pool.wait()
        assert lab.counts() == (2, 2, 2)


@pytest.mark.parametrize(
    ("conninfo", "arguments", "meant"),
    [
        ("load_blance=true", {}, "load_balance"),
        ("", {"load_balanced": True}, "load_balance"),
        ("postgresql://h?topology_key=a.b.c", {}, "topology_keys"),
        ("load_balance=true", {"topologykey": "a.b.c"}, "topology_keys"),
        ("load_balance=true hostadr=1.2.3.4", {}, "hostaddr"),
    ],
)
def test_a_misspelt_option_is_named_with_the_one_that_was_meant(
    psycopg_world: World, conninfo: str, arguments: dict[str, Any], meant: str
) -> None:
    with pytest.raises(ConfigError, match=f"did you mean {meant}") as caught:
        psycopg_world.open(1, conninfo, **arguments)
    assert isinstance(caught.value, plain.ProgrammingError)


def test_psycopgs_own_complaint_is_left_as_it_is(psycopg_world: World) -> None:
    with pytest.raises(plain.ProgrammingError) as caught:
        psycopg_world.open(1, "foo=bar")
    assert not isinstance(caught.value, ConfigError)


@pytest.mark.parametrize("switch", [True, False])
def test_a_password_may_be_a_function(
    make_yugabyte_lab: MakeLab, psycopg_world: World, secret: str, *, switch: bool
) -> None:
    """It is asked for at each connect, so a password that changes is followed."""
    lab = make_yugabyte_lab(password=secret)
    passwords = [secret]
    options = {"load_balance": switch, "password": lambda: passwords[-1]}
    psycopg_world.open(3, lab.dsn(password=""), **options)
    for node in range(3):
        lab.sql(node, "alter user yugabyte password 'another'")
    passwords.append("another")

    psycopg_world.open(3, lab.dsn(password=""), **options)

    assert lab.counts() == ((2, 2, 2) if switch else (6, 0, 0))

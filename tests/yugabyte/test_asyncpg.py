"""The module that stands in for asyncpg."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import asyncpg as plain
import pytest

from moorline import errors
from moorline.yugabyte import Cluster, asyncpg, psycopg
from moorline.yugabyte.asyncpg import ConnectOptions, PoolOptions
from moorline.yugabyte.options import TABLE

if TYPE_CHECKING:
    from moorline.lab import YugabyteLab

OURS = {"connect", "create_pool"}


def test_every_other_name_is_asyncpgs_own() -> None:
    names = {name for name in dir(plain) if not name.startswith("_")}
    for name in {*names, "__version__"} - OURS:
        assert getattr(asyncpg, name) is getattr(plain, name), name
    assert set(asyncpg.__all__) >= {*plain.__all__, *OURS}
    assert names <= set(dir(asyncpg))
    with pytest.raises(AttributeError):
        asyncpg.no_such_name  # noqa: B018


def test_every_argument_of_asyncpg_is_known_by_name() -> None:
    from inspect import signature  # noqa: PLC0415

    known = ConnectOptions.__annotations__.keys()
    theirs = signature(plain.connect).parameters.keys() - {"dsn"}
    assert known == theirs | set(TABLE.names)
    of_pools = signature(plain.create_pool).parameters.keys()
    ours = PoolOptions.__annotations__.keys()
    assert ours - known == of_pools - known - {"dsn", "connect", "connect_kwargs"}


async def test_the_connection_is_asyncpgs_idle_and_as_asked(lab: YugabyteLab) -> None:
    class Mine(plain.Connection):  # type: ignore[misc]
        pass

    conn = await asyncpg.connect(
        lab.dsn(),
        load_balance=True,
        connection_class=Mine,
        server_settings={"application_name": "mine"},
    )
    assert type(conn) is Mine
    assert not conn.is_in_transaction()
    assert await conn.fetchval("show application_name") == "mine"
    await conn.close()


async def test_without_the_switch_asyncpg_does_what_it_always_does(
    lab: YugabyteLab,
) -> None:
    conns = [await asyncpg.connect(lab.dsn()) for _ in range(2)]
    conns.append(await asyncpg.connect(lab.dsn(node=1), load_balance=False))
    assert lab.counts() == (2, 1, 0)
    for conn in conns:
        await conn.close()


async def test_settings_in_the_dsn_reach_the_server(lab: YugabyteLab) -> None:
    dsn = lab.dsn(load_balance="true", application_name="mine", work_mem="5MB")
    conn = await asyncpg.connect(dsn)
    assert await conn.fetchval("show application_name") == "mine"
    assert await conn.fetchval("show work_mem") == "5MB"
    await conn.close()


@pytest.mark.parametrize(
    ("dsn", "arguments", "text"),
    [
        ("postgresql://h?load_balance=maybe", {}, "write one of true, any"),
        ("postgresql://h?load_balance=true&topology_key=a", {}, "topology_keys?"),
        ("postgresql://h?load_balance=true", {"tiemout": 3}, "timeout?"),
        ("postgresql://h?load_balance=true", {"timeout": "x"}, "timeout='x'"),
        ("postgresql://h?topology_keys=a.b.c", {}, "add load_balance=true"),
    ],
)
async def test_what_is_wrong_is_said_with_the_cure(
    dsn: str, arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(asyncpg.InterfaceError, match=re.escape(text)) as it:
        await asyncpg.connect(dsn, **arguments)
    assert isinstance(it.value, errors.ConfigError)


async def test_hosts_may_be_lists(lab: YugabyteLab) -> None:
    node = lab.nodes[1]
    conn = await asyncpg.connect(
        host=[node.host, lab.nodes[0].host],
        port=[node.port, lab.nodes[0].port],
        user="yugabyte",
        database="yugabyte",
        load_balance=True,
        topology_keys="aws.us-east-1.us-east-1b",
        timeout=None,
    )
    assert lab.counts() == (0, 0, 1)
    await conn.close()


async def test_a_password_may_be_a_function(lab: YugabyteLab) -> None:
    asked = []

    async def password() -> str:
        asked.append(1)
        return "any"

    conn = await asyncpg.connect(lab.dsn(load_balance="true"), password=password)
    assert len(asked) == 2  # for the list of nodes, and for the connection
    await conn.close()


async def test_psycopg_and_asyncpg_share_a_cluster(lab: YugabyteLab) -> None:
    dsn = lab.dsn(load_balance="true")
    before = sum(map(lab.accepted, range(3)))
    one = await asyncpg.connect(dsn)
    two = psycopg.connect(dsn)
    three = await psycopg.AsyncConnection.connect(dsn)

    assert lab.counts() == (1, 1, 1)
    assert {node.load for node in Cluster(dsn).topology().nodes} == {1}
    assert sum(map(lab.accepted, range(3))) - before == 4
    await one.close()
    two.close()
    await three.close()


async def test_a_cancelled_connect_leaves_nothing(lab: YugabyteLab) -> None:
    dsn = lab.dsn(load_balance="true")
    await (await asyncpg.connect(dsn)).close()
    task = asyncio.create_task(asyncpg.connect(dsn))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert {node.load for node in Cluster(dsn).topology().nodes} == {0}
    await asyncio.to_thread(lab.wait_counts, (0, 0, 0))

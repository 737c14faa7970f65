"""Many rows and definitions, on a cluster, with each driver."""

from __future__ import annotations

import pytest

from moorline.dsql import limits
from moorline.dsql.bulk import Progress
from moorline.errors import InsertStopped

TABLE = "limits_of"


@pytest.fixture
def pool(world, cluster):
    cluster.sql("drop table if exists limits_of")
    return world.pool(cluster, min_size=1, max_size=2)


def insert(world, *arguments, **options):
    do = limits.insert_many if world.way == "sync" else limits.insert_many_async
    return world.run(do(*arguments, **options))


def define(world, *arguments, **options):
    do = limits.run_ddl if world.way == "sync" else limits.run_ddl_async
    return world.run(do(*arguments, **options))


def test_definitions_and_rows_arrive_a_transaction_each(world, pool, cluster):
    define(
        world,
        pool,
        [
            f'create table {TABLE} (id int primary key, "100% x" text)',
            f"create index {TABLE}_x on {TABLE} (id)",
        ],
    )
    before = cluster.transactions.commits
    seen = []
    rows = ((number, f"{number}%s") for number in range(250))
    done = insert(
        world,
        pool,
        TABLE,
        ["id", "100% x"],
        rows,
        batch_rows=100,
        progress=seen.append,
    )
    assert done == 250
    assert seen == [Progress(100, 1), Progress(200, 2), Progress(250, 3)]
    assert cluster.transactions.commits - before == 3
    assert cluster.sql("select count(*), sum(id) from limits_of") == [("250", "31125")]


def test_conflicts_are_repeated_and_an_insertion_that_stopped_is_resumed(
    world, pool, cluster
):
    define(world, pool, [f"create table {TABLE} (id int primary key)"])
    cluster.sql("insert into limits_of values (25)")
    rows = [(number,) for number in range(40)]
    cluster.faults.conflict_at_commit(times=2)
    with pytest.raises(InsertStopped, match="skip=20") as stopped:
        insert(world, pool, TABLE, ["id"], rows, batch_rows=10)
    assert stopped.value.__cause__.sqlstate == "23505"
    cluster.sql("delete from limits_of where id = 25")
    done = insert(
        world, pool, TABLE, ["id"], rows, batch_rows=10, skip=stopped.value.done
    )
    assert done == 40
    assert cluster.sql("select count(*) from limits_of") == [("40",)]


def test_a_definition_is_repeated_when_the_schema_has_changed(world, pool, cluster):
    cluster.faults.conflict_at_commit("OC001")
    define(world, pool, [f"create table {TABLE} (id int primary key)"])
    assert cluster.sql("select count(*) from limits_of") == [("0",)]


def test_a_job_in_the_background_is_waited_for(world, pool, cluster):
    """A stand-in for jobs: PostgreSQL builds no index in the background."""
    cluster.sql("create schema if not exists sys")
    cluster.sql("grant usage on schema sys to public")
    cluster.sql("create sequence sys.looks")
    cluster.sql(
        "create view sys.jobs as select 'j1' as job_id, '' as details, "
        "case when nextval('sys.looks') < 3 then 'processing' else 'completed' end "
        "as status"
    )
    cluster.sql("grant select on sys.jobs to public")
    cluster.sql("grant usage on sequence sys.looks to public")
    try:
        define(world, pool, ["select 'j1' as job_id"], timeout=30)
        assert cluster.sql("select last_value from sys.looks") == [("3",)]
    finally:
        cluster.sql("drop schema sys cascade")

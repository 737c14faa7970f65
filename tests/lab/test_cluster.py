from __future__ import annotations

import asyncio
import os
import threading
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from moorline.lab import LabError, YugabyteLab


def connect(lab, node=0, **params):
    return psycopg.connect(lab.dsn(node), autocommit=True, **params)


def test_every_node_lists_all_nodes(yugabyte_lab):
    lab = yugabyte_lab
    expected = [
        (n.host, n.port, 0, "primary", *n.placement.split("."), "", n.uuid)
        for n in lab.nodes
    ]
    for node in range(3):
        with connect(lab, node) as conn:
            rows = conn.execute("select * from yb_servers()").fetchall()
        assert [row[:9] for row in rows] == expected
        assert {row[9] for row in rows} == {lab.universe_uuid}


def test_the_default_placements_are_two_zones(yugabyte_lab):
    assert [n.placement[-2:] for n in yugabyte_lab.nodes] == ["1a", "1a", "1b"]
    assert len({n.uuid for n in yugabyte_lab.nodes}) == 3


@pytest.mark.parametrize("columns", [8, 9, 10])
def test_yb_servers_has_the_shape_of_its_time(columns, make_yugabyte_lab):
    lab = make_yugabyte_lab(columns=columns, nodes=1, universe_uuid="u")
    with connect(lab) as conn:
        cursor = conn.execute("select * from yb_servers()")
        assert len(cursor.description) == columns
        names = [column.name for column in cursor.description]
        values = dict(zip(names, cursor.fetchone(), strict=True))
    assert values["port"] == lab.nodes[0].port
    assert values.get("universe_uuid", "u") == "u"


def test_a_plain_postgresql_has_no_such_function(make_yugabyte_lab):
    lab = make_yugabyte_lab(columns=0, nodes=1)
    with connect(lab) as conn, pytest.raises(psycopg.errors.UndefinedFunction):
        conn.execute("select * from yb_servers()")


def test_every_database_has_the_function(yugabyte_lab):
    uri = yugabyte_lab.dsn(dbname="postgres")
    with psycopg.connect(uri) as conn:
        assert len(conn.execute("select * from yb_servers()").fetchall()) == 3


def test_sessions_are_counted_where_they_are(make_yugabyte_lab):
    lab = make_yugabyte_lab()
    with ExitStack() as stack:
        for node in (0, 2, 2):
            stack.enter_context(connect(lab, node))
        assert lab.counts() == (1, 0, 2)
    lab.wait_counts((0, 0, 0))
    with pytest.raises(AssertionError, match=r"\(0, 0, 0\), not \(1, 0, 0\)"):
        lab.wait_counts([1, 0, 0], timeout=0)


def test_counting_does_not_obey_the_environment(yugabyte_lab, monkeypatch):
    for name in ("PGHOST", "PGPORT", "PGSERVICE", "PGSSLMODE", "PGUSER"):
        monkeypatch.setenv(name, "nonsense")
    yugabyte_lab.wait_counts((0, 0, 0))


def test_accepted_sessions_and_statements_are_counted_exactly(make_yugabyte_lab):
    lab = make_yugabyte_lab(nodes=2)
    for _ in range(3):
        with connect(lab) as conn:
            conn.execute("select *\nfrom yb_servers()")
            assert lab.statements(0, "yb_servers")[-1] == "select *\nfrom yb_servers()"
    lab.counts()
    assert (lab.accepted(0), lab.accepted(1)) == (3, 0)
    assert len(lab.statements(0, "yb_servers")) == 3
    lab.kill(0)
    lab.start(0)
    assert lab.accepted(0) == 3


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_node_ends_and_comes_back(end, make_yugabyte_lab):
    lab = make_yugabyte_lab()
    before = lab.pid(1)
    with connect(lab, 1) as conn, connect(lab, 2):
        getattr(lab, end)(1)
        assert (lab.state(1), lab.pid(1)) == ("stopped", None)
        assert lab.counts() == (0, 0, 1)
        with pytest.raises(psycopg.OperationalError):
            conn.execute("select 1")
        with pytest.raises(psycopg.OperationalError, match="refused"):
            connect(lab, 1)
        getattr(lab, end)(1)  # again is no error
        lab.start(1)
        assert lab.state(1) == "running"
        assert lab.pid(1) != before
        with connect(lab, 1):
            assert lab.counts() == (0, 1, 1)
        lab.start(1)  # again is no error


def test_a_node_keeps_its_rows_over_a_kill(make_yugabyte_lab):
    lab = make_yugabyte_lab(nodes=1)
    lab.sql(0, "create table kept(n int); insert into kept values (7)")
    lab.sql(0, "checkpoint")
    lab.kill(0)
    lab.start(0)
    assert lab.sql(0, "select n from kept") == [("7",)]


def test_a_paused_node_accepts_and_never_answers(make_yugabyte_lab):
    lab = make_yugabyte_lab()
    with connect(lab, 1) as conn:
        lab.pause(1)
        assert lab.state(1) == "paused"
        assert conn.execute("select 1").fetchone() == (1,)  # sessions go on
        with pytest.raises(psycopg.errors.ConnectionTimeout):
            connect(lab, 1, connect_timeout=2)
        assert lab.counts() == (0, 1, 0)
        lab.start(1)
        assert lab.state(1) == "running"
        with connect(lab, 1):
            pass
        lab.wait_counts((0, 1, 0))


def test_a_paused_node_can_be_stopped_at_once(make_yugabyte_lab):
    lab = make_yugabyte_lab(nodes=1)
    lab.pause(0)
    lab.stop(0)
    assert lab.state(0) == "stopped"
    with pytest.raises(LabError, match="not running, so it cannot be paused"):
        lab.pause(0)
    lab.start(0)
    assert lab.counts() == (0,)


def test_a_postmaster_that_a_test_kills_itself_is_noticed(
    make_yugabyte_lab, eventually
):
    lab = make_yugabyte_lab(nodes=2)
    os.kill(lab.pid(1), 9)
    assert eventually(lambda: lab.state(1) == "stopped")
    assert lab.counts() == (0, 0)
    lab.start(1)
    assert lab.counts() == (0, 0)


def test_terminate_ends_all_sessions_but_the_labs_own(make_yugabyte_lab):
    lab = make_yugabyte_lab(nodes=2)
    with connect(lab) as conn, connect(lab), connect(lab, 1):
        assert lab.terminate(0) == 2
        assert lab.counts() == (0, 1)
        with pytest.raises(psycopg.errors.AdminShutdown):
            conn.execute("select 1")


def test_a_new_topology_is_seen_at_once_by_all_nodes(make_yugabyte_lab):
    lab = make_yugabyte_lab()
    changed = [lab.row(0), lab.row(2, zone=None, node_type="what?", public_ip="::1")]
    with ExitStack() as stack:
        conns = [stack.enter_context(connect(lab, node)) for node in range(3)]
        for rows, count in ((changed, 2), ([], 0), ([{"host": "x"}], 1)):
            lab.set_topology(rows)
            assert lab.topology() == rows
            for conn in conns:
                answer = conn.execute("select host, zone from yb_servers()").fetchall()
                assert answer == [(row["host"], row.get("zone")) for row in rows]
                assert len(answer) == count


def test_a_value_of_the_wrong_type_makes_discovery_fail(make_yugabyte_lab):
    lab = make_yugabyte_lab(nodes=1)
    lab.set_topology([lab.row(0, port="first")])
    with (
        connect(lab) as conn,
        pytest.raises(psycopg.errors.InvalidTextRepresentation),
    ):
        conn.execute("select * from yb_servers()")


def test_a_small_node_is_full_at_exactly_its_limit(make_yugabyte_lab):
    lab = make_yugabyte_lab(nodes=1, max_connections=3)
    with connect(lab), connect(lab), connect(lab):
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            connect(lab)
        assert lab.counts() == (3,)


def test_a_password_is_demanded(make_yugabyte_lab):
    word = "p@ss:w/ö'%\\rd\n"
    lab = make_yugabyte_lab(nodes=1, password=word)
    with connect(lab) as conn:
        conn.execute("select * from yb_servers()")
    for wrong in ("wrong", ""):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(lab.dsn(password=wrong))
    lab.wait_counts((0,))
    assert word not in lab.log(0, lines=1000)


def test_a_uri_names_one_node_or_several(make_yugabyte_lab):
    lab = make_yugabyte_lab(prefer_port=25433)
    one, _, three = (f"{n.host}:{n.port}" for n in lab.nodes)
    assert lab.dsn() == f"postgresql://yugabyte@{one}/yugabyte"
    assert lab.dsn(node=2) == f"postgresql://yugabyte@{three}/yugabyte"
    several = lab.dsn(hosts=[2, 0], user="a b", password="%", dbname="d/b")
    assert several == f"postgresql://a%20b:%25@{three},{one}/d%2Fb"


def test_parameters_of_a_uri_are_encoded(yugabyte_lab):
    given = {"application_name": "a&b=c +%", "options": "-c search_path=x"}
    uri = yugabyte_lab.dsn(**given, load_balance=True, topology_keys="aws.*:1,b.c.d:2")
    assert uri.endswith("&load_balance=true&topology_keys=aws.*:1,b.c.d:2")
    with psycopg.connect(yugabyte_lab.dsn(**given)) as conn:
        assert conn.info.get_parameters()["application_name"] == "a&b=c +%"


def test_settings_win(make_yugabyte_lab):
    lab = make_yugabyte_lab(nodes=1, settings={"jit": True, "work_mem": "1MB"})
    assert lab.sql(0, "show jit") == [("on",)]
    assert lab.sql(0, "show work_mem") == [("1MB",)]


def test_a_closed_lab_says_so():
    lab = YugabyteLab(nodes=1)
    lab.close()
    for use in (lab.counts, lab.dsn, lambda: lab.kill(0), lambda: lab.keeper_pid):
        with pytest.raises(LabError, match="not open"):
            use()


def test_a_lab_can_be_opened_again_but_not_twice(yugabyte_templates):
    lab = YugabyteLab(nodes=1, templates=yugabyte_templates)
    with lab:
        with pytest.raises(LabError, match="open already"):
            lab.open()
        assert lab.counts() == (0,)
    lab.close()
    with lab:
        assert lab.counts() == (0,)


def test_a_node_that_is_not_there_is_named(yugabyte_lab):
    for node in (3, -1):
        with pytest.raises(LabError, match=rf"no node {node}; nodes are 0 to 2"):
            yugabyte_lab.state(node)


def test_nothing_is_left_behind(yugabyte_templates, alive):
    with YugabyteLab(templates=yugabyte_templates) as lab:
        pids = [lab.keeper_pid, *map(lab.pid, range(3))]
        directory = Path(lab.directory)
        clients = [connect(lab, node) for node in (0, 1, 2)]
        lab.kill(1)
        lab.pause(2)
    assert not any(map(alive, pids))
    assert not directory.exists()
    for client in clients:
        client.close()


def test_a_lab_lives_in_any_thread(yugabyte_templates):
    labs = []

    def opened():
        labs.append(YugabyteLab(nodes=2, templates=yugabyte_templates).open())

    thread = threading.Thread(target=opened)
    thread.start()
    thread.join()
    (lab,) = labs
    # Its servers do not end with the thread that started them.
    lab.kill(0)
    counters = [threading.Thread(target=lab.counts) for _ in range(4)]
    for counter in counters:
        counter.start()
    lab.start(0)
    for counter in counters:
        counter.join()
    assert lab.counts() == (0, 0)
    lab.close()


async def test_a_lab_can_be_used_beside_an_event_loop(make_yugabyte_lab):
    lab = await asyncio.to_thread(make_yugabyte_lab, nodes=1)
    conn = await psycopg.AsyncConnection.connect(lab.dsn())
    assert await asyncio.to_thread(lab.counts) == (1,)
    await conn.close()


def test_a_forked_child_counts_and_cannot_close(make_yugabyte_lab):
    lab = make_yugabyte_lab(nodes=1)
    with connect(lab):
        child = os.fork()
        if child == 0:
            good = lab.counts() == (1,)
            try:
                lab.kill(0)
            except LabError as error:
                good = good and "fork" in str(error)
            lab.close()
            os._exit(0 if good else 1)
        assert os.waitpid(child, 0) == (child, 0)
        assert lab.counts() == (1,)
        assert lab.state(0) == "running"

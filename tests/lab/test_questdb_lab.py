"""The server: rows go in by every way, come back by SQL, and survive what is done."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from moorline.lab import LabError, QuestdbLab, questdb_tcp
from tests.lab.questdb_client import (
    HOST,
    http_client,
    post,
    row,
    slow,
    tcp_client,
)

ROWS = [
    ("a", 1, "1970-01-01T00:00:01.000000Z"),
    ("a", 2, "1970-01-01T00:00:02.000000Z"),
]

MANY = b"".join(row(number) for number in range(100_000))

OWNED = """
import sys
from moorline.lab import QuestdbLab

with QuestdbLab() as lab:
    print(lab.keeper_pid, lab.pid, flush=True)
    sys.stdin.readline()
"""


def left_by(keeper_pid):
    """List what a lab has left in the places where it may put something."""
    places = map(Path, ("/dev/shm", "/tmp", "/var/tmp"))  # noqa: S108 - the lab's own
    return [
        path for place in places for path in place.glob(f"moorline-lab-{keeper_pid}-*")
    ]


def test_rows_by_http_are_read_by_sql(questdb_lab):
    assert post(questdb_lab.http_port, row(1) + row(2)) == 204
    questdb_lab.wait_rows("t", 2)
    assert questdb_lab.sql("select * from t") == ROWS


def test_rows_by_tcp_are_read_by_sql(questdb_lab):
    with tcp_client(questdb_lab.ilp_port) as client:
        client.sendall(row(1) + row(2))
        questdb_lab.wait_rows("t", 2)
    assert questdb_lab.sql("select * from t") == ROWS


def test_the_port_for_postgresql_is_open(questdb_lab):
    psycopg = pytest.importorskip("psycopg")
    dsn = f"host={HOST} port={questdb_lab.pg_port} user=admin password=quest dbname=qdb"
    with psycopg.connect(dsn, autocommit=True) as conn:
        assert conn.execute("select 1").fetchone() == (1,)


def test_values_of_sql_are_those_of_json(questdb_lab):
    query = "select 'ä', 1, 9223372036854775807, 1.5, true, null::double"
    assert questdb_lab.sql(query) == [("ä", 1, 2**63 - 1, 1.5, True, None)]
    assert questdb_lab.sql("create table u (v int)") == []


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("select * from nothing", "table does not exist"),
        ("", "empty query"),
    ],
)
def test_an_error_of_sql_is_told(questdb_lab, query, reason):
    with pytest.raises(LabError, match=reason):
        questdb_lab.sql(query)


def test_waiting_for_rows_tells_how_many_there_are(questdb_lab):
    with pytest.raises(AssertionError, match="t has 0 rows, not 1"):
        questdb_lab.wait_rows("t", 1, timeout=0)
    post(questdb_lab.http_port, row(1) + row(2))
    with pytest.raises(AssertionError, match="t has 2 rows, not 3"):
        questdb_lab.wait_rows("t", 3, timeout=0.1)


def test_waiting_for_rows_does_not_take_more_for_enough(questdb_lab):
    post(questdb_lab.http_port, row(1) + row(2))
    questdb_lab.wait_rows("t", 2)
    with pytest.raises(AssertionError, match="t has 2 rows, more than 1"):
        questdb_lab.wait_rows("t", 1)


def test_a_reset_leaves_no_table(questdb_lab):
    port = questdb_lab.http_port
    post(port, row(1))
    questdb_lab.wait_rows("t", 1)
    added = questdb_lab.add_front()
    questdb_lab.reset()
    assert questdb_lab.sql("select table_name from tables()") == []
    assert questdb_lab.http_port == port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, added.http_port))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/net/tcp is Linux's")
@pytest.mark.parametrize("through", ["server", "front"])
def test_rows_that_nobody_waited_for_do_not_come_after_a_reset(questdb_lab, through):
    at = questdb_lab if through == "server" else questdb_lab.front
    with tcp_client(at.ilp_port) as client:
        client.sendall(MANY)
    questdb_lab.reset()
    post(questdb_lab.http_port, row(1, table="u"))
    questdb_lab.wait_rows("u", 1)
    assert questdb_lab.sql("select table_name from tables()") == [("u",)]


def test_a_client_that_has_gone_and_is_still_read_is_seen():
    table = """sl local_address rem_address st
        0: 0100007F:4E20 00000000:0000 0A
        1: 0100007F:4E20 0100007F:9C40 08
        2: 0100007F:9C40 0100007F:4E20 05
        3: 0100007F:9C41 0100007F:4E20 04
        4: 0100007F:9C42 0100007F:4E20 01
        5: 0100007F:9C43 0100007F:4E20 06
        6: 0100007F:9C44 0100007F:4E21 05"""
    assert questdb_tcp.unread([20000], table) == 2
    assert questdb_tcp.unread([20000, 20001], table) == 3


def test_a_killed_server_starts_again_with_its_data(questdb_lab):
    ports = (questdb_lab.http_port, questdb_lab.ilp_port, questdb_lab.pg_port)
    post(questdb_lab.http_port, row(1))
    killed = questdb_lab.pid
    questdb_lab.kill()
    assert questdb_lab.pid is None
    with pytest.raises(ConnectionRefusedError):
        post(questdb_lab.http_port, row(2))
    with pytest.raises((ConnectionError, http.client.BadStatusLine)):
        post(questdb_lab.front.http_port, row(2))
    questdb_lab.restart()
    assert questdb_lab.pid not in {None, killed}
    assert ports == (questdb_lab.http_port, questdb_lab.ilp_port, questdb_lab.pg_port)
    post(questdb_lab.front.http_port, row(2))
    questdb_lab.wait_rows("t", 2)
    assert questdb_lab.sql("select * from t") == ROWS


@slow
def test_a_stopped_server_runs_after_a_reset(questdb_lab):
    questdb_lab.stop()
    assert questdb_lab.pid is None
    questdb_lab.reset()
    assert post(questdb_lab.http_port, row(1)) == 204


def test_credentials_are_asked_for(make_questdb_lab, secret):
    lab = make_questdb_lab(user="alice", password=secret, tcp_auth=True)
    assert secret not in repr(lab.options)
    assert post(lab.http_port, row(1)) == 401
    pair = base64.b64encode(f"alice:{secret}".encode()).decode()
    assert post(lab.front.http_port, row(1), Authorization=f"Basic {pair}") == 204
    lab.wait_rows("t", 1)  # the lab has them too
    # By TCP it is a signature, whoever may write by HTTP.
    with tcp_client(lab.ilp_port) as client:
        client.sendall(f"{lab.tcp_key.username}\n".encode())
        with client.makefile("rb") as answers:
            challenge = answers.readline()
        client.sendall(sign(lab.tcp_key, challenge.rstrip(b"\n")) + b"\n" + row(2))
        lab.wait_rows("t", 2)
    with tcp_client(lab.ilp_port) as client:
        client.sendall(f"{lab.tcp_key.username}\n".encode())
        with client.makefile("rb") as answers:
            answers.readline()
            client.sendall(base64.b64encode(bytes(64)) + b"\n" + row(3))
            assert ended(answers)
    assert lab.tcp_key.token not in repr(lab.tcp_key)
    assert lab.requests[-1].header("authorization") == "Basic …"
    assert secret not in repr(lab.requests)


def ended(stream):
    try:
        return stream.read() == b""
    except ConnectionResetError:
        return True


def sign(key, challenge):
    """Do what a client does: ECDSA over P-256 with SHA-256, r and s in base64."""
    number = int.from_bytes(base64.urlsafe_b64decode(key.token + "="), "big")
    private = ec.derive_private_key(number, ec.SECP256R1())
    signature = private.sign(challenge, ec.ECDSA(hashes.SHA256()))
    r, s = utils.decode_dss_signature(signature)
    return base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def test_a_lab_without_a_key_has_none(questdb_lab):
    with pytest.raises(LabError, match="tcp_auth=True"):
        _ = questdb_lab.tcp_key


def settings_of(lab):
    with http_client(lab.http_port) as client:
        client.request("GET", "/settings")
        return json.loads(client.getresponse().read())


@slow
@pytest.mark.parametrize(("version", "protocols"), [("9.0.3", [1, 2]), ("8.2.0", None)])
def test_older_servers_start_and_know_older_protocols(
    make_questdb_lab, version, protocols
):
    lab = make_questdb_lab(version=version)
    settings = settings_of(lab)
    known = settings.get("config", settings)
    assert known["release.version"] == lab.version == version
    assert known.get("line.proto.support.versions") == protocols
    assert post(lab.front.http_port, row(1)) == 204
    lab.wait_rows("t", 1)
    with tcp_client(lab.ilp_port) as client:
        client.sendall(row(2))
        lab.wait_rows("t", 2)
    lab.reset()
    assert lab.sql("select table_name from tables()") == []


def test_the_newest_server_knows_all_protocols(questdb_lab):
    config = settings_of(questdb_lab)["config"]
    assert config["release.version"] == questdb_lab.version == "9.3.4"
    assert config["line.proto.support.versions"] == [1, 2, 3]


@slow
def test_a_port_that_was_taken_meanwhile_is_no_obstacle(make_questdb_lab, monkeypatch):
    from moorline.lab import addresses  # noqa: PLC0415

    free = addresses.free_base
    with socket.create_server((HOST, 0)) as occupied:
        offered = [occupied.getsockname()[1]]
        monkeypatch.setattr(
            addresses, "free_base", lambda at: offered.pop() if offered else free(at)
        )
        lab = make_questdb_lab()
        assert lab.http_port != occupied.getsockname()[1]
    assert offered == []
    assert lab.sql("select 1") == [(1,)]


def test_a_server_that_does_not_start_says_why_and_leaves_nothing(tmp_path):
    lab = QuestdbLab(java_options=["-XX:NoSuchOption=1"])
    with pytest.raises(LabError, match="Unrecognized VM option"):
        lab.open()
    with pytest.raises(LabError, match="not open"):
        _ = lab.pid
    assert left_by(lab._custody.pid) == []


def test_settings_and_java_options_of_ones_own_win(questdb_lab):
    from moorline.lab.questdb_options import QuestdbOptions  # noqa: PLC0415
    from moorline.lab.questdb_server import conf  # noqa: PLC0415

    given = {"shared.worker.count": 3, "pg.enabled": False, "x.y": "ä b=\\"}
    text = conf(QuestdbOptions(settings=given), questdb_lab._server.ports, auth=False)
    lines = dict(line.split("=", 1) for line in text.splitlines())
    assert lines["shared.worker.count"] == "3"
    assert lines["pg.enabled"] == "false"
    assert lines["x.y"] == r"\u00e4\u0020b\u003d\u005c"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"version": "9"}, "version='9'"),
        ({"version": "9.3.4; rm"}, "is not of the form"),
        ({"user": "alice"}, "belong together"),
        ({"password": "x"}, "belong together"),
        ({"user": "a:b", "password": "x"}, "colon"),
        ({"user": "a", "password": "line\nhttp.user=b"}, "printable"),
        ({"settings": {"a\nb": 1}}, "no name of server.conf"),
        ({"java_options": "-Xmx1g"}, "must be a list"),
    ],
)
def test_options_that_cannot_be_are_refused(options, reason):
    with pytest.raises(LabError, match=reason):
        QuestdbLab(**options)


def test_a_lab_that_is_not_open_says_so(questdb_lab):
    lab = QuestdbLab()
    for name in ("http_port", "https_port", "ca_file", "front", "pid", "keeper_pid"):
        with pytest.raises(LabError, match="not open"):
            getattr(lab, name)
    lab.close()
    with pytest.raises(LabError, match="open already"):
        questdb_lab.open()


def test_nothing_stays_behind_when_the_owner_is_killed(python, alive, eventually):
    program = python(OWNED)
    keeper_pid, pid = map(int, program.stdout.readline().split())
    assert alive(pid)
    assert left_by(keeper_pid)
    program.kill()
    program.communicate()

    def gone():
        return not (alive(pid) or alive(keeper_pid) or left_by(keeper_pid))

    assert eventually(gone, 10.0)


@slow
def test_nothing_stays_behind_when_a_lab_is_closed(alive):
    with QuestdbLab() as lab:
        keeper_pid, pid = lab.keeper_pid, lab.pid
        assert alive(pid)
        assert left_by(keeper_pid)
    assert not alive(pid)
    assert left_by(keeper_pid) == []
    lab.close()

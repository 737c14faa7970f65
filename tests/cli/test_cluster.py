from __future__ import annotations

import json
import os
import signal
import socket

import pytest

from moorline.cli import main

PASSWORD = "correct-horse-7"


@pytest.fixture
def lab(make_yugabyte_lab):
    return make_yugabyte_lab(password=PASSWORD)


def said(capsys, *words: str) -> tuple[int, str, str]:
    """Run a command here; return exit code, output and errors, free of secrets."""
    code = main(words)
    out, err = capsys.readouterr()
    assert PASSWORD not in out + err
    assert "Traceback" not in err
    return code, out, err


def test_topology_shows_every_node(yugabyte_lab, capsys):
    code, out, _ = said(capsys, "topology", yugabyte_lab.dsn())
    assert code == 0
    header, *rows = out.splitlines()
    assert header.split() == ["node", "placement", "role", "answers"]
    for node, row in zip(yugabyte_lab.nodes, rows, strict=True):
        cells = row.split()
        assert cells[:3] == [f"{node.host}:{node.port}", node.placement, "primary"]
        assert cells[3] == "yes,"


def test_topology_tells_nodes_that_do_not_answer(lab, capsys):
    lab.kill(1)
    with_keywords = (
        f"host={lab.nodes[0].host} port={lab.nodes[0].port} dbname=yugabyte "
        f"user=yugabyte password={PASSWORD} load_balance=true"
    )
    code, out, _ = said(capsys, "topology", with_keywords, "--json")
    assert code == 0
    known = json.loads(out)
    assert known["universe"] == lab.universe_uuid
    assert [node["answers"] for node in known["nodes"]] == [True, False, True]
    assert "refused" in known["nodes"][1]["reason"]


def test_topology_does_not_take_any_listener_for_a_server(lab, capsys):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        lab.set_topology([lab.row(0), lab.row(1, port=deaf.getsockname()[1])])
        deaf.shutdown(socket.SHUT_RDWR)
        _, out, _ = said(capsys, "topology", lab.dsn(), "--json")
    assert [node["answers"] for node in json.loads(out)["nodes"]] == [True, False]


def test_explain_names_tiers_candidates_and_mistakes(yugabyte_lab, capsys):
    keys = "aws.us-east-1.us-east-1c:1,aws.us-east-1.us-east-1a:2"
    conninfo = yugabyte_lab.dsn(topology_keys=keys)
    code, out, _ = said(capsys, "explain", conninfo)
    assert code == 0
    assert keys in out
    assert out.count("candidate\n") == 2
    assert "comes first" in " ".join(out.split())
    assert "did you mean aws.us-east-1.us-east-1" in out

    code, out, _ = said(capsys, "explain", conninfo, "--json")
    known = json.loads(out)
    assert code == 0
    assert [node["candidate"] for node in known["nodes"]] == [True, True, False]
    assert known["picker"] == "least-loaded"
    assert "us-east-1c matches no node" in known["hint"]


def test_watch_goes_on_until_ctrl_c_which_is_no_failure(command, make_yugabyte_lab):
    lab = make_yugabyte_lab()
    words = ("topology", lab.dsn(), "--watch", "--interval", "0.1", "--json")
    with command.start(*words) as watching:
        first = json.loads(watching.stdout.readline())
        assert all(node["answers"] for node in first["nodes"])
        lab.kill(0)  # the contact point: the other nodes are asked then
        for line in watching.stdout:
            look = json.loads(line)
            if not look["nodes"][0]["answers"]:
                break
        os.killpg(watching.pid, signal.SIGINT)
        _, err = watching.communicate(timeout=15)
    assert watching.returncode == 0
    assert err == ""
    assert look["error"] == ""


def test_watch_writes_plain_lines_to_a_pipe(command, yugabyte_lab):
    words = ("topology", yugabyte_lab.dsn(), "--watch", "--interval", "0.1")
    with command.start(*words) as watching:
        titles = 0
        for line in watching.stdout:
            assert "\x1b" not in line
            titles += line.startswith("node ")
            if titles == 2:
                break
        os.killpg(watching.pid, signal.SIGINT)
        watching.communicate(timeout=15)
    assert watching.returncode == 0


@pytest.mark.parametrize("name", ["topology", "explain"])
@pytest.mark.parametrize(
    ("conninfo", "code", "text"),
    [
        ("host=127.0.0.1 port=1", 1, "127.0.0.1:1: Connection refused"),
        ("postgresql://127.0.0.1:1/x?load_balanc=true", 2, "mean load_balance?"),
        ("host=127.0.0.1 topology_keys=aws", 2, "cloud.region.zone"),
        ("nonsense", 2, 'missing "="'),
        (f"postgresql://me:{PASSWORD}@127.0.0.1:1/x", 1, "refused"),
        (f"postgresql://me:{PASSWORD}%zz@127.0.0.1:1/x", 2, "percent-encoded"),
        (f"postgresql://me:17/{PASSWORD}@127.0.0.1:1/x?y", 2, "URI"),
        (f"host=127.0.0.1 password=a {PASSWORD}", 2, "missing"),
    ],
)
def test_what_cannot_be_done_is_one_clear_message(name, conninfo, code, text, capsys):
    ended, out, err = said(capsys, name, conninfo)
    assert ended == code
    assert out == ""
    assert err.startswith("moorline: ")
    assert text in err


def test_a_wrong_password_is_the_servers_word(lab, capsys):
    code, _, err = said(capsys, "topology", lab.dsn(password="wrong-horse-8"))
    assert code == 1
    assert "password authentication failed" in err
    assert "wrong-horse-8" not in err


def test_a_plain_postgresql_is_told_so(make_yugabyte_lab, capsys):
    code, _, err = said(capsys, "explain", make_yugabyte_lab(columns=0).dsn())
    assert code == 1
    assert "no YugabyteDB" in err

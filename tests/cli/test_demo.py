from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from moorline.cli.demo import ACTS, Outcome, Report
from moorline.cli.render import Screen
from moorline.lab import Node

if TYPE_CHECKING:
    from moorline.cli.demo import Act

SPREAD, TOPOLOGY, FAILOVER = ACTS


def outcome(act: Act, **changes: object) -> Outcome:
    """Return what a good cluster does, with changes."""
    good = Outcome(act, "postgresql://h", act.expected, act.held, (), (), 0.1)
    return replace(good, **changes)


@pytest.fixture
def port_taken():
    with contextlib.ExitStack() as sockets:
        for host in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
            # Somebody else's being there already serves as well.
            with contextlib.suppress(OSError):
                sockets.enter_context(socket.create_server((host, 5433)))
        yield


# --- the judgement ------------------------------------------------------------------


def test_promises_are_those_of_the_tutorial():
    assert SPREAD.expected == (10, 10, 10)
    assert TOPOLOGY.expected == (15, 15, 0)
    assert sum(FAILOVER.expected) == 30 - 10 + FAILOVER.more


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_counts_as_promised_are_good(act):
    assert outcome(act).ok


@pytest.mark.parametrize(
    ("act", "changes"),
    [
        (SPREAD, {"counted": (30, 0, 0)}),
        (SPREAD, {"counted": (10, 10, 9)}),
        (SPREAD, {"counted": (10, 10, 11)}),
        (TOPOLOGY, {"counted": (10, 10, 10)}),
        (FAILOVER, {"counted": (0, 20, 10)}),
        (FAILOVER, {"held": (0, 15, 15)}),
        (FAILOVER, {"held": None}),
        (FAILOVER, {"errors": ("connection refused",)}),
    ],
)
def test_anything_else_is_not(act, changes):
    bad = outcome(act, **changes)
    report = Report({}, ("", ""), (), [outcome(a) for a in ACTS])
    assert report.ok
    report.outcomes[ACTS.index(act)] = bad
    assert not bad.ok
    assert not report.ok
    assert report.as_json()["ok"] is False


def test_acts_that_were_not_played_are_not_good():
    assert not Report({}, ("", ""), (), []).ok
    assert not Report({}, ("", ""), (), [outcome(SPREAD)]).ok


def test_a_broken_promise_is_marked_at_its_node(capsys):
    nodes = [
        Node(i, f"node{i}", f"127.0.0.{i}", 5433, "c.r.z", "primary", "")
        for i in range(3)
    ]
    Screen(quiet=False).act(
        1, outcome(SPREAD, counted=(10, 12, 8), errors=("it broke",)), nodes
    )
    lines = capsys.readouterr().out.splitlines()
    signs = [re.sub("[^✓✗]", "", line) for line in lines]
    assert [sign for sign in signs if sign] == ["✓", "✗", "✗", "✗"]
    assert any("error: it broke" in line for line in lines)


def test_a_promise_that_servers_do_not_confirm_ends_with_1():
    code = (
        "import sys; from dataclasses import replace;"
        "from moorline.cli import demo, main, stage;"
        "wrong = (replace(demo.ACTS[0], expected=(10, 10, 11)),);"
        "demo.ACTS = stage.ACTS = wrong; stage._SETTLE = 0.05;"
        "sys.exit(main(['demo']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "✗ 0 of 1 acts as promised" in done.stdout


# --- the whole ----------------------------------------------------------------------


@pytest.mark.usefixtures("port_taken")
def test_json_end_to_end_where_the_port_is_taken(command):
    hostile = {"PGSSLMODE": "verify-full", "PGHOSTADDR": "127.0.0.99"}
    hostile |= {"MOORLINE_YB_TOPOLOGY_KEYS": "no.such.place"}
    done = command("demo", "--json", env={**os.environ, **hostile})
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] is True
    acts = {act["name"]: act for act in report["acts"]}
    assert list(acts) == ["spread", "topology", "failover"]
    assert acts["spread"]["counted"] == [10, 10, 10]
    assert acts["topology"]["counted"] == [15, 15, 0]
    assert acts["failover"]["held"] == [10, 10, 10]
    assert acts["failover"]["counted"] == [0, 15, 15]
    assert all(act["ok"] and not act["errors"] for act in acts.values())
    assert "topology_keys=aws.us-east-1.us-east-1a" in acts["topology"]["conninfo"]
    assert {node["port"] for node in report["nodes"]}.isdisjoint({5433})
    assert set(report["versions"]) == {
        "moorline",
        "python",
        "psycopg",
        "libpq",
        "postgresql",
    }
    assert report["binaries"]["source"]
    assert report["seconds"] > 0


@pytest.mark.usefixtures("port_taken")
def test_plain_output_twice_in_a_row(command):
    for _ in range(2):
        done = command("demo", env={**os.environ, "PYTHONIOENCODING": "utf-8"})
        assert done.returncode == 0, done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        assert "port 5433 is taken" in done.stdout
        assert "no replication" in done.stdout
        assert done.stdout.count("✓") == 3 * 4 + 1
        assert "✗" not in done.stdout
        assert "3 of 3 acts as promised" in done.stdout
        assert done.stderr.startswith("starting three PostgreSQL servers ...\n")
        assert len(done.stderr.splitlines()) == 4


def test_output_without_unicode(command):
    done = command("demo", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert "ok ##########" in done.stdout


def test_on_a_terminal_colours_are_left_out_if_asked(command):
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": "100"}
    demo = subprocess.Popen(
        [sys.executable, "-m", "moorline", "demo"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the end, on Linux
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    assert demo.wait(15) == 0
    assert b"act 1 of 3" in shown
    assert b"\x1b[?25h" in shown  # the cursor is back
    assert not re.search(rb"\x1b\[(\d+;)*3\d", shown)

"""The comparison for QuestDB runs, with our client alone and tiny counts.

Nothing here looks at how long anything took, and nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import random
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.harness import Run
from benchmarks.peers.client import Worker, WorkerFailed
from benchmarks.peers.environments import lock_of
from benchmarks.questdb_peers import material, rust, table
from benchmarks.questdb_peers.clients import OURS, PEER, WAYS, clients
from benchmarks.questdb_peers.race import Arm, race
from benchmarks.questdb_peers.rows import MISSING, Line, judged, lines_of, spread
from moorline.lab import LabError, questdb_jar, questdb_java
from moorline.lab.questdb_options import VERSION

ROOT = Path(__file__).parents[2]
TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"


def compare(path: Path, *measures: str, limit: float = 50) -> dict:
    options = ["--quick", "--only", OURS, "--json", path]
    subprocess.run(
        [sys.executable, "-m", "benchmarks.peers_questdb", *measures, *options],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        timeout=limit,
    )
    return json.loads(path.read_text("utf-8"))


def has_failed(row: dict) -> bool:
    """Say whether there is a text where figures are expected."""
    failures = [one for one in row["details"].values() if isinstance(one, str)]
    return row["ours"] == MISSING or any(one != MISSING for one in failures)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    path = tmp_path_factory.mktemp("peers_questdb") / "results.json"
    return compare(path, "rows", "frames", "sink", "turns", "imports")


def test_each_measure_measures_moorline(results):
    assert [row["name"] for row in results["rows"] if has_failed(row)] == []
    assert len(results["rows"]) == 18


def test_rows_and_frames_reach_a_server(tmp_path):
    try:
        questdb_java.find()
        questdb_jar.find(VERSION)
    except LabError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    rows = compare(tmp_path / "results.json", "server")["rows"]
    assert [row["name"] for row in rows if has_failed(row)] == []
    assert rows[1]["ratio"] > 0  # beside one request, which is ours too


@pytest.mark.timeout(180)  # an encoder is compiled
def test_the_size_is_that_of_an_installation(tmp_path):
    (row,) = compare(tmp_path / "results.json", "sizes", limit=170)["rows"]
    sources = (ROOT / "src" / "moorline").rglob("*.py")
    written = sum(path.stat().st_size for path in sources) / 1e6
    assert row["details"][OURS] > written
    assert row["beside"] == MISSING


def test_nothing_is_judged_beside_nobody(results):
    rows = {row["name"]: row for row in results["rows"]}
    assert rows["rows: row"]["bar"] == "≥ 2"
    assert (
        rows["rows: row"]["beside"] == rows["rows: row"]["details"]["peer"] == MISSING
    )
    alone = ("import", "turns: row", "turns: pandas")  # judged all by themselves
    met = {name: row["met"] for name, row in rows.items() if name not in alone}
    assert set(met.values()) == {None}


def test_a_table_is_made_of_the_results(results):
    lines = [one for one in table.markdown(results).splitlines() if one[:1] == "|"]
    assert len(lines) == 2 + len(results["rows"])
    assert len({line.count(" | ") for line in lines}) == 1
    assert "A QUICK RUN" in table.markdown(results)


# The verdict


@pytest.mark.parametrize(
    ("ours", "ratio", "least", "expected"),
    [
        ([1.0], 2.0, 2.0, True),
        ([1.0], 1.99, 2.0, False),
        ([1.0], 5.0, None, None),  # only told
        ([1.0], None, 2.0, None),  # no other to be set beside
        ("died", None, 2.0, False),
        (MISSING, None, 2.0, None),  # left out
    ],
)
def test_a_bar_is_met_or_missed_or_not_judged(ours, ratio, least, expected):
    assert judged(ours, ratio, least) is expected


def test_the_ratio_is_that_of_rows_per_second():
    times = {"mine": [1.0, 1.0, 1.0], "other": [4.0, 4.0, 4.0]}
    lines = {"n": Line("what", "mine", "other", 1.9, "somebody")}
    counts = {"mine": 1_000_000, "other": 2_000_000}
    (row,) = lines_of(lines, times, counts, random.Random(1))
    assert row.ratio == 2.0
    assert row.interval == (2.0, 2.0)
    assert row.met is True
    assert row.ours == "1 M rows/s (1 to 1)"
    assert row.beside == "somebody: 0.5 M rows/s (0.5 to 0.5)"


def test_what_fails_is_told_in_place_of_its_figures():
    lines = {"n": Line("what", "mine", "other", 1.0)}
    counts = {"mine": 1, "other": 1}
    times = {"mine": "died: no memory", "other": [1e-6]}
    (row,) = lines_of(lines, times, counts, random.Random(1))
    assert (row.ours, row.beside) == ("died: no memory", "1 M rows/s (1 to 1)")
    assert (row.ratio, row.met) == (None, False)


def test_a_spread_is_the_median_and_the_quartiles():
    assert spread([5.0, 1.0, 3.0, 2.0, 4.0]) == (3.0, 2.0, 4.0)
    assert spread([7.0]) == (7.0, 7.0, 7.0)


# The race


class Scripted:
    """A program that writes what it is told, and fails when it is told to."""

    def __init__(self, written: str = "00", failing_at: int = 100) -> None:
        self.calls = 0
        self._written = written
        self._failing_at = failing_at

    def ask(self, verb: str, *, limit: float = 0.0, **arguments: object) -> object:
        if verb == "sample":
            return self._written
        self.calls += 1
        if self.calls == self._failing_at:
            raise WorkerFailed("died")
        return {"seconds": float(self.calls), "size": 8}


class ScriptedStage:
    run = Run(seed=1)

    def __init__(self, **workers: Scripted) -> None:
        self.clients = tuple(workers)
        self.worker = workers.__getitem__


def arms(*names: str) -> dict[str, Arm]:
    return {name: Arm(client=name, wire="same") for name in names}


def test_the_first_round_does_not_count_and_who_is_left_out_does_not_run():
    stage = ScriptedStage(a=Scripted(), b=Scripted())
    times = race(stage, arms("a", "b", "absent"), 3)
    assert times == {"a": [2.0, 3.0, 4.0], "b": [2.0, 3.0, 4.0]}


@pytest.mark.parametrize("call", [1, 3])
def test_who_fails_is_out_of_the_race_and_the_others_are_not(call):
    failing = Scripted(failing_at=call)
    times = race(ScriptedStage(a=failing, b=Scripted()), arms("a", "b"), 3)
    assert times == {"a": "died", "b": [2.0, 3.0, 4.0]}
    assert failing.calls == call


def test_who_does_not_write_the_same_is_not_compared():
    stage = ScriptedStage(a=Scripted("00"), b=Scripted("01"))
    with pytest.raises(AssertionError, match="not the same bytes"):
        race(stage, arms("a", "b"), 1)


def test_who_loses_rows_is_out_of_the_race():
    def check() -> None:
        raise WorkerFailed("1 of 2 rows came")

    times = race(ScriptedStage(a=Scripted()), {"a": Arm(client="a", check=check)}, 3)
    assert times == {"a": "1 of 2 rows came"}


def test_what_a_run_left_is_forgotten_before_the_next():
    came = []

    def check() -> None:
        came.append("rows")
        if came != ["rows"]:
            raise WorkerFailed(f"{came}")

    forgetful = Arm(client="a", before=came.clear, check=check)
    assert race(ScriptedStage(a=Scripted()), {"a": forgetful}, 3) == {
        "a": [2.0, 3.0, 4.0]
    }


# The material


def written(way: str) -> bytes:
    make, act = WAYS[way]
    buffer = clients[OURS].buffer(2, 300)
    act(clients[OURS], buffer, make(300, 8))
    return bytes(buffer)


@pytest.mark.parametrize("kind", ["pandas", "pyarrow", "polars"])
def test_a_frame_has_the_same_rows(kind):
    pytest.importorskip(kind)
    pytest.importorskip("pyarrow")
    assert written(kind) == written("row")


@pytest.mark.parametrize("way", ["calls", "schema"])
def test_every_way_writes_the_same_rows(way):
    assert written(way) == written("row")


def test_rows_are_of_so_many_symbols_and_none_is_like_another():
    rows = material.rows(1000, 4)
    assert {row[0] for row in rows} == {f"SYM{number}-USDT" for number in range(4)}
    assert {row[1] for row in rows} == {"buy", "sell"}
    assert len({row[2:] for row in rows}) == 1000
    moments = [row[-1] for row in material.dated(1000, 4)]
    assert [round(one.timestamp() * 1e6) for one in moments] == [
        row[-1] // 1000 for row in rows
    ]


# The sink


@pytest.fixture
def sink():
    command = [sys.executable, "-m", "benchmarks.questdb_peers.sink"]
    with Worker(command) as worker:
        yield worker


def test_the_sink_counts_what_it_takes_and_keeps_the_connection(sink):
    with socket.create_connection(("127.0.0.1", sink.ask("port"))) as client:
        client.sendall(b"POST /write HTTP/1.1\r\nContent-Length: 5\r\n\r\nab")
        client.sendall(b"c\nd")
        assert client.recv(1000, socket.MSG_PEEK) == TAKEN
        client.sendall(b"POST /write HTTP/1.1\r\ncontent-length:3\r\n\r\nefgPOST /wr")
        client.sendall(b"ite HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        assert client.recv(3 * len(TAKEN), socket.MSG_WAITALL) == 3 * TAKEN
    assert sink.ask("taken") == {"requests": 3, "bytes": 8}
    assert sink.ask("taken") == {"requests": 0, "bytes": 0}


def test_the_sink_says_which_versions_it_takes(sink):
    with socket.create_connection(("127.0.0.1", sink.ask("port"))) as client:
        client.sendall(b"GET /settings HTTP/1.1\r\nHost: sink\r\n\r\n")
        head, _, body = client.recv(4096).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert json.loads(body)["config"]["line.proto.support.versions"] == [1, 2, 3]
    assert sink.ask("taken") == {"requests": 0, "bytes": 0}


# The other clients


def test_without_cargo_it_is_said_that_there_is_none(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(WorkerFailed, match="not built: there is no cargo"):
        rust.program()


def test_the_client_for_rust_is_pinned():
    text = (rust.SOURCES / "Cargo.toml").read_text("utf-8")
    assert re.search(r'^questdb-rs = \{ version = "=7\.2\.1"', text, re.MULTILINE)


def test_the_peer_is_pinned_and_hashed_beside_the_libraries_that_we_test_with():
    text = lock_of(PEER).read_text("utf-8")
    pins = set(re.findall(r"^([\w-]+==\S+)", text, re.MULTILINE))
    files = [ROOT / "requirements" / f"{name}.txt" for name in ("dev", "frames")]
    locked = "\n".join(file.read_text("utf-8") for file in files)
    ours = set(re.findall(r"^([\w-]+==\S+)", locked, re.MULTILINE))
    assert "questdb==6.0.0" in pins
    for library in ("numpy", "pandas", "pyarrow"):
        mine = {pin for pin in ours if pin.startswith(f"{library}==")}
        assert mine
        assert mine == {pin for pin in pins if pin.startswith(f"{library}==")}
    assert len(re.findall(r"^ .*--hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)) > 5
    for place in ("://", "--index-url", "--extra-index-url", "--find-links=", "file:"):
        assert place not in text

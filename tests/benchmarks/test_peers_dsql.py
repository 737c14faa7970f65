"""The comparison for Aurora DSQL runs, with our client alone and tiny counts.

Nothing here looks at how long anything took, and nothing is downloaded.
"""

from __future__ import annotations

import socket
import struct

import pytest

from benchmarks.dsql_peers import table
from benchmarks.dsql_peers.clients import CLIENTS, OURS, PEER
from benchmarks.dsql_peers.credentials import Provider
from benchmarks.dsql_peers.impostor import Impostor
from benchmarks.dsql_peers.increments import ledger
from benchmarks.dsql_peers.rows import at, row, short
from benchmarks.peers.environments import lock_of
from tests.benchmarks.comparing import (
    ROOT,
    compare,
    hashes_of,
    need_postgres,
    pins_of,
    places_in,
)

# The others wait, for tokens to end and for slow endpoints.
MEASURES = ["tokens", "connects", "fetches", "imports", "increments", "insecure"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    need_postgres()
    path = tmp_path_factory.mktemp("peers_dsql") / "results.json"
    return compare("dsql", path, *MEASURES)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fetches", "1"),
        ("increments: told truly", "0, 0"),
        ("insecure: declines TLS", "none"),
        ("insecure: unknown CA", "none"),
        ("insecure: wrong name", "none"),
        ("insecure: expired", "none"),
        ("insecure: disabled", "none"),
    ],
)
def test_the_lab_counts_what_moorline_does(results, name, expected):
    (found,) = (row for row in results["rows"] if row["name"] == name)
    assert found["shown"][OURS] == expected
    assert found["met"] is True


def test_no_measure_failed(results):
    rows = [row for row in results["rows"] if row["details"]]
    details = {row["name"]: row["details"][OURS] for row in rows}
    assert len(details) == 15
    assert [name for name, one in details.items() if isinstance(one, str)] == []


def test_a_row_with_a_bar_has_a_verdict_and_no_other(results):
    for one in results["rows"]:
        assert (one["met"] is None) == (not one["bar"])


def test_a_table_is_made_of_the_results(results):
    lines = [one for one in table.markdown(results).splitlines() if one[:1] == "|"]
    assert len(lines) == 2 + len(results["rows"])
    assert len({line.count(" | ") for line in lines}) == 1
    assert "A QUICK RUN" in table.markdown(results)


def test_a_client_that_fails_is_told_and_misses_its_bar():
    results = {OURS: "died: no memory", PEER: 3}

    one = row("n", "what", results, "{} s".format, bar="≤ 5", met=lambda n: n <= 5)

    assert one.shown == {OURS: "died: no memory", PEER: "3 s"}
    assert one.met is False


def test_the_bar_is_for_moorline_alone():
    assert row("n", "what", {PEER: 3}, str, bar="0", met=lambda n: not n).met is None
    assert row("n", "what", {OURS: 0, PEER: 3}, str, met=lambda n: not n).met is True


@pytest.mark.parametrize(
    ("written", "value", "expected"),
    [
        ([1, 2, 3], 3, (0, 0)),
        ([1, 2, 2], 2, (1, 0)),  # one of two that wrote the same
        ([1, 3], 3, (0, 1)),  # done, and told as a failure
        ([1, 1, 3], 3, (1, 1)),  # which the sums would not show
        ([1, 2, 3], 2, (1, 0)),  # told, and gone
        ([], 0, (0, 0)),
    ],
)
def test_the_ledger_tells_lost_increments_from_unnoticed_ones(written, value, expected):
    told = ledger(written, value)
    assert (told["lost"], told["unnoticed"]) == expected
    assert told["done"] == len(written)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(2.26, "2.26 s"), (0.0341, "34.1 ms"), (9.9e-6, "9.9 µs"), (0.000_2, "200 µs")],
)
def test_durations_have_the_unit_that_suits_them(seconds, expected):
    assert short(seconds) == expected


def test_a_median_of_two_is_between_them():
    assert at(0.5, [1.0, 2.0]) == 1.5
    assert at(0.99, [float(n) for n in range(101)]) == 99.0


def test_the_source_of_credentials_fails_once():
    pytest.importorskip("botocore")
    provider = Provider(0.0, access_key="key", secret_key="secret", token="token")
    with pytest.raises(OSError, match="once"):
        provider.load()
    assert provider.load().access_key == "key"


def test_the_impostor_hears_what_it_is_told():
    request, startup = struct.pack("!II", 8, 80877103), struct.pack("!II", 8, 196608)
    with (
        Impostor() as impostor,
        socket.create_connection(("127.0.0.1", impostor.port)) as client,
    ):
        client.sendall(request)
        assert client.recv(1) == b"N"
        client.sendall(startup)
        assert client.recv(9, socket.MSG_WAITALL)[:1] == b"R"
        client.sendall(b"the token")
        assert client.recv(1) == b""
        assert impostor.heard == [b"the token"]


def test_the_peer_is_pinned_and_hashed_beside_the_drivers_that_we_test_with():
    lock = lock_of(PEER)
    pins, ours = pins_of(lock), pins_of(ROOT / "requirements" / "dev.txt")
    assert set(CLIENTS[PEER].packages) <= pins.keys()
    shared = set(CLIENTS[OURS].packages) - {OURS}
    assert {name: pins[name] for name in shared} == {n: ours[n] for n in shared}
    assert len(hashes_of(lock)) > 5
    assert places_in(lock) == []

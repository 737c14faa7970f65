"""The command of a comparison reads its words, and keeps the results of whole runs."""

from __future__ import annotations

import json
from argparse import ArgumentError

import pytest

from benchmarks.peers import command
from benchmarks.peers.command import Command, measured, results

COMMAND = Command(
    module="peers_all",
    description="Compare all.",
    kind="measure",
    names=("one", "two"),
    clients=("ours", "theirs"),
    only="this client alone",
)


def compare(options):
    rows = measured(options.names, lambda name: [{"name": name}])
    return results(options, {"cpu": "none"}, clients=options.only, rows=rows)


def table(found):
    return f"{[row['name'] for row in found['rows']]} of {found['clients']}"


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Where the results of a whole run are kept."""
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    return tmp_path / "peers_all.json"


def test_a_whole_run_is_of_everything_and_kept(kept, capsys):
    assert COMMAND.main(["--seed", "7", "--date", "2026-01-31"], compare, table) == 0
    assert capsys.readouterr() == (
        "['one', 'two'] of ['ours', 'theirs']\n",
        "one…\ntwo…\n",
    )
    found = json.loads(kept.read_text("utf-8"))
    assert list(found.items()) == [
        ("date", "2026-01-31"),
        ("seed", 7),
        ("quick", False),
        ("machine", {"cpu": "none"}),
        ("clients", ["ours", "theirs"]),
        ("rows", [{"name": "one"}, {"name": "two"}]),
    ]


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["two"], "['two'] of ['ours', 'theirs']"),
        (["--only", "ours"], "['one', 'two'] of ['ours']"),
        (["--quick"], "['one', 'two'] of ['ours', 'theirs']"),
    ],
)
def test_a_part_is_kept_only_where_it_is_told(kept, tmp_path, capsys, argv, told):
    COMMAND.main(argv, compare, table)
    assert capsys.readouterr().out == f"{told}\n"
    assert not kept.exists()
    COMMAND.main([*argv, "--json", str(tmp_path / "part.json")], compare, table)
    assert not kept.exists()
    assert table(json.loads((tmp_path / "part.json").read_text("utf-8"))) == told


def test_what_is_read_is_not_measured(kept, capsys):
    COMMAND.main([], compare, table)
    before, shown = kept.read_bytes(), capsys.readouterr().out
    COMMAND.main(["--read", str(kept)], pytest.fail, table)
    assert capsys.readouterr() == (shown, "")
    assert kept.read_bytes() == before


def test_a_name_that_is_none_is_a_wrong_option(kept, capsys):
    with pytest.raises(SystemExit, match=r"^2$"):
        COMMAND.main(["two", "three", "four"], pytest.fail, table)
    error = "python -m benchmarks.peers_all: error: no such measure: four, three\n"
    assert capsys.readouterr().err.endswith(error)


def test_what_cannot_be_measured_is_a_wrong_option(kept, capsys):
    def refuse(options):
        raise ArgumentError(None, "server: there is none")

    with pytest.raises(SystemExit, match=r"^2$"):
        COMMAND.main([], refuse, table)
    assert capsys.readouterr().err.endswith("error: server: there is none\n")
    assert not kept.exists()

from __future__ import annotations

import signal

import pytest

from moorline.lab import LabError, Node
from moorline.lab.server import PortTakenError, Server, _occupied


class Keeper:
    """Stand in for custody: every start ends at once, having logged a line."""

    def __init__(self, log, *lines):
        self.log, self.lines, self.started = log, list(lines), 0

    def spawn(self, argv, *, log):
        self.started += 1
        with self.log.open("a") as file:
            file.write(self.lines.pop(0) + "\n")
        return self.started

    def poll(self, pid):
        return 1


NODE = Node(0, "node1.lab", "127.0.0.1", 5433, "a.b.c", "primary", "u")


def server(tmp_path, *lines):
    keeper = Keeper(tmp_path / "node1.log", *lines)
    return keeper, Server(NODE, keeper, tmp_path / "node1", ["postgres"])


def test_a_failed_start_shows_the_log(tmp_path):
    _, failing = server(tmp_path, "FATAL:  out of luck")
    failing.launch()
    with pytest.raises(
        LabError, match=r"node1\.lab 127\.0\.0\.1:5433.*\n.*out of luck"
    ):
        failing.await_ready()


def test_a_taken_port_is_told_apart(tmp_path):
    _, failing = server(tmp_path, "FATAL:  could not create any TCP/IP sockets")
    failing.launch()
    with pytest.raises(PortTakenError):
        failing.await_ready()
    assert _occupied('LOG:  could not bind IPv4 address "127.0.0.1": in use')


def test_a_start_is_repeated_while_the_predecessors_backends_end(tmp_path):
    keeper, failing = server(
        tmp_path,
        "FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use",
        "FATAL:  could not map anonymous shared memory\n" * 20,
    )
    failing.launch()
    with pytest.raises(LabError, match="anonymous"):
        failing.await_ready()
    assert keeper.started == 2


def test_stopping_what_does_not_run_does_nothing(tmp_path):
    _, idle = server(tmp_path)
    idle.stop(signal.SIGINT)
    assert idle.state == "stopped"


def test_a_node_is_described_in_a_line():
    assert str(NODE) == "node1.lab 127.0.0.1:5433 a.b.c"

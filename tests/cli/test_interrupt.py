"""However the demonstration ends, nothing of it stays."""

from __future__ import annotations

import os
import signal

import pytest

SETUP = "starting three"
MIDDLE = "act 2 of 3"


def read_until(process, text):
    """Read the progress until it comes to a line."""
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"{text!r} never came")


@pytest.mark.parametrize("moment", [SETUP, MIDDLE])
def test_ctrl_c_ends_with_130_and_leaves_nothing(command, traces, wait_until, moment):
    with command.start("demo") as demo:
        read_until(demo, moment)
        keeper = wait_until(lambda: traces.keeper(demo.pid))
        wait_until(lambda: traces.directories(keeper))
        os.killpg(demo.pid, signal.SIGINT)
        out, err = demo.communicate(timeout=15)
    assert demo.returncode == 130
    assert "Traceback" not in out + err
    (said,) = [line for line in err.splitlines() if "interrupted" in line]
    assert said.startswith("moorline: interrupted")
    assert traces.left(keeper) == []


def test_sigkill_leaves_nothing_for_long(command, traces, wait_until):
    with command.start("demo") as demo:
        read_until(demo, MIDDLE)
        keeper = wait_until(lambda: traces.keeper(demo.pid))
        assert traces.directories(keeper)
        assert traces.servers(keeper)
        demo.kill()
        demo.communicate(timeout=15)
    assert demo.returncode == -signal.SIGKILL
    wait_until(lambda: not traces.left(keeper))


def test_a_normal_end_leaves_nothing(command, traces, wait_until):
    with command.start("demo", "--json") as demo:
        keeper = wait_until(lambda: traces.keeper(demo.pid))
        demo.communicate(timeout=15)
    assert demo.returncode == 0
    assert traces.left(keeper) == []


def test_a_reader_who_leaves_is_no_traceback(command, traces, wait_until):
    with command.start("demo") as demo:
        demo.stdout.close()
        keeper = wait_until(lambda: traces.keeper(demo.pid))
        err = demo.stderr.read()
        assert demo.wait(15) == 1
    assert "Traceback" not in err
    assert traces.left(keeper) == []

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from moorline.lab import LabError
from moorline.lab.custody import Custody


@pytest.fixture
def custody():
    custody = Custody()
    yield custody
    custody.close()


def test_a_program_runs_as_the_account_in_a_bare_environment(custody, monkeypatch):
    monkeypatch.setenv("PGHOST", "nonsense")
    log = custody.mkdir() / "log"
    pid = custody.spawn(["/bin/sh", "-c", "id -u; env; pwd"], log=log)
    assert custody.wait(pid, 5) == 0
    said = log.read_text()
    assert said.startswith(f"{custody.account.uid or os.getuid()}\n")
    assert "PGHOST" not in said
    assert "LC_ALL=C" in said
    assert said.endswith("\n/\n")


def test_a_program_reads_its_input_and_tells_its_exit_code(custody):
    directory = custody.mkdir()
    script = directory / "script"
    script.write_text("exit 7\n")
    script.chmod(0o600)  # the keeper opens it, not the account
    pid = custody.spawn(["/bin/sh"], log=directory / "log", stdin=script)
    assert custody.wait(pid, 5) == 7
    assert custody.signal(pid, signal.SIGTERM) is False


def test_waiting_is_bounded(custody):
    pid = custody.spawn(["/bin/sleep", "60"], log=custody.mkdir() / "log")
    assert custody.wait(pid, 0.01) is None
    assert custody.signal(pid, signal.SIGKILL)
    assert custody.wait(pid, 5) == -signal.SIGKILL


def test_what_cannot_be_started_is_an_error(custody):
    with pytest.raises(LabError, match=r"could not spawn: .*/nonexistent"):
        custody.spawn(["/nonexistent"], log=custody.mkdir() / "log")


def test_an_answer_that_ctrl_c_left_unread_is_passed_over(custody):
    pid = custody.spawn(["/bin/true"], log=custody.mkdir() / "log")
    custody._keeper.stdin.write(b'{"id": 0, "do": "poll", "pid": %d}\n' % pid)
    assert custody.wait(pid, 5) == 0


def test_closing_ends_everything_and_again_is_no_error(alive):
    custody = Custody()
    directory = custody.mkdir()
    pid = custody.spawn(["/bin/sleep", "60"], log=directory / "log")
    custody.close()
    custody.close()
    assert not alive(pid)
    assert not directory.exists()
    with pytest.raises(LabError, match="closed"):
        custody.mkdir()


def test_a_dead_keeper_is_reported():
    custody = Custody()
    directory = custody.mkdir()
    os.kill(custody.pid, signal.SIGKILL)
    custody._keeper.wait()
    with pytest.raises(LabError, match="keeper has ended"):
        custody.mkdir()
    with pytest.raises(LabError, match=r"could not clean up \(exit code -9\)"):
        custody.close()
    Path(directory).rmdir()

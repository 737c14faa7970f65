"""Nothing stays behind, in whatever way the user of a lab ends."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from moorline.lab import YugabyteLab, keeper
from moorline.lab.account import Account

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop privileges")

LAB = """
import json, signal, sys
from moorline.lab import YugabyteLab

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background jobs

def main(lab):
    print(json.dumps({"directory": lab.directory, "pids":
        [lab.keeper_pid, *map(lab.pid, range(len(lab.nodes)))]}), flush=True)
    sys.stdin.readline()

if __name__ == "__main__":
    with YugabyteLab() as lab:
        %s
        main(lab)
"""


def report(program):
    said = json.loads(program.stdout.readline())
    return Path(said["directory"]), said["pids"]


def end(program):
    program.kill()
    program.communicate()


@pytest.fixture
def all_gone(alive, eventually):
    def gone(directory, pids):
        return eventually(
            lambda: not directory.exists() and not any(map(alive, pids)), 5.0
        )

    return gone


@pytest.mark.parametrize(
    "fault",
    ["", "lab.kill(1)", "lab.pause(1)", "lab.pause(0); lab.start(0); lab.stop(2)"],
    ids=["running", "killed", "paused", "stopped"],
)
def test_sigkill_of_the_user_leaves_nothing(fault, all_gone, processes_of, python):
    program = python(LAB % fault)
    directory, pids = report(program)
    end(program)
    assert all_gone(directory, filter(None, pids))
    assert processes_of(str(directory)) == []


def test_ctrl_c_in_a_terminal_leaves_nothing(alive, python):
    program = python(LAB % "", stderr=subprocess.DEVNULL)
    directory, pids = report(program)
    os.killpg(program.pid, signal.SIGINT)
    program.communicate()
    assert program.returncode == -signal.SIGINT
    # Everything is gone before the program is: no waiting here.
    assert not directory.exists()
    assert not any(map(alive, pids))


# The steps of setting up: initdb, the single-user server, copies, the first node.
@pytest.mark.parametrize("step", [1, 2, 3, 5])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_ending_while_the_lab_is_set_up_leaves_nothing(
    step, number, python, all_gone, processes_of
):
    script = f"""
import json, signal, sys
from moorline.lab import YugabyteLab
from moorline.lab.custody import Custody

signal.signal(signal.SIGINT, signal.default_int_handler)

spawn, made = Custody.spawn, []

def announced(custody, argv, *, log, **options):
    made.append(spawn(custody, argv, log=log, **options))
    if len(made) == {step}:
        pids = [custody.pid, made[-1]]
        text = json.dumps({{"directory": str(log.parent), "pids": pids}})
        print(text, flush=True)
    return made[-1]

Custody.spawn = announced
with YugabyteLab():
    sys.stdin.readline()
"""
    program = python(script, stderr=subprocess.DEVNULL)
    directory, pids = report(program)
    program.send_signal(number)
    program.communicate()
    assert all_gone(directory, pids)
    assert processes_of(str(directory)) == []


def test_a_forked_child_that_lives_on_does_not_keep_the_lab(all_gone, python):
    # It holds the pipe's other end, so the keeper must look at its parent as well.
    program = python(LAB % "import os; os.fork() or os.execlp('sleep', 'sleep', '30')")
    directory, pids = report(program)
    program.kill()
    assert all_gone(directory, pids)
    os.killpg(program.pid, signal.SIGKILL)
    program.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_a_node_has_stopped_when_it_is_said_to_be_paused(make_yugabyte_lab):
    lab = make_yugabyte_lab(nodes=1)
    stat = Path(f"/proc/{lab.pid(0)}/stat")
    for _ in range(30):
        lab.pause(0)
        assert stat.read_text().rpartition(")")[2].split()[0] == "T"
        lab.start(0)


def test_sigkill_of_the_keeper_takes_the_servers_along(
    make_yugabyte_lab, eventually, alive
):
    lab = YugabyteLab(nodes=2).open()
    directory, pids = Path(lab.directory), [lab.pid(0), lab.pid(1)]
    lab.pause(1)
    os.kill(lab.keeper_pid, signal.SIGKILL)
    assert eventually(lambda: not any(map(alive, pids)))
    shutil.rmtree(directory)
    with pytest.raises(RuntimeError, match="could not clean up"):
        lab.close()


def test_a_keeper_that_is_asked_to_end_cleans_up(yugabyte_templates, all_gone):
    lab = YugabyteLab(nodes=1, templates=yugabyte_templates).open()
    directory, pid = Path(lab.directory), lab.pid(0)
    os.kill(lab.keeper_pid, signal.SIGTERM)
    assert all_gone(directory, [pid])
    lab.close()


@pytest.mark.skipif(sys.platform != "linux", reason="adopting orphans is Linux's")
def test_a_backend_that_ignores_its_postmasters_death_is_ended(
    make_yugabyte_lab, alive
):
    lab = make_yugabyte_lab(nodes=1)
    # A stopped process notices nothing.
    ((backend,),) = lab.sql(0, "select pg_backend_pid()")
    os.kill(int(backend), signal.SIGSTOP)
    lab.kill(0)
    assert alive(int(backend))
    lab.close()
    assert not alive(int(backend))


@pytest.mark.skipif(not shutil.which("ipcs"), reason="needs ipcs")
def test_killed_servers_leave_no_shared_memory(yugabyte_templates):
    def segments():
        return subprocess.run(
            [shutil.which("ipcs"), "-m"], capture_output=True, check=True
        ).stdout

    with YugabyteLab(nodes=1, templates=yugabyte_templates) as lab:
        file = Path(lab.directory, "node1", "postmaster.pid")
        _, number = file.read_text().splitlines()[6].split()
        assert f" {number} " in segments().decode()
        lab.kill(0)
    assert f" {number} " not in segments().decode()


@as_root
def test_an_ordinary_user_has_a_lab_too(public_path, alive):
    account = Account()
    candidates = filter(
        None, (sys.executable, shutil.which("python3", path="/usr/bin"))
    )
    interpreter = next((p for p in candidates if account.can_use(Path(p))), None)
    if interpreter is None:
        pytest.skip("there is no interpreter that an ordinary user may execute")
    package = Path(keeper.__file__).parents[1]
    shutil.copytree(package, public_path / "moorline")
    script = LAB % "assert lab.counts() == (0, 0, 0), lab.counts()"
    program = subprocess.Popen(
        [interpreter, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env={"PYTHONPATH": str(public_path), "PATH": os.environ["PATH"]},
        user=account.uid,
        group=account.gid,
        extra_groups=[],
    )
    try:
        directory, pids = report(program)
        assert directory.stat().st_uid == account.uid
    finally:
        program.communicate("\n")
    assert program.returncode == 0
    assert not directory.exists()
    assert not any(map(alive, pids))


def test_the_script_imports_nothing_of_moorline():
    tree = ast.parse(Path(keeper.__file__).read_text())
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            names = [statement.module]
        else:
            continue
        assert set(names) <= sys.stdlib_module_names | {"collections.abc"}

"""The sending process is killed; what `flush` returned for is on disk, and arrives.

By hand, more often: ``CHAOS_KILLS=50 python -m pytest tests/questdb/chaos``.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from moorline.questdb import Sender
from tests.questdb.senders import KINDS, conf

if TYPE_CHECKING:
    from moorline.lab import QuestdbLab

KILLS = int(os.environ.get("CHAOS_KILLS", "4"))
VICTIM = Path(__file__).with_name("victim.py")
APART = 10**9  # between the numbers of two lives
OPTIONS = {"protocol_version": 2, "auto_flush_interval": 50, "retry_timeout": 200}

pytestmark = [
    pytest.mark.timeout(60 + 5 * KILLS),
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]


def live_and_die(kind: str, text: str, first: int, until: int) -> int:
    """Let a process stream until so many rows are safe; return how many were."""
    command = [sys.executable, str(VICTIM), kind, text, str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        safe = 0
        for line in process.stdout:
            safe = int(line)
            if safe >= until:
                process.kill()
                break
        # What it had said before it died.
        for line in process.stdout:
            if line.endswith(b"\n"):
                safe = int(line)
    assert process.returncode == -9
    return safe


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_were_flushed_outlive_the_process(
    questdb_lab: QuestdbLab, tmp_path: Path, kind: str
) -> None:
    questdb_lab.sql(
        "create table t (id long, timestamp timestamp) timestamp(timestamp) "
        "partition by day wal dedup upsert keys(timestamp, id)"
    )
    dice = random.Random(KILLS)
    text = conf(questdb_lab, spool_dir=tmp_path, **OPTIONS)
    safe = {}
    for life in range(KILLS):
        if life % 2:
            questdb_lab.faults.refuse()  # all of it is left to the next one
        first = life * APART
        safe[first] = live_and_die(kind, text, first, dice.randrange(10, 1000))
        questdb_lab.faults.admit()
    Sender.from_conf(text).close()
    assert not list(tmp_path.rglob("*.ilp"))
    while not questdb_lab._settled("t"):
        time.sleep(0.01)
    for first, count in safe.items():
        ((found, last),) = questdb_lab.sql(
            f"select count_distinct(id), max(id) from t where id >= {first} "  # noqa: S608 - numbers of ours
            f"and id < {first + APART}"
        )
        assert found >= count, "rows that were safe are lost"
        assert last == first + found - 1, "there is a gap"


def test_a_forked_child_does_not_hold_what_its_killed_parent_left(
    questdb_lab: QuestdbLab, tmp_path: Path
) -> None:
    options = {**OPTIONS, "spool_dir": tmp_path}
    text = conf(questdb_lab, **options)
    questdb_lab.faults.refuse()
    command = [sys.executable, str(VICTIM), "fork", text, "0"]
    parent = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    child = int(parent.stdout)
    try:
        assert parent.returncode == -9
        questdb_lab.faults.admit()
        Sender.from_conf(text).close()
        questdb_lab.wait_rows("t", 1)
    finally:
        os.kill(child, 9)

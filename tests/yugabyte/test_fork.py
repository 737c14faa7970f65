"""A forked child starts with fresh counts and its parent's knowledge."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorline.lab import YugabyteLab

PROGRAM = """
import os, sys
from moorline.yugabyte import Cluster, psycopg

dsn = sys.argv[1]
cluster = Cluster(dsn)
held = [psycopg.connect(dsn) for _ in range(2)]

def child():
    loads = [node.load for node in cluster.topology().nodes]
    mine = [psycopg.connect(dsn) for _ in range(3)]
    spread = [node.load for node in cluster.topology().nodes]
    print(loads, spread, flush=True)
    for conn in mine:
        conn.close()

for _ in range(3):
    pid = os.fork()
    if pid == 0:
        child()
        os._exit(0)
    os.waitpid(pid, 0)
for conn in held:
    assert conn.execute("select 1").fetchone() == (1,)
    conn.close()
print([node.load for node in cluster.topology().nodes])
"""


def test_a_forked_child_counts_its_own_connections_only(lab: YugabyteLab) -> None:
    """Both sibling drivers send thirty forked workers to one node."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, lab.dsn(load_balance="true")],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout.splitlines() == ["[0, 0, 0] [1, 1, 1]"] * 3 + ["[0, 0, 0]"]

"""QuestDB's own client writes the same bytes of the same frames."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("implementation", ["python", ""])
def test_random_frames_are_written_as_the_client_writes_them(implementation):
    if not (ROOT / ".venv-peers" / "questdb" / "bin" / "python").exists():
        pytest.skip("QuestDB's client has no environment here: see benchmarks/peers")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.questdb_frame_parity", "--frames", "60"],
        cwd=ROOT,
        env={**os.environ, "MOORLINE_IMPL": implementation},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert "v2 equal" in done.stdout
    assert done.returncode == 0, done.stdout

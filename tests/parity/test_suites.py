"""What holds for the implementation in force holds for the other one as well."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from moorline.questdb import __impl__
from tests.parity.implementations import need_kernel

ROOT = Path(__file__).parents[2]
SUITES = [
    "test_appender.py",
    "test_buffer.py",
    "test_decimals.py",
    "test_foreign.py",
    "test_intake.py",
    "test_interop.py",
    "test_lines.py",
    "test_names.py",
    "test_rows_properties.py",
    "test_schema.py",
    "test_store.py",
    "test_values.py",
]


@pytest.mark.timeout(240)  # it is a thousand tests
def test_the_suites_pass_with_the_other_implementation():
    need_kernel()
    other = "python" if __impl__ == "c" else "c"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [str(ROOT / "tests" / "questdb" / name) for name in SUITES]
    done = subprocess.run(
        command,
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "MOORLINE_IMPL": other},
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout

"""Test suites of others, which use the lab's plugin: each is run in a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import moorline

__all__ = ["SOURCES", "hide", "run"]

SOURCES = Path(moorline.__file__).parents[1]


def run(path: Path, uses: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Write tests into a folder and run them there, outside of a pipeline.

    Warnings are errors, and what is skipped is told with its reason. The environment is
    ours, and what is given: ``CI="1"`` for a pipeline.
    """
    (path / "test_it.py").write_text(uses)
    clean = {k: v for k, v in os.environ.items() if k not in {"CI", "PYTEST_ADDOPTS"}}
    # By name: an installed moorline would register the plugin a second time.
    words = ["-p", "moorline.lab.pytest_plugin", "-p", "no:cacheprovider", "-rs"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *words, "-W", "error", str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=path,
        env=clean
        | {"PYTHONPATH": str(SOURCES), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        | environment,
    )


def hide(path: Path, package: str) -> None:
    """Have the tests in a folder run as if a package were not installed."""
    (path / "conftest.py").write_text(
        "import importlib.util as u\n"
        "real = u.find_spec\n"
        f"u.find_spec = lambda n, p=None: None if n == {package!r} else real(n, p)\n"
    )

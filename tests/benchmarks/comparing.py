"""What the tests of the comparisons share: a quick run, and what a lock file says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.peers.drivers import OURS
from moorline.lab import LabError, binaries

if TYPE_CHECKING:
    from benchmarks.report import Results

__all__ = ["ROOT", "compare", "hashes_of", "need_postgres", "pins_of", "places_in"]

ROOT = Path(__file__).parents[2]
# What would name the place that a package comes from.
PLACES = ("://", "--index-url", "--extra-index-url", "--find-links=", "file:")


def need_postgres() -> None:
    """Skip a test where there is no PostgreSQL; a pipeline must have one."""
    try:
        binaries.find(tls=False)
    except LabError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def compare(product: str, path: Path, *words: str, limit: float = 50) -> Results:
    """Run a comparison with moorline alone and tiny counts; return its results."""
    options = ["--quick", "--only", OURS, "--json", path]
    subprocess.run(
        [sys.executable, "-m", f"benchmarks.peers_{product}", *words, *options],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        timeout=limit,
    )
    return json.loads(path.read_text("utf-8"))


def pins_of(lock: Path) -> dict[str, str]:
    """Return the packages that a file pins, with their versions."""
    text = lock.read_text("utf-8")
    return dict(re.findall(r"^([\w-]+)==(\S+)", text, re.MULTILINE))


def hashes_of(lock: Path) -> list[str]:
    """Return the hashes that a file knows."""
    text = lock.read_text("utf-8")
    return re.findall(r"^ .*--hash=sha256:([0-9a-f]{64})", text, re.MULTILINE)


def places_in(lock: Path) -> list[str]:
    """Return what a file has that names a place."""
    text = lock.read_text("utf-8")
    return [place for place in PLACES if place in text]

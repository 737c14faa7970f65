"""What an installation takes on disk, without what it depends on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.peers.environments import ROOT
from benchmarks.questdb_peers.clients import OURS, PEER
from benchmarks.questdb_peers.rows import MISSING, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.questdb_peers.stage import Stage

__all__ = ["measure"]

MOST = 5.0  # MB; the bar
LEFT = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.pyc", "*.so", "*.c")
# Of the work tree: what a wheel is made from.
SOURCES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "src")


def measure(stage: Stage) -> Iterator[Row]:
    """Install ours from a wheel, bytecode and all; of the other, tell its files."""
    sizes: dict[str, float] = {}
    if OURS in stage.clients:
        sizes[OURS] = _installed() / 1e6
    if PEER in stage.clients:
        sizes[PEER] = stage.worker(PEER).ask("size") / 1e6
    yield Row(
        name="size",
        what="what an installation takes on disk, without dependencies",
        ours=_shown(sizes, OURS),
        beside=_shown(sizes, PEER),
        bar=f"≤ {MOST:g} MB",
        met=sizes[OURS] <= MOST if OURS in sizes else None,
        details=sizes,
    )


def _shown(sizes: dict[str, float], client: str) -> str:
    return f"{sizes[client]:.3g} MB" if client in sizes else MISSING


def _installed() -> int:
    """Build a wheel away from the work tree; return the bytes that pip makes of it."""
    with TemporaryDirectory() as folder:
        tree, target = Path(folder, "tree"), Path(folder, "target")
        tree.mkdir()
        for source in (ROOT / name for name in SOURCES):
            if source.is_dir():
                shutil.copytree(source, tree / source.name, ignore=LEFT)
            elif source.exists():
                shutil.copy(source, tree)
        _run("build", "--wheel", "--no-isolation", "--outdir", folder, str(tree))
        (wheel,) = Path(folder).glob("*.whl")
        quiet = ("--quiet", "--disable-pip-version-check")
        plain = ("--no-deps", "--no-index", "--compile", "--target", str(target))
        _run("pip", "install", *quiet, *plain, str(wheel))
        return sum(path.stat().st_size for path in target.rglob("*") if path.is_file())


def _run(*command: str) -> None:
    subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", *command], check=True, stdout=subprocess.DEVNULL
    )

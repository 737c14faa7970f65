"""An environment for each peer: the forks overwrite the packages that they fork."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.drivers import OURS

__all__ = ["ROOT", "lock_of", "python_of"]

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".venv-peers"


def lock_of(name: str) -> Path:
    """Return the file that pins and hashes what a peer's environment holds."""
    return ROOT / "requirements" / "peers" / f"{name}.txt"


def python_of(name: str) -> Path:
    """Return the interpreter that has a driver; make its environment if it is due."""
    if name == OURS:
        return Path(sys.executable)
    home, wanted = HOME / name, lock_of(name).read_bytes()
    python, stamp = home / "bin" / "python", home / ".ready"
    if not (stamp.exists() and stamp.read_bytes() == wanted and python.exists()):
        print(f"making {home.relative_to(ROOT)}", file=sys.stderr, flush=True)
        shutil.rmtree(home, ignore_errors=True)
        _make(home, python, lock_of(name))
        stamp.write_bytes(wanted)  # last: an interrupted install leaves none
    return python


def _make(home: Path, python: Path, lock: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    locked = ("install", "--quiet", "--require-hashes", "--only-binary", ":all:")
    what = (*locked, "-r", str(lock))
    if uv.exists():
        _run(sys.executable, "-m", "venv", "--without-pip", str(home))
        _run(str(uv), "pip", *what, "--python", str(python))
    else:
        _run(sys.executable, "-m", "venv", str(home))
        _run(str(python), "-m", "pip", *what)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603 - our own interpreter and uv

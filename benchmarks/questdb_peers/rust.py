"""The program that writes rows with QuestDB's client for Rust, built when it is due."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.client import WorkerFailed
from benchmarks.peers.environments import HOME

__all__ = ["program"]

SOURCES = Path(__file__).with_name("rust")
FOLDER = HOME / "questdb-rs"
LIMIT = 300.0  # seconds; half a minute is usual


def program() -> Path:
    """Return the program, built from the sources as they are.

    Raises WorkerFailed if it cannot be: no cargo, or what cargo says.
    """
    cargo = shutil.which("cargo")
    if cargo is None:
        raise WorkerFailed("not built: there is no cargo")
    built = FOLDER / "target" / "release" / "questdb-rows"
    wanted = b"".join(path.read_bytes() for path in sorted(SOURCES.rglob("*.*")))
    stamp = FOLDER / ".ready"
    if not (built.exists() and stamp.exists() and stamp.read_bytes() == wanted):
        print(f"building {built.name} with cargo", file=sys.stderr, flush=True)
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(SOURCES, FOLDER)
        _build(cargo)
        stamp.write_bytes(wanted)  # last: what was interrupted leaves none
    return built


def _build(cargo: str) -> None:
    told = _run(str(Path(cargo).with_name("rustc")), "--version")
    version = told.split()[1]  # behind the name
    environment = {"CARGO_TARGET_DIR": str(FOLDER / "target"), "BUILT_BY": version}
    _run(cargo, "build", "--release", "--quiet", **environment)


def _run(*command: str, **environment: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - Rust's tools, with our own sources
            command,
            cwd=FOLDER,
            env={**os.environ, **environment},
            check=False,
            capture_output=True,
            encoding="utf-8",
            timeout=LIMIT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WorkerFailed(f"not built: {error}") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line]
        raise WorkerFailed(f"not built: {(lines or ['cargo failed'])[0].strip()}")
    return done.stdout

"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

import moorline
from moorline.lab import binaries

if TYPE_CHECKING:
    from moorline.lab import YugabyteLab

__all__ = ["cores", "describe", "file_system", "server_settings"]

# What decides how fast a server is here.
SETTINGS = ("fsync", "synchronous_commit", "shared_buffers", "ssl")


def describe() -> dict[str, object]:
    """Describe machine and software; nothing that would name the machine."""
    libpq = psycopg.pq.version()
    return {
        "machine": platform.machine(),
        "cpu": _cpu(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.release()}",
        "load average before": round(os.getloadavg()[0], 2),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "moorline": moorline.__version__,
        "psycopg": f"{psycopg.__version__} ({psycopg.pq.__impl__})",
        "libpq": f"{libpq // 10_000}.{libpq % 10_000}",
        "postgresql": binaries.find(tls=False).version,
    }


def cores() -> int:
    """Return how many cores this process may use, if the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 0


def server_settings(lab: YugabyteLab) -> dict[str, object]:
    """Tell what a lab's servers run on, as notes to a figure."""
    shown = {name: lab.sql(0, f"show {name}")[0][0] for name in SETTINGS}
    return {**shown, "files on": file_system(lab.directory)}


def file_system(directory: str) -> str:
    """Return the type of the file system that holds a directory: "tmpfs"."""
    path, found = Path(directory).resolve(), (Path("/"), "unknown")
    for line in _lines("/proc/mounts"):
        point, kind = line.split()[1:3]
        mount = Path(point)
        if path.is_relative_to(mount) and len(mount.parts) >= len(found[0].parts):
            found = (mount, kind)
    return found[1]


def _cpu() -> str:
    for line in _lines("/proc/cpuinfo"):
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or "unknown"


def _lines(file: str) -> list[str]:
    """Read a file that only Linux has."""
    path = Path(file)
    return path.read_text("utf-8").splitlines() if path.exists() else []

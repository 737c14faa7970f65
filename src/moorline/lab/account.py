"""Decide as whom the servers run, and where their files lie."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from moorline.lab.errors import LabError

__all__ = ["Account", "choose_base"]

_ROOM = 200 * 1024 * 1024  # bytes; three nodes of 35 MB with room to work
_LONGEST = 51  # characters; with those of a node's socket no more than systems allow


class Account:
    """Name the user as whom the servers run.

    PostgreSQL refuses to run as root. So root hands everything to ``nobody``, who
    exists everywhere and needs no account to be made; others stay who they are.
    """

    def __init__(self) -> None:
        """Look up ``nobody`` if this process is root's."""
        if os.name != "posix":
            raise LabError("the lab needs Linux or macOS")
        self.uid: int | None = None
        self.gid: int | None = None
        if os.geteuid() == 0:
            import pwd  # noqa: PLC0415 - absent on Windows

            entry = pwd.getpwnam("nobody")
            self.uid, self.gid = entry.pw_uid, entry.pw_gid

    def give(self, path: Path) -> None:
        """Make the account the owner of a file or directory."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def can_use(self, path: Path) -> bool:
        """Tell whether the account may enter a directory or execute a program."""
        if self.uid is None:
            return os.access(path, os.R_OK | os.X_OK)
        path = path.resolve()
        return path.stat().st_mode & 0o005 == 0o005 and all(  # noqa: PLR2004 - r-x
            place.stat().st_mode & 0o001 for place in path.parents
        )


def choose_base(account: Account, *, programs: bool = False) -> Path:
    """Choose where to make a directory: in memory if there is room, else on disk.

    Directories for ``programs`` avoid memory: /dev/shm is often mounted without the
    right to execute. Raises LabError if there is no room anywhere.
    """
    memory = Path("/dev/shm")  # noqa: S108 - a fresh directory is made in it
    disk = (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"))  # noqa: S108
    places = disk if programs else (memory, *disk)
    for place in places:
        if (
            len(str(place)) <= _LONGEST
            and os.access(place, os.W_OK | os.X_OK)
            and account.can_use(place)
            and shutil.disk_usage(place).free >= _ROOM
        ):
            return place
    tried = ", ".join(map(str, places))
    raise LabError(
        "no directory is writable, has 200 MB free and a path of at most"
        f" {_LONGEST} characters; tried {tried}"
    )

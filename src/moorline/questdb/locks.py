"""A file that one process at a time may hold; the system frees it when that ends."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["try_lock"]


def try_lock(path: Path) -> IO[bytes] | None:
    """Return the file, which is held until it is closed; `None`: somebody holds it.

    Raises:
        OSError: The file cannot be opened.
    """
    file = path.open("ab")
    try:
        _lock(file)
    except BlockingIOError:
        file.close()
        return None
    except PermissionError:  # how Windows says the same
        file.close()
        if sys.platform != "win32":
            raise
        return None
    return file


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

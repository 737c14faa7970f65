"""Batches on disk until a server has acknowledged them, in the order of their coming.

::

    spool_dir/sender-0/lock                    held by the sender whose folder it is
    spool_dir/sender-0/0000000007-75000.ilp    the seventh batch, of 75000 rows
    spool_dir/refused/                         what a server refused for good

Each sender has a folder of its own. What the senders of processes that are gone have
left behind is taken over by the next one that opens the same ``spool_dir``.
"""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from moorline.errors import ConfigError, IngestError
from moorline.questdb.batch import Batch
from moorline.questdb.locks import try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Spool", "Spooled"]

BATCH = re.compile(r"(\d{10,})-(\d+)\.ilp")
PART = ".part"
MOST_SENDERS = 10_000


class Spooled(NamedTuple):
    """A batch on disk."""

    path: Path
    rows: int
    size: int

    def batch(self) -> Batch:
        """Read it."""
        return Batch(self.path.read_bytes(), self.rows)


class Spool:
    """The batches of one sender that are not acknowledged yet.

    Threads may share it.

    Args:
        folder: ``spool_dir``; it is made if it is not there.

    Raises:
        ConfigError: The folder cannot be used.
    """

    def __init__(self, folder: str) -> None:
        self._root = Path(folder)
        self._turn = threading.Lock()
        self._waiting: dict[Path, Spooled] = {}  # oldest first
        self._last = 0
        try:
            self._folder, self._lock = self._take_folder()
            self._load()
            self._adopt()
        except OSError as error:
            raise ConfigError(
                f"spool_dir={folder}: {error.strerror}: {error.filename}; it must be a "
                "folder that this process may write to"
            ) from error

    def __len__(self) -> int:
        """Return how many batches there are."""
        return len(self._waiting)

    @property
    def size(self) -> int:
        """How many bytes they have."""
        with self._turn:
            return sum(one.size for one in self._waiting.values())

    def put(self, batch: Batch) -> None:
        """Keep a batch; when this returns, it outlives the process and the machine.

        Raises:
            IngestError: It could not be written, or the folder was let go; nothing of
                it is there.
        """
        with self._turn:
            if self._lock.closed:
                raise IngestError(
                    f"{batch.rows} rows: the sender is closed, and its spool_dir is "
                    "another's; all of them are kept"
                )
            path = self._next_path(batch.rows)
        # Not under the lock: a disk may take its time, and others ask for the size.
        try:
            _write(path, batch.body)
        except OSError as error:
            raise IngestError(
                f"{batch.rows} rows could not be written to {path}: "
                f"{error.strerror}; all of them are kept"
            ) from error
        with self._turn:
            self._waiting[path] = Spooled(path, batch.rows, len(batch.body))

    def oldest(self) -> Spooled | None:
        """Return the batch to deliver next; `None`: there is none."""
        with self._turn:
            return next(iter(self._waiting.values()), None)

    def remove(self, spooled: Spooled) -> None:
        """Forget a batch: it was acknowledged."""
        spooled.path.unlink()
        with self._turn:
            del self._waiting[spooled.path]

    def refuse(self, spooled: Spooled) -> Path:
        """Put a batch aside that a server refuses for good; return where it is now."""
        folder = self._root / "refused"
        folder.mkdir(exist_ok=True)
        place = folder / f"{self._folder.name}-{spooled.path.name}"
        spooled.path.replace(place)
        _sync_folder(folder)
        with self._turn:
            del self._waiting[spooled.path]
        return place

    def note_rest(self, error: Exception) -> None:
        """Add to an error how many batches are left, if there are any."""
        if rest := len(self):
            error.add_note(
                f"{rest} batches are in spool_dir; the next sender that has it "
                "delivers them"
            )

    def close(self) -> None:
        """Let the folder go; what is left in it is the next sender's."""
        self._lock.close()

    def _take_folder(self) -> tuple[Path, IO[bytes]]:
        """Return the first folder that nobody holds, and its lock."""
        self._root.mkdir(parents=True, exist_ok=True)
        for number in range(MOST_SENDERS):
            folder = self._root / f"sender-{number}"
            folder.mkdir(exist_ok=True)
            lock = try_lock(folder / "lock")
            if lock is not None:
                return folder, lock
        raise ConfigError(f"spool_dir={self._root}: {MOST_SENDERS} senders hold it")

    def _load(self) -> None:
        """Take up what the folder's last sender left."""
        for part in self._folder.glob(f"*{PART}"):
            part.unlink()  # whoever wrote it was never told that it is safe
        for path, rows in _batches(self._folder):
            self._waiting[path] = Spooled(path, rows, path.stat().st_size)
            self._last = int(path.name.partition("-")[0])

    def _adopt(self) -> None:
        """Take over what is in folders that nobody holds."""
        for folder in sorted(self._root.glob("sender-*")):
            if folder == self._folder:
                continue
            lock = try_lock(folder / "lock")
            if lock is None:
                continue
            with lock:
                for path, rows in _batches(folder):
                    place = self._next_path(rows)
                    path.replace(place)
                    self._waiting[place] = Spooled(place, rows, place.stat().st_size)

    def _next_path(self, rows: int) -> Path:
        self._last += 1
        return self._folder / f"{self._last:010d}-{rows}.ilp"


def _batches(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield the batches in a folder and how many rows they have, oldest first."""
    found = [(BATCH.fullmatch(path.name), path) for path in folder.iterdir()]
    numbered = [(int(m[1]), int(m[2]), path) for m, path in found if m]
    for _, rows, path in sorted(numbered):
        yield path, rows


def _write(path: Path, body: bytes | bytearray | memoryview) -> None:
    """Write a file that is there whole or not at all, whatever happens to the power."""
    part = path.with_suffix(PART)
    try:
        with part.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    """Have the names of a folder written; Windows does it by itself."""
    if os.name == "posix":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)

"""Batches on disk: order, what a crash leaves, whose folder it is."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from moorline.errors import ConfigError, IngestError
from moorline.questdb.batch import Batch
from moorline.questdb.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path


def batch(number: int) -> Batch:
    return Batch(b"t x=%di\n" % number, 1)


def bodies(spool: Spool) -> list[bytes]:
    found = []
    while (oldest := spool.oldest()) is not None:
        found.append(oldest.batch().body)
        spool.remove(oldest)
    return found


def test_batches_come_out_in_the_order_of_their_coming(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path / "new" / "folder"))
    assert spool.oldest() is None
    for number in range(12):
        spool.put(batch(number))
    assert (len(spool), spool.size) == (12, sum(len(batch(n).body) for n in range(12)))
    assert bodies(spool) == [batch(number).body for number in range(12)]
    assert (len(spool), spool.size) == (0, 0)
    spool.close()


def test_what_a_sender_left_is_the_next_ones(tmp_path: Path) -> None:
    first = Spool(str(tmp_path))
    first.put(batch(1))
    first.put(batch(2))
    first.close()
    second = Spool(str(tmp_path))
    second.put(batch(3))
    oldest = second.oldest()
    assert oldest.rows == 1
    assert bodies(second) == [batch(number).body for number in (1, 2, 3)]
    second.close()


def test_senders_side_by_side_have_folders_of_their_own(tmp_path: Path) -> None:
    first, second = Spool(str(tmp_path)), Spool(str(tmp_path))
    first.put(batch(1))
    second.put(batch(2))
    assert [len(first), len(second)] == [1, 1]
    second.close()
    third = Spool(str(tmp_path))
    assert bodies(third) == [batch(2).body]
    third.close()
    first.close()


def test_what_several_left_is_taken_over_by_one(tmp_path: Path) -> None:
    spools = [Spool(str(tmp_path)) for _ in range(3)]
    for number, spool in enumerate(spools):
        spool.put(batch(number))
        spool.put(batch(number + 10))
    for spool in spools:
        spool.close()
    heir = Spool(str(tmp_path))
    assert bodies(heir) == [batch(n).body for n in (0, 10, 1, 11, 2, 12)]
    heir.close()


def test_a_batch_that_was_half_written_is_none(tmp_path: Path) -> None:
    first = Spool(str(tmp_path))
    first.put(batch(1))
    first.close()
    (tmp_path / "sender-0" / "0000000002-1.part").write_bytes(b"t x=")
    (tmp_path / "sender-0" / "notes.txt").write_text("somebody's")
    second = Spool(str(tmp_path))
    assert bodies(second) == [batch(1).body]
    assert not list(tmp_path.rglob("*.part"))
    second.close()


def test_a_process_that_was_killed_leaves_its_folder(tmp_path: Path) -> None:
    program = (
        "import os, signal\n"
        "from moorline.questdb.batch import Batch\n"
        "from moorline.questdb.spool import Spool\n"
        f"spool = Spool({str(tmp_path)!r})\n"
        "spool.put(Batch(b't x=7i\\n', 1))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False)
    assert ended.returncode == -9
    spool = Spool(str(tmp_path))
    assert bodies(spool) == [b"t x=7i\n"]
    spool.close()


def test_what_is_refused_is_put_aside(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path))
    spool.put(batch(1))
    spool.put(batch(2))
    place = spool.refuse(spool.oldest())
    assert place.parent == tmp_path / "refused"
    assert place.read_bytes() == batch(1).body
    assert bodies(spool) == [batch(2).body]
    spool.close()


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match=r"spool_dir=.*file.*must be a folder"):
        Spool(str(file))


def test_what_cannot_be_written_is_the_callers(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path))
    spool.put(batch(1))
    (tmp_path / "sender-0" / "0000000002-1.part").mkdir()
    with pytest.raises(IngestError, match="could not be written"):
        spool.put(batch(2))
    assert len(spool) == 1
    spool.put(batch(3))
    assert bodies(spool) == [batch(1).body, batch(3).body]
    spool.close()
    with pytest.raises(IngestError, match="closed"):
        spool.put(batch(4))

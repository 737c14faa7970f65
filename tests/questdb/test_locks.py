"""A file that one holder at a time has, in this process and in others."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from moorline.questdb.locks import try_lock

if TYPE_CHECKING:
    from pathlib import Path


def test_one_has_it_until_it_is_closed(tmp_path: Path) -> None:
    first = try_lock(tmp_path / "lock")
    assert first is not None
    assert try_lock(tmp_path / "lock") is None
    first.close()
    second = try_lock(tmp_path / "lock")
    assert second is not None
    second.close()


def test_a_process_that_is_killed_has_it_no_longer(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; "
        "from moorline.questdb.locks import try_lock; "
        f"held = try_lock(Path({str(tmp_path / 'lock')!r})); "
        "print(held is not None, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"True\n"
        assert try_lock(tmp_path / "lock") is None
        process.kill()
        process.wait()
    found = try_lock(tmp_path / "lock")
    assert found is not None
    found.close()


def test_a_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="lock"):
        try_lock(tmp_path / "nowhere" / "lock")

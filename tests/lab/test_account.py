from __future__ import annotations

import os
import shutil
import tempfile
from collections import namedtuple
from pathlib import Path

import pytest

from moorline.lab import LabError
from moorline.lab.account import Account, choose_base

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop privileges")

MEMORY = Path("/dev/shm")  # noqa: S108 - compared, not used


@as_root
def test_root_hands_files_to_nobody(tmp_path):
    account = Account()
    account.give(tmp_path)
    assert tmp_path.stat().st_uid == account.uid != 0


@as_root
def test_a_path_below_a_private_directory_is_of_no_use_to_nobody(public_path):
    inner = public_path / "inner"
    inner.mkdir()
    assert Account().can_use(inner)
    public_path.chmod(0o700)
    assert not Account().can_use(inner)


def test_an_ordinary_user_stays_who_he_is(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    account = Account()
    account.give(tmp_path)
    assert (account.uid, account.gid) == (None, None)
    assert account.can_use(tmp_path)


def test_programs_are_not_put_where_execution_may_be_forbidden():
    assert choose_base(Account(), programs=True) != MEMORY


def test_memory_is_used_only_with_room_for_a_cluster(monkeypatch):
    usage = namedtuple("usage", "free")  # noqa: PYI024
    real = shutil.disk_usage
    monkeypatch.setattr(
        shutil,
        "disk_usage",
        lambda place: usage(10**6) if place == MEMORY else real(place),
    )
    assert choose_base(Account()) != MEMORY


def test_no_room_anywhere_is_said(monkeypatch):
    usage = namedtuple("usage", "free")  # noqa: PYI024
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**6))
    with pytest.raises(LabError, match=r"200 MB free.*tried /dev/shm, "):
        choose_base(Account())


def test_a_long_path_is_passed_over(monkeypatch, tmp_path):
    long = tmp_path / ("x" * 51)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    assert choose_base(Account(), programs=True) == Path("/tmp")  # noqa: S108

"""The lock files pin and hash everything, name no place, and fit pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
HASH = re.compile(r" --hash=sha256:[0-9a-f]{64}")

# What each file is compiled from (`make lock`): extras and dependency groups.
SOURCES = {
    "bootstrap": ((), ("bootstrap",)),
    "dev": (tuple(PYPROJECT["project"]["optional-dependencies"]), ("dev",)),
    "docs": ((), ("docs",)),
    "frames": ((), ("frames",)),
    "lint": ((), ("lint",)),
}


def entries(lock: Path) -> list[str]:
    """Return the requirements of a lock file, one logical line each."""
    text = re.sub(r"^#.*\n", "", lock.read_text("utf-8"), flags=re.MULTILINE)
    return [
        " ".join(entry.split())
        for entry in text.replace("\\\n", " ").splitlines()
        if entry
    ]


def pins(lock: Path) -> list[Requirement]:
    return [Requirement(HASH.sub("", entry)) for entry in entries(lock)]


def test_each_source_has_its_lock_file():
    assert [lock.stem for lock in LOCKS] == sorted(SOURCES)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_is_pinned_and_hashed(lock):
    assert entries(lock)
    for entry in entries(lock):
        assert HASH.search(entry), entry
        (pin,) = Requirement(HASH.sub("", entry)).specifier
        assert pin.operator == "=="


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_address_and_no_path(lock):
    text = lock.read_text("utf-8")
    for place in ("://", "--index-url", "--extra-index-url", "--find-links", "file:"):
        assert place not in text
    assert not re.search(r"(^|\s)(-e |-r |-c |\.{0,2}/)", text)


def test_the_hashes_are_those_of_every_platform():
    (binary,) = (
        entry
        for lock in LOCKS
        for entry in entries(lock)
        if entry.startswith("psycopg-binary==")
    )
    # A lock compiled from a folder of local wheels has one or two.
    assert len(HASH.findall(binary)) > 20


def test_the_files_fit_into_one_environment():
    versions = defaultdict(dict)
    for lock in LOCKS:
        for pin in pins(lock):
            where = versions[canonicalize_name(pin.name), str(pin.marker)]
            where.setdefault(str(pin.specifier), []).append(lock.name)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_pyproject_is_satisfied(lock):
    extras, groups = SOURCES[lock.stem]
    asked = [
        Requirement(requirement)
        for extra in extras
        for requirement in PYPROJECT["project"]["optional-dependencies"][extra]
    ] + [
        Requirement(requirement)
        for group in groups
        for requirement in PYPROJECT["dependency-groups"][group]
    ]
    pinned = defaultdict(set)
    for pin in pins(lock):
        (only,) = pin.specifier
        pinned[canonicalize_name(pin.name)].add(only.version)
    for requirement in asked:
        name = canonicalize_name(requirement.name)
        if name == "moorline":
            continue  # an extra made of other extras
        assert pinned[name], f"{requirement} is not in {lock.name}: run make lock"
        for version in pinned[name]:
            assert requirement.specifier.contains(version), requirement

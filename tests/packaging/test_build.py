"""The kernel is compiled where that is possible, and nothing fails where it is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_BYTES = 5_000_000  # installed, without extras
WRITE = """
import sys
sys.path.insert(0, {folder!r})
from moorline.questdb import Buffer, __impl__
print(__impl__, bytes(Buffer().row("t", columns={{"x": 1.5}}, at=None)))
"""
WRITTEN = b"t x==\x10" + b"\0" * 6 + b"\xf8?\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Build a wheel with all that a compiler makes, and unpack it."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if not shutil.which(compiler):
        assert "CI" not in os.environ, f"there is no compiler {compiler}"
        pytest.skip(f"there is no compiler {compiler}")
    tree = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    leave = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.so", "*.c")
    shutil.copytree(ROOT / "src", tree / "src", ignore=leave)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    (path,) = (tree / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tree / "unpacked")
    return tree / "unpacked"


def write(folder: Path, wanted: str) -> subprocess.CompletedProcess[str]:
    """Write a row in a fresh interpreter that finds moorline in a folder."""
    others = {k: v for k, v in os.environ.items() if k != "MOORLINE_IMPL"}
    code = WRITE.format(folder=str(folder))
    return subprocess.run(
        [sys.executable, "-I", "-c", code],
        check=False,
        capture_output=True,
        text=True,
        env=others | ({"MOORLINE_IMPL": wanted} if wanted else {}),
    )


@pytest.mark.timeout(240)  # compilers take their time
def test_the_wheel_has_the_kernel_and_not_what_it_was_made_of(wheel):
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    folder = wheel / "moorline" / "_speed"
    found = {path.name for path in folder.iterdir() if path.is_file()}
    sources = (ROOT / "src" / "moorline" / "_speed").glob("*.pyx")
    compiled = {f"{path.stem}{suffix}" for path in sources}
    assert len(compiled) >= 3
    assert found == compiled | {"__init__.py"}
    files = (path for path in wheel.rglob("*") if path.is_file())
    size = sum(p.stat().st_size for p in files if p.suffix != ".pyc")
    assert size <= MOST_BYTES


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("wanted", "used"), [("", "c"), ("c", "c"), ("python", "python")]
)
def test_an_installation_uses_what_is_asked_for(wheel, wanted, used):
    done = write(wheel, wanted)
    assert done.stderr == ""
    assert done.stdout == f"{used} {WRITTEN}\n"


def test_without_the_kernel_python_does_it(tmp_path):
    leave = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=leave)
    for wanted in ("", "python"):
        assert write(tmp_path / "src", wanted).stdout == f"python {WRITTEN}\n"
    done = write(tmp_path / "src", "c")
    assert done.returncode == 1
    assert "ImportError: MOORLINE_IMPL=c, and the compiled kernel does not" in (
        done.stderr
    )
    assert "leave the variable out" in done.stderr


def test_any_other_implementation_is_refused():
    done = write(ROOT / "src", "cython")
    assert done.returncode == 1
    assert "ConfigError: MOORLINE_IMPL='cython': write c" in done.stderr

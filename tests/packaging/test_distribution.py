"""What is installed, and what importing it brings along."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import moorline

ROOT = Path(__file__).parents[2]
TO_COMPILE = (".pyx", ".pxd", ".pxi")
DRIVERS = {"asyncpg", "psycopg", "psycopg_binary", "psycopg_pool"}

# Modules that must import where nothing but moorline is installed: all but those that
# are made of another package.
NEEDS_MORE = ("moorline.cli", "moorline.__main__", "moorline.drivers.", "moorline.net.")
NEEDS_MORE_EXACTLY = {
    "moorline.dsql.asyncpg",
    "moorline.dsql.asyncpg_pool",
    "moorline.dsql.psycopg",
    "moorline.dsql.psycopg_pools",
    "moorline.dsql.transactions.driver_asyncpg",
    "moorline.dsql.transactions.driver_psycopg",
    "moorline.dsql.transactions.joined_asyncpg",
    "moorline.dsql.transactions.joined_psycopg",
    "moorline.dsql.transactions.session_asyncpg",
    "moorline.dsql.transactions.session_psycopg",
    "moorline.lab.pytest_plugin",
    "moorline.questdb.async_post",
    "moorline.questdb.async_sender",
    "moorline.questdb.async_wires",
    "moorline.questdb.delivery",
    "moorline.questdb.post",
    "moorline.questdb.sender",
    "moorline.questdb.sending",
    "moorline.questdb.tcp",
    "moorline.questdb.tcp_errors",
    "moorline.questdb.tls_errors",
    "moorline.questdb.wires",
    "moorline.yugabyte.asyncpg",
    "moorline.yugabyte.asyncpg_pool",
    "moorline.yugabyte.psycopg",
    "moorline.yugabyte.psycopg_pools",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Build a source archive, and a wheel from it, away from the work tree.

    There is no compiler: all that is in Python must be there all the same, and work.
    """
    tree = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    leave = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.pyc", "*.so")
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, tree / name, ignore=leave)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist"]
    without = {**os.environ, "CC": "false", "CXX": "false"}
    subprocess.run(command, cwd=tree, check=True, capture_output=True, env=without)
    return tree / "dist"


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def info(wheel):
    """Read a file of the wheel's dist-info folder."""
    folder = f"moorline-{moorline.__version__}.dist-info"
    return lambda name: wheel.read(f"{folder}/{name}")


@pytest.fixture(scope="module")
def bare(wheel, tmp_path_factory) -> Path:
    """Unpack the wheel into a folder with nothing else in it."""
    folder = tmp_path_factory.mktemp("bare")
    wheel.extractall(folder)  # noqa: S202 - built a moment ago
    return folder


def sources() -> set[str]:
    package = ROOT / "src" / "moorline"
    return {
        path.relative_to(package.parent).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
        if path.suffix not in {".so", ".pyd"}
    }


def installed() -> set[str]:
    """Return what of the sources is there to be imported."""
    return {name for name in sources() if not name.endswith(TO_COMPILE)}


def module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def loaded_by(code: str, *options: str) -> set[str]:
    """Run code in a fresh interpreter and return the modules it has loaded."""
    code = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-I", *options, "-W", "error", "-c", code]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def roots(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_the_wheel_has_the_package_and_nothing_else(wheel):
    names = set(wheel.namelist())
    inside = {name for name in names if name.startswith("moorline/")}
    assert inside == installed()
    assert "moorline/py.typed" in inside
    folder = f"moorline-{moorline.__version__}.dist-info"
    assert names - inside == {
        f"{folder}/{name}"
        for name in (
            "METADATA",
            "RECORD",
            "WHEEL",
            "entry_points.txt",
            "licenses/LICENSE",
            "top_level.txt",
        )
    }


def test_the_source_archive_is_complete_and_has_no_tests(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    package = {f"src/{name}" for name in sources()}
    top = {"pyproject.toml", "setup.py", "README.md", "LICENSE"}
    assert package | top <= names
    generated = {name for name in names if "egg-info/" in name}
    assert names - generated - package == {
        "LICENSE",
        "PKG-INFO",
        "README.md",
        "pyproject.toml",
        "setup.cfg",
        "setup.py",
    }


def test_the_metadata(info):
    metadata = message_from_bytes(info("METADATA"))
    assert metadata["Name"] == "moorline"
    assert metadata["Version"] == moorline.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "Typing :: Typed" in metadata.get_all("Classifier")
    unconditional = [
        requirement
        for requirement in metadata.get_all("Requires-Dist")
        if "extra ==" not in requirement
    ]
    assert unconditional == []


def test_the_entry_points_lead_somewhere(wheel, info):
    parser = configparser.ConfigParser()
    parser.read_string(info("entry_points.txt").decode())
    found = {name: dict(parser[name]) for name in parser.sections()}
    assert found == {
        "console_scripts": {"moorline": "moorline.cli:main"},
        "pytest11": {"moorline-lab": "moorline.lab.pytest_plugin"},
    }
    modules = {module_name(name) for name in wheel.namelist()}
    targets = {
        value.partition(":")[0] for group in found.values() for value in group.values()
    }
    assert targets <= modules


def test_without_other_packages_everything_but_the_adapters_imports(wheel, bare):
    names = sorted(
        name
        for path in wheel.namelist()
        if path.startswith("moorline/") and path.endswith(".py")
        if not (name := module_name(path)).startswith(NEEDS_MORE)
        if name not in NEEDS_MORE_EXACTLY
    )
    assert {"moorline", "moorline.core", "moorline.errors", "moorline.yugabyte"} <= set(
        names
    )
    code = f"import sys\nsys.path.insert(0, {str(bare)!r})\n"
    code += "\n".join(f"import {name}" for name in names)
    loaded = loaded_by(code, "-S")
    assert roots(loaded) - sys.stdlib_module_names == {"moorline", "__main__"}


def test_importing_moorline_imports_no_driver():
    assert not roots(loaded_by("import moorline")) & DRIVERS


def test_importing_a_product_imports_no_other_and_no_driver():
    loaded = loaded_by("import moorline.yugabyte")
    assert not roots(loaded) & DRIVERS
    others = ("moorline.dsql", "moorline.questdb", "moorline.lab", "moorline.cli")
    assert [name for name in loaded if name.startswith(others)] == []


def test_importing_an_adapter_imports_its_driver_only():
    loaded = loaded_by("import moorline.yugabyte.psycopg")
    assert "psycopg" in loaded
    assert "asyncpg" not in loaded
    assert [name for name in loaded if name.startswith("moorline.lab")] == []


def test_the_pytest_plugin_costs_other_projects_nothing():
    # pytest loads it in every run, wherever moorline is installed.
    before = loaded_by("import pytest")
    added = loaded_by("import pytest, moorline.lab.pytest_plugin") - before
    assert {name for name in added if name.startswith("moorline")} == {
        "moorline",
        "moorline.lab",
        "moorline.lab.pytest_plugin",
    }
    assert roots(added) <= sys.stdlib_module_names | {"moorline"}

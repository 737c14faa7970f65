"""Find the server: one jar, from a setting, from Maven's folder, or by Maven."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from functools import cache
from pathlib import Path

from moorline.lab.errors import LabError

__all__ = ["ENVIRONMENT", "examine", "find"]

ENVIRONMENT = "MOORLINE_QUESTDB_JAR"

_FETCH = 300.0  # seconds; 30 MB, and what Maven needs for itself the first time
_VERSION = re.compile(rb"^Implementation-Version: *(\S+)\s*$", re.MULTILINE)


def find(version: str, explicit: str | os.PathLike[str] | None = None) -> Path:
    """Return the jar of a version; it is fetched if Maven is there and it is not.

    ``explicit``, and the paths in the variable MOORLINE_QUESTDB_JAR (several are
    separated as in PATH), are obeyed or refused; of the variable's the one of this
    version is taken, and if none is, Maven's folder comes next.

    Raises LabError with what was tried and how to get the jar.
    """
    if explicit is not None:
        return _of_version([Path(explicit)], version, "jar=") or _refuse(
            version, [f"  jar={explicit}: it is {examine(Path(explicit))}"]
        )
    named = [
        Path(one) for one in os.environ.get(ENVIRONMENT, "").split(os.pathsep) if one
    ]
    if found := _of_version(named, version, ENVIRONMENT):
        return found
    own = _in_repository(version)
    if own.is_file():
        return own
    tried = [f"  {ENVIRONMENT}: " + _listed(named), f"  {own}: there is none"]
    complaint = _fetch(version)
    return own if own.is_file() else _refuse(version, [*tried, f"  mvn: {complaint}"])


@cache
def examine(jar: Path) -> str:
    """Return the version that a jar says it is of; LabError if it is no such jar."""
    try:
        with zipfile.ZipFile(jar) as archive:
            manifest = archive.read("META-INF/MANIFEST.MF")
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise LabError(f"{jar} is no jar that can be read: {error}") from error
    match = _VERSION.search(manifest)
    if match is None or b"QuestDB" not in manifest:
        raise LabError(f"{jar} is not QuestDB's: its manifest does not say so")
    return match[1].decode()


def _of_version(jars: list[Path], version: str, source: str) -> Path | None:
    for jar in jars:
        try:
            if examine(jar) == version:
                return jar
        except LabError as error:
            raise LabError(f"{source}: {error}") from error
    return None


def _listed(jars: list[Path]) -> str:
    return ", ".join(f"{jar} ({examine(jar)})" for jar in jars) or "not set"


def _in_repository(version: str) -> Path:
    repository = Path.home() / ".m2" / "repository"
    name = f"questdb-{version}.jar"
    return repository.joinpath("org", "questdb", "questdb", version, name)


def _command(version: str) -> list[str]:
    artifact = f"-Dartifact=org.questdb:questdb:{version}"
    return ["mvn", "-B", "-q", "dependency:get", artifact, "-Dtransitive=false"]


def _fetch(version: str) -> str:
    """Have Maven put the jar into its folder; return what it said."""
    program = shutil.which("mvn")
    if program is None:
        return "not on PATH"
    argv = [program, *_command(version)[1:]]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=_FETCH, check=False)  # noqa: S603 - Maven, with our arguments
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
    return f"exit code {done.returncode}, {said[0][:300] if said else 'silent'}"


def _refuse(version: str, tried: list[str]) -> Path:
    command = " ".join(_command(version))
    raise LabError(
        f"no jar of QuestDB {version} for the lab. Looked at:\n"
        + "\n".join(tried)
        + f"\nFetch it once with Maven: {command}\nor name one with {ENVIRONMENT}."
    )

"""Make the data directory from which all nodes are copied.

One initdb, then one run of the server in single-user mode, which needs no socket and
no driver; both are as fast as PostgreSQL allows (0.4 s, most of it initdb).
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from moorline.lab.binaries import private_copy
from moorline.lab.custody import Custody
from moorline.lab.errors import LabError
from moorline.lab.topology import create_function

if TYPE_CHECKING:
    from moorline.lab.binaries import Binaries

__all__ = [
    "ADMIN",
    "DATABASE",
    "USER",
    "Shape",
    "Template",
    "Templates",
    "build",
    "copy",
]

USER = DATABASE = "yugabyte"
ADMIN = "moorline_lab"  # the role with which the lab itself looks at a node
# An error ends the run, and does not repeat the statement: it may hold a password.
_SINGLE = "-c exit_on_error=on -c log_min_error_statement=panic -c fsync=off"
_PATIENCE = 60.0  # seconds; a hundred times of what the steps take


@dataclass(frozen=True, slots=True)
class Shape:
    """What tells one template from another."""

    binaries: Binaries
    columns: int
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Template:
    """A data directory to copy, and the programs that made it and can run it."""

    data: Path
    programs: Path


class Templates:
    """Keep templates for many labs, so that each is ready in 0.15 s, not in 0.5.

    Pass it to labs as ``templates=``, and close it after them. Thread-safe.
    """

    def __init__(self) -> None:
        """Keep nothing yet; a template is made when it is first asked for."""
        self._lock = threading.Lock()
        self._custody: Custody | None = None
        self._made: dict[Shape, Template] = {}

    def get(self, shape: Shape) -> Template:
        """Return the template of that shape."""
        with self._lock:
            if self._custody is None:
                self._custody = Custody()
            if shape not in self._made:
                self._made[shape] = build(self._custody, shape, self._custody.mkdir())
            return self._made[shape]

    def close(self) -> None:
        """Remove the templates. Again is no error."""
        with self._lock:
            custody, self._custody = self._custody, None
            self._made.clear()
            if custody is not None:
                custody.close()

    def __enter__(self) -> Self:
        """Do nothing more than __init__."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()


def build(custody: Custody, shape: Shape, directory: Path) -> Template:
    """Make a data directory with role, database and function in ``directory``."""
    programs = private_copy(
        shape.binaries,
        lambda: custody.mkdir(programs=True),
        custody.account.can_use,
    )
    data, log = directory / "template", directory / "template.log"
    options = f"-U {USER} -A trust -E UTF8 --locale=C --wal-segsize=1"
    options += " --no-sync --no-instructions"
    _run(custody, log, programs / "initdb", "-D", str(data), *options.split())
    script = directory / "template.sql"
    script.touch(0o600)  # it may hold a password
    script.write_text(_statements(shape.columns, shape.password), encoding="utf-8")
    single = f"--single {_SINGLE} -D".split()
    _run(custody, log, programs / "postgres", *single, data, "template1", stdin=script)
    script.unlink()
    return Template(data, programs)


def copy(custody: Custody, template: Path, copies: list[Path]) -> None:
    """Copy the data directory to several places at once."""
    logs = [to.with_suffix(".copy.log") for to in copies]
    pids = [
        custody.spawn(["cp", "-Rp", template, to], log=log)
        for to, log in zip(copies, logs, strict=True)
    ]
    for pid, log in zip(pids, logs, strict=True):
        _await(custody, pid, "cp", log)


def _statements(columns: int, password: str | None) -> str:
    """Return what single-user mode reads: one statement a line.

    Databases made from now on have the function too, as in a real cluster, since it
    is made in template1; so `postgres` is made anew.
    """
    return "\n".join(
        (
            f"create role {ADMIN} superuser login",
            *([f"alter role {USER} password {_quoted(password)}"] if password else []),
            *([create_function(columns)] if columns else []),
            "drop database postgres",
            "create database postgres",
            f"create database {DATABASE} owner {USER}",
            "",
        )
    )


def _quoted(text: str) -> str:
    escaped = "".join(
        character if character.isalnum() else f"\\U{ord(character):08X}"
        for character in text
    )
    return f"E'{escaped}'"


def _run(
    custody: Custody, log: Path, *argv: str | Path, stdin: Path = Path(os.devnull)
) -> None:
    pid = custody.spawn(argv, log=log, stdin=stdin)
    _await(custody, pid, str(argv[0]), log)


def _await(custody: Custody, pid: int, what: str, log: Path) -> None:
    code = custody.wait(pid, _PATIENCE)
    if code != 0:
        end = "did not end" if code is None else f"ended with exit code {code}"
        said = log.read_text(errors="replace")[-2000:].strip()
        raise LabError(f"{what} {end}. The end of its output:\n{said}")

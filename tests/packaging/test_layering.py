"""Arrows between modules point down, `core` does no I/O, and nothing goes in circles.

The rules are the tables below; docs/design.md draws them. The second half of this file
feeds the checker small packages that break each rule, to prove that it can fail.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parents[2] / "src" / "moorline"

# A part is a module or a folder directly in the package. Bottom first: a part may
# import the parts of every row before its own, and those of its own row only where
# SIDEWAYS says so. The package's own __init__ is "", and below everything.
RANKS: tuple[frozenset[str], ...] = (
    frozenset({""}),
    frozenset({"_speed"}),
    frozenset({"errors", "core"}),
    frozenset({"shell", "drivers", "net"}),
    frozenset({"yugabyte", "dsql", "questdb"}),
    frozenset({"integrations", "lab", "cli", "__main__"}),
)
SIDEWAYS = {("core", "errors"), ("cli", "lab"), ("__main__", "cli")}
# Errors carry values of core, and core raises errors: only types may close the ring.
FOR_TYPES_ONLY = {("errors", "core")}
# Parts that use less than their rank allows: the lab serves tests of other programs.
NOTHING_BUT = {"lab": frozenset({"", "errors"})}

# What would make a decision depend on anything but its arguments. Types of these may be
# named: an argument can be a lock or a generator of random numbers.
PURE = frozenset({"", "core", "errors"})
IMPURE = """
    _socket _ssl _thread asyncio atexit concurrent contextvars ctypes dbm fcntl
    fileinput ftplib getpass glob http imaplib io mmap multiprocessing netrc os
    pathlib platform poplib pwd queue random resource sched secrets select selectors
    shelve shutil signal smtplib socket socketserver sqlite3 ssl subprocess syslog
    tempfile termios threading time tty urllib.request webbrowser xmlrpc
    """.split()  # noqa: SIM905 - a list of words reads better than fifty literals
IMPURE_CALLS = frozenset({"breakpoint", "input", "open", "print"})

# Packages that are not in the standard library, and the parts that may import them.
# Importing any other part must work where nothing else is installed.
DRIVERS = frozenset({"asyncpg", "psycopg", "psycopg_pool"})
THIRD_PARTY = {
    "net": frozenset({"h11"}),
    "drivers": DRIVERS,
    "yugabyte": DRIVERS,
    "dsql": DRIVERS | {"botocore", "certifi"},
    "questdb": frozenset({"certifi", "cryptography", "h11", "nanoarrow"}),
    "lab": frozenset({"cryptography", "h11", "pytest", "trustme"}),
    "cli": frozenset({"click", "psycopg", "psycopg_pool", "rich"}),
}

When = Literal["on import", "in a function", "for types"]


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement of one name, with the modules of the package resolved."""

    importer: str
    line: int
    target: str
    when: When


# --- reading ------------------------------------------------------------------------


def modules_in(package: Path) -> dict[str, Path]:
    """Return the package's modules by dotted name; a package is named by its folder."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


class Reader(ast.NodeVisitor):
    """Collect the imports of a module, and its calls of built-in functions."""

    def __init__(self, module: str, path: Path, modules: dict[str, Path]) -> None:
        self.module = module
        self.modules = modules
        self.imports: list[Import] = []
        self.calls: list[tuple[int, str]] = []
        self._package = module
        if path.name != "__init__.py":
            self._package = module.rpartition(".")[0]
        self._when: When = "on import"
        self.visit(ast.parse(path.read_bytes(), filename=str(path)))

    def _add(self, node: ast.AST, target: str) -> None:
        self.imports.append(Import(self.module, node.lineno, target, self._when))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        source = node.module or ""
        if node.level:
            above = self._package.split(".")
            above = above[: len(above) - node.level + 1]
            source = ".".join([*above, source] if source else above)
        for alias in node.names:
            # `from package import name` means the module of that name, if there is one.
            inner = f"{source}.{alias.name}"
            self._add(node, inner if inner in self.modules else source)

    def visit_Call(self, node: ast.Call) -> None:
        match node.func, node.args:
            case (
                ast.Name(id="import_module" | "__import__")
                | ast.Attribute(attr="import_module"),
                [ast.Constant(value=str(target)), *_],
            ):
                self._add(node, target)
            case ast.Name(id=name), _:
                self.calls.append((node.lineno, name))
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        match node.test:
            case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
                self._within("for types", node.body)
                for other in node.orelse:
                    self.visit(other)
            case _:
                self.generic_visit(node)

    def _within(self, when: When, body: list[ast.stmt]) -> None:
        before, self._when = self._when, when
        for statement in body:
            self.visit(statement)
        self._when = before

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for outside in (*node.decorator_list, node.args):
            self.visit(outside)
        self._within("in a function", node.body)

    visit_FunctionDef = _function  # noqa: N815 - ast's naming
    visit_AsyncFunctionDef = _function  # noqa: N815 - ast's naming


# --- judging ------------------------------------------------------------------------


def part_of(module: str) -> str:
    return f"{module}.".split(".")[1]


def rank(part: str) -> int | None:
    return next((n for n, row in enumerate(RANKS) if part in row), None)


def objection(found: Import, package: str) -> str | None:
    """Return why an import is not allowed, or None."""
    importer = part_of(found.importer)
    root = found.target.partition(".")[0]
    if root == package:
        return wrong_arrow(importer, part_of(found.target), found.when)
    if root not in sys.stdlib_module_names:
        allowed = root in THIRD_PARTY.get(importer, ())
        return None if allowed else "is not in the standard library"
    impure = any(f"{found.target}.".startswith(f"{name}.") for name in IMPURE)
    allowed = importer not in PURE or not impure or found.when == "for types"
    return None if allowed else "is I/O, a clock or chance"


def wrong_arrow(importer: str, target: str, when: When) -> str | None:
    above, below = rank(importer), rank(target)
    arrow = (importer, target)
    wrong = None
    if above is None or below is None:
        wrong = "has no rank in RANKS"
    elif importer == target or arrow in SIDEWAYS:
        pass
    elif target not in NOTHING_BUT.get(importer, (target,)):
        wrong = f"is more than {importer} may use"
    elif arrow in FOR_TYPES_ONLY:
        wrong = None if when == "for types" else "may be imported for types only"
    elif below > above:
        wrong = "points up"
    elif below == above:
        wrong = "points sideways"
    return wrong


def cycles(imports: list[Import], modules: dict[str, Path]) -> Iterator[str]:
    """Yield each ring of modules that import each other when they are imported."""
    graph: dict[str, set[str]] = {name: set() for name in modules}
    for found in imports:
        if found.when == "on import" and found.target in modules:
            graph[found.importer].add(found.target)
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> Iterator[str]:
        if module in path:
            yield "cycle: " + " → ".join([*path[path.index(module) :], module])
        elif module not in done:
            for target in sorted(graph[module]):
                yield from walk(target, (*path, module))
            done.add(module)

    for module in graph:
        yield from walk(module, ())


def violations(package: Path) -> list[str]:
    """Return one line for each broken rule."""
    modules = modules_in(package)
    readers = [Reader(name, path, modules) for name, path in modules.items()]
    imports = [found for reader in readers for found in reader.imports]
    lines = [
        f"{found.importer}:{found.line}: {found.target} {reason}"
        for found in imports
        if (reason := objection(found, package.name))
    ]
    lines += [
        f"{reader.module}:{line}: {name}() does I/O"
        for reader in readers
        if part_of(reader.module) in PURE
        for line, name in reader.calls
        if name in IMPURE_CALLS
    ]
    return [*lines, *cycles(imports, modules)]


def test_the_package_keeps_its_layers():
    assert modules_in(PACKAGE), (
        "no modules were found: this test looks at the wrong place"
    )
    assert violations(PACKAGE) == []


# --- the checker can fail -----------------------------------------------------------

BROKEN = [
    # (what is wrong, {module: source}, the one line expected)
    ("upward", {"core/a": "import p.shell.b"}, "p.core.a:1: p.shell.b points up"),
    (
        "upward, from",
        {"core/a": "from p.shell import b"},
        "p.core.a:1: p.shell.b points up",
    ),
    (
        "upward, relative",
        {"core/a": "from ..shell.b import x"},
        "p.core.a:1: p.shell.b points up",
    ),
    (
        "upward, from a package's own file",
        {"core/__init__": "from .. import shell"},
        "p.core:1: p.shell points up",
    ),
    (
        "upward, in a function",
        {"core/a": "def f():\n    import p.shell.b"},
        "p.core.a:2: p.shell.b points up",
    ),
    (
        "upward, in a method",
        {"core/a": "class A:\n    async def f(self):\n        import p.shell.b"},
        "p.core.a:3: p.shell.b points up",
    ),
    (
        "upward, for types",
        {"core/a": "import typing\nif typing.TYPE_CHECKING:\n    import p.shell.b"},
        "p.core.a:3: p.shell.b points up",
    ),
    (
        "upward, by a call",
        {"core/a": "import importlib\nimportlib.import_module('p.shell.b')"},
        "p.core.a:2: p.shell.b points up",
    ),
    ("upward, from the root", {"__init__": "import p.dsql"}, "p:1: p.dsql points up"),
    (
        "shell imports drivers",
        {"shell/b": "import p.drivers.c"},
        "p.shell.b:1: p.drivers.c points sideways",
    ),
    (
        "drivers import shell",
        {"drivers/c": "import p.shell.b"},
        "p.drivers.c:1: p.shell.b points sideways",
    ),
    (
        "product imports product",
        {"yugabyte/d": "from p import dsql"},
        "p.yugabyte.d:1: p.dsql points sideways",
    ),
    (
        "product imports product, for types",
        {"yugabyte/d": "import typing\nif typing.TYPE_CHECKING:\n    import p.dsql"},
        "p.yugabyte.d:3: p.dsql points sideways",
    ),
    (
        "errors import core",
        {"errors": "from p.core import a"},
        "p.errors:1: p.core.a may be imported for types only",
    ),
    (
        "the lab imports core",
        {"lab/e": "import p.core.a"},
        "p.lab.e:1: p.core.a is more than lab may use",
    ),
    (
        "a part that is in no row",
        {"util": "import p.errors"},
        "p.util:1: p.errors has no rank in RANKS",
    ),
    (
        "I/O in core",
        {"core/a": "import socket"},
        "p.core.a:1: socket is I/O, a clock or chance",
    ),
    (
        "a submodule for I/O in core",
        {"core/a": "def f():\n    from concurrent.futures import Future"},
        "p.core.a:2: concurrent.futures is I/O, a clock or chance",
    ),
    (
        "the clock, in the other branch",
        {"core/a": "if TYPE_CHECKING:\n    pass\nelse:\n    from time import sleep"},
        "p.core.a:4: time is I/O, a clock or chance",
    ),
    ("print in core", {"core/a": "print(1)"}, "p.core.a:1: print() does I/O"),
    (
        "a driver in core",
        {"core/a": "import psycopg"},
        "p.core.a:1: psycopg is not in the standard library",
    ),
    (
        "a driver in the shell",
        {"shell/b": "from asyncpg import connect"},
        "p.shell.b:1: asyncpg is not in the standard library",
    ),
    (
        "a cycle of two",
        {"core/a": "from . import z", "core/z": "from .a import x"},
        "cycle: p.core.a → p.core.z → p.core.a",
    ),
    (
        "a cycle through the package's own file",
        {"core/__init__": "from .a import x", "core/a": "from p.core import x"},
        "cycle: p.core → p.core.a → p.core",
    ),
]
FINE = {
    "__init__": "",
    "errors": "if TYPE_CHECKING:\n    from p.core.a import x",
    "core/__init__": "",
    "core/k": "import p.errors",
    "core/a": "import urllib.parse\nif TYPE_CHECKING:\n    from random import Random",
    "shell/__init__": "",
    "shell/b": "import socket, threading\nfrom ..core import k",
    "drivers/__init__": "",
    "drivers/c": "import psycopg",
    "yugabyte/__init__": "def late():\n    from p.yugabyte import d",
    "yugabyte/d": "from p.drivers import c\nfrom p import yugabyte",
    "dsql/__init__": "",
    "lab/__init__": "from p.errors import E",
    "lab/e": "import pytest",
    "cli/__init__": "from p import __version__, dsql, lab\nimport click",
    "__main__": "from p.cli import main",
}


def write(package: Path, sources: dict[str, str]) -> Path:
    for name, source in sources.items():
        path = package / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return package


def test_allowed_arrows_are_allowed(tmp_path):
    assert violations(write(tmp_path / "p", FINE)) == []


@pytest.mark.parametrize(
    ("sources", "expected"),
    [(sources, line) for _, sources, line in BROKEN],
    ids=[name for name, _, _ in BROKEN],
)
def test_a_broken_rule_is_found(tmp_path, sources, expected):
    assert violations(write(tmp_path / "p", FINE | sources)) == [expected]

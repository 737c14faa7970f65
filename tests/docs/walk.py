"""Do what a page says, block by block: run its Python, its commands, its files."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# (\S+\.py)\n")
SERVER = re.compile(r"python \S+ \S+ \S+ (\d+) \d+\n")
PATIENCE = 20.0  # seconds


class Block(NamedTuple):
    """A fenced block: its language and what is in it."""

    language: str
    code: str


def blocks_of(page: Path, language: str = "") -> list[Block]:
    found = [Block(*pair) for pair in FENCE.findall(page.read_text("utf-8"))]
    return [one for one in found if language in {"", one.language}]


class Walk:
    """Runs blocks in one namespace and one folder, with other places than those named.

    Python runs here, unless its first line is the name of a file: then it is written.
    Commands run in bash; one that starts a server goes on until the end. SQL is for the
    server.

    Args:
        folder: Where to be.
        places: What to put in the place of what is written, in this order.
        env: More variables for commands.
        sql: Runs a statement.
    """

    def __init__(
        self,
        folder: Path,
        places: Mapping[str, str],
        env: Mapping[str, str],
        sql: Callable[[str], object],
    ) -> None:
        path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
        self.folder = folder
        self.places = places
        self.sql = sql
        self.env = {**os.environ, "PATH": path, **env}
        self.said: list[str] = []
        self._names: dict[str, object] = {"__name__": "example"}
        self._servers = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.close()

    def take(self, number: int, block: Block) -> None:
        """Do what a block says."""
        code = block.code
        for written, meant in self.places.items():
            code = code.replace(written, meant)
        if block.language == "bash":
            self.bash(code)
        elif block.language == "sql":
            self.sql(code)
        elif block.language == "python" and (name := FILE.match(code)):
            (self.folder / name[1]).write_text(code, "utf-8")
        elif block.language == "python":
            # As many lines before it as numbers, so that errors tell the block.
            exec(compile(code, f"<block {number}>", "exec"), self._names)  # noqa: S102

    def bash(self, code: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run commands; one that fails is an error, unless variables are given."""
        if server := SERVER.match(code):
            self._serve(code, int(server[1]))
            return subprocess.CompletedProcess(code, 0)
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", code],
            cwd=self.folder,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        self.said += [done.stdout]
        assert env or done.returncode == 0, done.stderr
        return done

    def _serve(self, code: str, port: int) -> None:
        argv = [sys.executable, *code.split()[1:]]
        process = subprocess.Popen(argv, cwd=self.folder, env=self.env)
        self._servers.callback(process.wait)
        self._servers.callback(process.kill)
        deadline = time.monotonic() + PATIENCE
        while not listens(port):
            assert process.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "the server does not listen"
            time.sleep(0.01)


def listens(port: int) -> bool:
    """Tell whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count: int) -> Iterator[int]:
    """Yield ports that nobody has; somebody could take one meanwhile."""
    with ExitStack() as held:
        sockets = [
            held.enter_context(socket.create_server(("127.0.0.1", 0)))
            for _ in range(count)
        ]
        ports = [one.getsockname()[1] for one in sockets]
    yield from ports

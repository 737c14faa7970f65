from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import moorline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from moorline.lab import Proxy


SOURCES = Path(moorline.__file__).parents[1]


@pytest.fixture(name="eventually")
def _eventually() -> Callable[..., bool]:
    return eventually


@pytest.fixture(name="alive")
def _alive() -> Callable[[int], bool]:
    return alive


@pytest.fixture(name="processes_of")
def _processes_of() -> Callable[[str], list[str]]:
    return processes_of


@pytest.fixture(name="python")
def _python() -> Callable[..., subprocess.Popen[str]]:
    return python


def eventually(condition: Callable[[], bool], timeout: float = 5.0) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that is dead but not collected does not."""
    shown = subprocess.run(
        ["/bin/ps", "-o", "stat=", "-p", str(pid)],
        capture_output=True,
        check=False,
        text=True,
    )
    return bool(shown.stdout.strip()) and not shown.stdout.startswith("Z")


def processes_of(directory: str) -> list[str]:
    """List the command lines that mention a directory."""
    shown = subprocess.run(
        ["/bin/ps", "-A", "-ww", "-o", "args="],
        capture_output=True,
        check=True,
        text=True,
    )
    return [line for line in shown.stdout.splitlines() if directory in line]


@pytest.fixture
def public_path() -> Iterator[Path]:
    """Give a directory that every user may enter, which tmp_path is not."""
    path = Path(tempfile.mkdtemp(dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def python(script: str, **options: object) -> subprocess.Popen[str]:
    """Start a Python program that uses the lab, with a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(SOURCES)},
        start_new_session=True,
        **options,
    )


@pytest.fixture(name="client_of")
def _client_of() -> Callable[..., AbstractContextManager[socket.socket]]:
    return client_of


@contextlib.contextmanager
def client_of(proxy: Proxy, timeout: float = 5.0) -> Iterator[socket.socket]:
    address = (proxy.host, proxy.port)
    with socket.create_connection(address, timeout=timeout) as client:
        yield client


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """Give the address of a server that answers what it hears, until it hears no more.

    Then it says goodbye, so that a half-closed connection is seen to be one.
    """
    ended = threading.Event()
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while not ended.is_set():
                client, _ = listener.accept()
                threads.append(threading.Thread(target=answer, args=(client,)))
                threads[-1].start()

        def answer(client: socket.socket) -> None:
            with client, contextlib.suppress(OSError):
                while data := client.recv(65536):
                    client.sendall(data)
                client.sendall(b"goodbye")

        threads.append(threading.Thread(target=serve))
        threads[0].start()
        yield listener.getsockname()
        ended.set()
        socket.create_connection(listener.getsockname()).close()
        for thread in threads:
            thread.join()

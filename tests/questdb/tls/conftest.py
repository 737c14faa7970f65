from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moorline.lab.questdb_certificates import issue
from tests.questdb.tls.peers import Files, TlsPeer, recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Certificates of every kind, and some by openssl's own command."""
    folder = tmp_path_factory.mktemp("certificates")
    issue(folder)
    recipe(folder)
    return Files(folder)


@pytest.fixture
def present(files: Files) -> Iterator[Callable[..., TlsPeer]]:
    """Start servers, each with one of the certificates."""
    peers: list[TlsPeer] = []

    def start(kind: str, client_ca: Path | None = None, newest: str = "") -> TlsPeer:
        peers.append(TlsPeer(files.server_context(kind, client_ca, newest)))
        return peers[-1]

    yield start
    for peer in peers:
        peer.close()

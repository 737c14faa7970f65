"""Ask nodes whether they answer, without a login.

The question is PostgreSQL's request for encryption, the first message that a client may
send: a server that serves answers it with one letter, before any credential. Nothing is
logged there and no session is taken.
"""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorline.yugabyte import NodeView

__all__ = ["LIMIT", "Answer", "probe"]

LIMIT = 2.0  # seconds for one node
_SSL_REQUEST = bytes.fromhex("00000008 04d2162f")
_ANSWERS = (b"S", b"N")
_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Answer:
    """What a node said.

    Args:
        reason: Why it cannot be used; "" if it answers.
        seconds: How long that took.
    """

    reason: str
    seconds: float

    def __str__(self) -> str:
        return f"no: {self.reason}" if self.reason else f"yes, {self.seconds:.3f} s"


def probe(nodes: Sequence[NodeView]) -> list[Answer]:
    """Return what each node says; all are asked at the same time."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(_ask, nodes))


def _ask(node: NodeView) -> Answer:
    began = time.perf_counter()
    try:
        with socket.create_connection((node.host, node.port), LIMIT) as conn:
            conn.sendall(_SSL_REQUEST)
            said = conn.recv(1)
    except TimeoutError:
        reason = f"silent for {LIMIT:g} s"
    except OSError as error:
        reason = error.strerror or str(error)
    else:
        reason = "" if said in _ANSWERS else "it is not a PostgreSQL server"
    return Answer(reason, time.perf_counter() - began)

"""Reading ``yb_servers()``: rows to nodes, without I/O.

The function returns 8 columns in old servers, 9 with ``uuid``, 10 with
``universe_uuid``; a catalog that was not upgraded may have fewer than its binary
knows. So columns are read by name and every later one may be missing.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

from moorline.core.address import Address
from moorline.core.placement import Placement
from moorline.core.request import Source
from moorline.core.topology import Node

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorline.core.steps import Row

__all__ = ["YB_SERVERS", "decode"]

logger = logging.getLogger(__name__)

UNDEFINED_FUNCTION = "42883"
PORTS = range(1, 65536)
ROLES = {"primary": "primary", "read_replica": "replica", "readreplica": "replica"}


def decode(rows: Sequence[Row]) -> tuple[tuple[Node, ...], str]:
    """Turn rows of ``yb_servers()`` into nodes and the cluster's universe.

    A row that makes no sense is left out with a warning: one broken row must not take
    the whole cluster away.
    """
    nodes: dict[Address, Node] = {}
    universe = ""
    for row in rows:
        try:
            node = _node(row)
        except ValueError as error:
            logger.warning(
                "a row of yb_servers() is left out: %s: %r", error, dict(row)
            )
            continue
        nodes.setdefault(node.address, node)
        universe = universe or _text(row, "universe_uuid")
    return tuple(nodes.values()), universe


def _node(row: Row) -> Node:
    return Node(
        Address(_named(row, "host"), _port(row)),
        Placement(_named(row, "cloud"), _named(row, "region"), _named(row, "zone")),
        role=_role(_text(row, "node_type")),
        public_host=_text(row, "public_ip"),
        uuid=_text(row, "uuid"),
    )


@cache
def _role(node_type: str) -> str:
    """Return the role that a ``node_type`` stands for; warn once of one that is new."""
    if node_type not in ROLES:
        message = (
            "node_type %r is unknown: such nodes are used by load_balance=any only"
        )
        logger.warning(message, node_type)
    return ROLES.get(node_type, "unknown")


def _named(row: Row, column: str) -> str:
    text = _text(row, column)
    if not text:
        message = f"no {column}"
        raise ValueError(message)
    return text


def _port(row: Row) -> int:
    text = _text(row, "port")
    if not text.isdecimal() or int(text) not in PORTS:
        message = f"port {text!r}"
        raise ValueError(message)
    return int(text)


def _text(row: Row, column: str) -> str:
    value = row.get(column)
    return "" if value is None else str(value).strip()


YB_SERVERS = Source("select * from yb_servers()", decode, UNDEFINED_FUNCTION)

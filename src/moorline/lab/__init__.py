"""Embedded servers to develop and test against: real PostgreSQL, nothing to install.

`YugabyteLab` is a stand-in for a YugabyteDB cluster; `Templates` makes many of them
quicker. `Proxy` and `blackhole` are what can go wrong on the way to one. `DsqlLab` is
a stand-in for an Aurora DSQL cluster. `QuestdbLab` is a real QuestDB server, with TLS
and faults before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorline.lab.cluster import YugabyteLab
    from moorline.lab.dsql import DsqlLab
    from moorline.lab.errors import LabError
    from moorline.lab.proxy import Proxy
    from moorline.lab.questdb import QuestdbLab
    from moorline.lab.server import Node
    from moorline.lab.sockets import blackhole
    from moorline.lab.template import Templates

__all__ = [
    "DsqlLab",
    "LabError",
    "Node",
    "Proxy",
    "QuestdbLab",
    "Templates",
    "YugabyteLab",
    "blackhole",
]

_HOMES = {
    "DsqlLab": "dsql",
    "LabError": "errors",
    "Node": "server",
    "Proxy": "proxy",
    "QuestdbLab": "questdb",
    "Templates": "template",
    "YugabyteLab": "cluster",
    "blackhole": "sockets",
}


def __getattr__(name: str) -> object:
    """Import what is asked for: pytest loads this package's plugin in every run."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

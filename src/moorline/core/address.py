"""Where a server is: the identity of a node."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Address"]


class Address(NamedTuple):
    """Host and port, as listed or as written: the identity of a node.

    Args:
        host: Name or address; a directory or "" mean a local socket, as in libpq.
        port: The port.
        hostaddr: The address to dial, if the conninfo gives one beside the name.
    """

    host: str
    port: int
    hostaddr: str = ""

    @property
    def where(self) -> Address:
        """The address that is dialled, without the name it is verified against."""
        return Address(self.hostaddr or self.host, self.port)

    def __str__(self) -> str:
        host = self.host or self.hostaddr or "local socket"
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

"""Say what a lab is to look like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from moorline.lab.errors import LabError
from moorline.lab.topology import SHAPES

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from moorline.lab.template import Templates

__all__ = ["DEFAULT_PLACEMENTS", "Options", "OptionsDict"]

DEFAULT_PLACEMENTS = (
    "aws.us-east-1.us-east-1a",
    "aws.us-east-1.us-east-1a",
    "aws.us-east-1.us-east-1b",
)


class OptionsDict(TypedDict, total=False):
    """Keyword arguments of `YugabyteLab`; their meaning is told at `Options`."""

    nodes: int | None
    placements: Sequence[str] | None
    node_types: Sequence[str] | None
    port: int | None
    prefer_port: int | None
    addresses: Sequence[str] | None
    columns: int
    universe_uuid: str | None
    password: str | None
    tls: bool
    certificates: Mapping[int, Sequence[str]]
    expired_certificates: Sequence[int]
    binaries: str | os.PathLike[str] | None
    max_connections: int
    settings: Mapping[str, str | int | bool]
    templates: Templates | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a lab, checked.

    Args:
        nodes: How many servers; by default as many as placements, else 3.
        placements: ``cloud.region.zone`` per node; by default two zones of a region.
        node_types: ``primary`` or ``read_replica`` per node; by default all primary.
        port: Exactly this port on every address; by default any that is free.
        prefer_port: This port if it is free, else any.
        addresses: Where each listens; by default 127.0.0.1, 127.0.0.2... (one address
            and a port for each where the system has only 127.0.0.1). A node whose
            address came before gets the next port.
        columns: The shape of ``yb_servers()``: 8, 9 (with uuid) or 10 (with
            universe_uuid); 0 leaves the function out: a plain PostgreSQL.
        universe_uuid: What the tenth column says; by default random.
        password: Of the user yugabyte (scram-sha-256); by default all are trusted.
        tls: Encrypt; the servers then refuse plain TCP connections.
        certificates: What the certificate of a node is valid for instead of its name
            and its address: ``{0: ["*.lab"], 1: ["wrong.example"]}``.
        expired_certificates: The nodes whose certificates expired long ago.
        binaries: A directory with initdb and postgres; by default one is looked for.
        max_connections: How many clients a node admits, the lab's own not counted.
        settings: Further server settings, which win over the lab's.
        templates: Where to take the data directory from; by default one is made.
    """

    nodes: int | None = None
    placements: Sequence[str] | None = None
    node_types: Sequence[str] | None = None
    port: int | None = None
    prefer_port: int | None = None
    addresses: Sequence[str] | None = None
    columns: int = 10
    universe_uuid: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    certificates: Mapping[int, Sequence[str]] = field(
        default_factory=dict[int, "Sequence[str]"]
    )
    expired_certificates: Sequence[int] = ()
    binaries: str | os.PathLike[str] | None = None
    max_connections: int = 200
    settings: Mapping[str, str | int | bool] = field(
        default_factory=dict[str, "str | int | bool"]
    )
    templates: Templates | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        if self.count < 1:
            raise LabError(f"nodes={self.nodes}: a lab has at least one node")
        if self.port is not None and self.port < 1:
            raise LabError(f"port={self.port}: leave it out to have a free one chosen")
        for name in ("placements", "node_types", "addresses"):
            given: Sequence[str] | None = getattr(self, name)
            if isinstance(given, str) or (given and len(given) != self.count):
                raise LabError(
                    f"{name}={given!r} must name one for each of {self.count} nodes"
                )
        for placement in self.places:
            if len(placement.split(".")) != 3:  # noqa: PLR2004 - named in the text
                raise LabError(
                    f"placement {placement!r} is not of the form cloud.region.zone"
                )
        if self.columns not in SHAPES:
            raise LabError(
                f"columns={self.columns}: yb_servers() has 8, 9 or 10; 0 leaves it out"
            )
        self._check_certificates()

    def _check_certificates(self) -> None:
        chosen = {*self.certificates, *self.expired_certificates}
        if chosen and not self.tls:
            raise LabError("only a lab with tls=True has certificates to choose")
        if unknown := chosen - set(range(self.count)):
            raise LabError(f"certificates for nodes that are not there: {unknown}")
        for node, names in self.certificates.items():
            if isinstance(names, str) or not names:
                raise LabError(
                    f"certificates={{{node}: {names!r}}} must be a list of host names"
                    " and addresses, of at least one"
                )

    @property
    def count(self) -> int:
        """The number of nodes."""
        if self.nodes is not None:
            return self.nodes
        given = self.placements or self.node_types or self.addresses
        return len(given or DEFAULT_PLACEMENTS)

    @property
    def places(self) -> tuple[str, ...]:
        """A placement for each node."""
        return tuple(
            self.placements
            or (
                DEFAULT_PLACEMENTS[node % len(DEFAULT_PLACEMENTS)]
                for node in range(self.count)
            )
        )

    @property
    def types(self) -> tuple[str, ...]:
        """A node type for each node."""
        return tuple(self.node_types or ("primary",) * self.count)

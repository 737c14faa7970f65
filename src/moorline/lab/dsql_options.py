"""Say what a stand-in for Aurora DSQL is to look like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from moorline.lab.errors import LabError

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from moorline.lab.template import Templates

__all__ = ["DsqlOptions", "DsqlOptionsDict"]

_CLUSTER_ID = re.compile(r"[a-z0-9]{26}")


class DsqlOptionsDict(TypedDict, total=False):
    """Keyword arguments of `DsqlLab`; their meaning is told at `DsqlOptions`."""

    region: str
    users: Sequence[str]
    cluster_id: str | None
    host: str
    port: int
    lock_timeout_ms: int
    check_parameters: bool
    certificate_names: Sequence[str] | None
    expired_certificate: bool
    binaries: str | os.PathLike[str] | None
    max_connections: int
    templates: Templates | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DsqlOptions:
    """The options of a lab, checked.

    Args:
        region: An AWS region, any word.
        users: The database users, each a role that may log in; ``admin`` is one.
        cluster_id: 26 characters a-z and 0-9; by default random.
        host: The address on which it listens.
        port: Exactly this port; by default any that is free.
        lock_timeout_ms: Milliseconds for which a statement waits for a row that an
            open transaction has changed, until it is told to be in conflict; 0 waits
            for the end of that transaction.
        check_parameters: Refuse session parameters that DSQL does not have, at the
            start and in SET.
        certificate_names: What the certificate is valid for instead of the clusters
            of the region.
        expired_certificate: Whether it expired long ago.
        binaries: A directory with initdb and postgres; by default one is looked for.
        max_connections: How many clients the server admits.
        templates: Where to take the data directory from; by default one is made.
    """

    region: str = "us-east-1"
    users: Sequence[str] = ("admin", "app")
    cluster_id: str | None = None
    host: str = "127.0.0.1"
    port: int = 0
    lock_timeout_ms: int = 10
    check_parameters: bool = True
    certificate_names: Sequence[str] | None = None
    expired_certificate: bool = False
    binaries: str | os.PathLike[str] | None = None
    max_connections: int = 200
    templates: Templates | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        if self.cluster_id is not None and not _CLUSTER_ID.fullmatch(self.cluster_id):
            raise LabError(
                f"cluster_id={self.cluster_id!r} is not 26 characters of a-z and 0-9"
            )
        if isinstance(self.users, str) or "admin" not in self.users:
            raise LabError(f"users={self.users!r} must be names, admin among them")
        names = self.certificate_names
        if names is not None and (isinstance(names, str) or not names):
            raise LabError(
                f"certificate_names={names!r} must be host names, at least one"
            )

"""The drivers that are compared, and how each spells what all of them are told.

A worker imports this in the driver's own environment: standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DRIVERS", "OURS", "PEERS", "Driver"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """One driver, told in the words that the worker needs.

    Args:
        name: What the results call it, and the file of its requirements.
        module: What a program imports to have its connections spread.
        plain: What a program imports for a plain connection of the same kind.
        switch: The parameter that turns spreading on.
        packages: The distributions whose versions matter.
        libpq: The function that tells the version of libpq, as ``module:function``.
    """

    name: str
    module: str
    plain: str
    switch: str
    packages: tuple[str, ...]
    libpq: str

    @property
    def smart_connect(self) -> Callable[..., Any]:
        """The function that opens a connection to the node that is due."""
        connect = import_module(self.module).connect

        def switched_on(**params: object) -> object:
            return connect(**params, **{self.switch: "true"})

        return switched_on

    @property
    def plain_connect(self) -> Callable[..., Any]:
        """The function that opens a connection to the host that it is told."""
        connect: Callable[..., Any] = import_module(self.plain).connect
        return connect

    def versions(self) -> dict[str, str]:
        """Tell the versions of its distributions and of its libpq."""
        module, function = self.libpq.split(":")
        number = getattr(import_module(module), function)()
        libpq = f"{number // 10_000}.{number % 10_000}"
        return {name: version(name) for name in self.packages} | {"libpq": libpq}


OURS = "moorline"
DRIVERS = {
    driver.name: driver
    for driver in (
        Driver(
            name=OURS,
            module="moorline.yugabyte.psycopg",
            plain="psycopg",
            switch="load_balance",
            packages=("moorline", "psycopg", "psycopg-binary"),
            libpq="psycopg.pq:version",
        ),
        Driver(
            name="psycopg-yugabytedb",
            module="psycopg",
            plain="psycopg",
            switch="load_balance_hosts",
            packages=("psycopg-yugabytedb", "psycopg-yugabytedb-binary"),
            libpq="psycopg.pq:version",
        ),
        Driver(
            name="psycopg2-yugabytedb",
            module="psycopg2",
            plain="psycopg2",
            switch="load_balance",
            packages=("psycopg2-yugabytedb-binary",),
            libpq="psycopg2.extensions:libpq_version",
        ),
    )
}
PEERS = tuple(name for name in DRIVERS if name != OURS)

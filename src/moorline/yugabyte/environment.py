"""The environment variables that decide."""

from __future__ import annotations

import os

from moorline.core.options import nearest
from moorline.shell.variables import Pairs
from moorline.shell.variables import Variables as AnyVariables
from moorline.yugabyte.options import TABLE

__all__ = ["ENVIRONMENT", "Pairs", "Variables", "variables"]

PREFIX = "MOORLINE_YB_"
ENVIRONMENT = {option.env: option.name for option in TABLE if option.env}
# Of libpq: which cluster is meant, and how long a connect may take.
DRIVERS = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE", "PGCONNECT_TIMEOUT")


class Variables:
    """moorline's variables, and the driver's that say where to connect.

    Attributes:
        unknown: What is wrong with the name of a variable of moorline's, or "".
    """

    def __init__(self) -> None:
        self.unknown = ""
        self._all = AnyVariables((*ENVIRONMENT, *DRIVERS))
        self._looks = 0

    def read(self) -> tuple[Pairs, Pairs]:
        """Return moorline's variables that are set, and the driver's."""
        pairs = self._all.read()
        if self._looks != self._all.looks:
            self._looks = self._all.looks
            self.unknown = _unknown()
        if not pairs:
            return (), ()
        ours = tuple([pair for pair in pairs if pair[0] in ENVIRONMENT])
        return ours, pairs[len(ours) :]


def _unknown() -> str:
    for name in os.environ:
        if name.startswith(PREFIX) and name not in ENVIRONMENT:
            near = nearest(name, {env.lower(): env for env in ENVIRONMENT})
            cure = f"did you mean {near.upper()}?" if near else ", ".join(ENVIRONMENT)
            return f"unknown environment variable {name}: {cure}"
    return ""


variables = Variables()

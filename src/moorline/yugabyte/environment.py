"""The environment variables that decide, looked at sparingly.

Looking for a variable that is not set costs some microseconds, and mostly none is. So
those that were not set are looked for again when the number of variables has changed,
or after a second; those that were set are read each time.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from moorline.core.options import nearest
from moorline.yugabyte.options import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ENVIRONMENT", "Pairs", "Variables", "variables"]

Pairs = tuple[tuple[str, str], ...]

PREFIX = "MOORLINE_YB_"
ENVIRONMENT = {option.env: option.name for option in TABLE if option.env}
# Of libpq: which cluster is meant, and how long a connect may take.
DRIVERS = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE", "PGCONNECT_TIMEOUT")
TRUST = 1.0  # seconds


class Variables:
    """moorline's variables, and the driver's that say where to connect.

    Attributes:
        unknown: What is wrong with the name of a variable of moorline's, or "".
    """

    def __init__(self) -> None:
        self.unknown = ""
        self._set: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        self._looked: tuple[int, float] = (-1, 0.0)

    def read(self) -> tuple[Pairs, Pairs]:
        """Return moorline's variables that are set, and the driver's."""
        now, count = time.monotonic(), len(os.environ)
        if self._looked[0] != count or now >= self._looked[1]:
            self.unknown = _unknown()
            ours, drivers = _values(ENVIRONMENT), _values(DRIVERS)
            self._set = (_names(ours), _names(drivers))
            self._looked = (count, now + TRUST)
            return ours, drivers
        names_of_ours, names_of_drivers = self._set
        return _values(names_of_ours), _values(names_of_drivers)


def _values(names: Iterable[str]) -> Pairs:
    if not names:
        return ()
    # A variable that is set to nothing counts as not set.
    get = os.environ.get
    return tuple([(name, value) for name in names if (value := get(name))])


def _names(pairs: Pairs) -> tuple[str, ...]:
    return tuple(name for name, _ in pairs)


def _unknown() -> str:
    for name in os.environ:
        if name.startswith(PREFIX) and name not in ENVIRONMENT:
            near = nearest(name, {env.lower(): env for env in ENVIRONMENT})
            cure = f"did you mean {near.upper()}?" if near else ", ".join(ENVIRONMENT)
            return f"unknown environment variable {name}: {cure}"
    return ""


variables = Variables()

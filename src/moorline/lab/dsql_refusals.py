"""What Aurora DSQL says when it refuses something.

The texts are those of AWS's pages on quotas and troubleshooting and of the tests of
AWS's own connectors, capital letters and full stops included. SQLSTATE 28000, 53300,
53400, 08P01 and 0A000 are documented or reported from real clusters; that of the
wake-up is not, and neither is what else a hint may say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from moorline.lab.dsql_wire import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CONFLICTS",
    "DENIED",
    "FAULTS",
    "NO_SNI",
    "NO_TLS",
    "REFUSALS",
    "Conflict",
    "Refusal",
    "no_database",
    "unsupported",
]

Refusal: TypeAlias = Literal["waking up", "rate", "too many", "expired", "denied"]
Conflict: TypeAlias = Literal["OC000", "OC001"]
REFUSALS: tuple[str, ...] = get_args(Refusal)

_PREFIX = "unable to accept connection"


def _fatal(code: str, text: str) -> Failure:
    return Failure(code, text, severity="FATAL")


NO_TLS = _fatal("08P01", f"{_PREFIX}, SSL is mandatory")
NO_SNI = _fatal("28000", f"{_PREFIX}, sni was not received")
DENIED = _fatal("28000", f"{_PREFIX}, access denied")

FAULTS: Mapping[str, Failure] = {
    "waking up": _fatal("57P03", f"{_PREFIX}, waking up cluster, please retry later"),
    "rate": _fatal("53400", "Unable to accept connection, rate exceeded."),
    "too many": _fatal(
        "53300", "Unable to accept connection, too many open connections."
    ),
    "expired": DENIED,  # and a hint
    "denied": DENIED,
}


# The SQLSTATE is 40001 for both. The texts have changed before: match "(OC00" only.
CONFLICTS: Mapping[str, Failure] = {
    "OC000": Failure(
        "40001",
        "change conflicts with another transaction, please retry: (OC000)",
    ),
    "OC001": Failure(
        "40001",
        "schema has been updated by another transaction, please retry: (OC001)",
    ),
}


def unsupported(parameter: str, severity: str = "ERROR") -> Failure:
    """Return what is said of a session parameter, at the start or to SET."""
    text = f'setting configuration parameter "{parameter}" not supported'
    return Failure("0A000", text, severity=severity)


def no_database(name: str) -> Failure:
    """Return what PostgreSQL says of a database that is not there."""
    return _fatal("3D000", f'database "{name}" does not exist')

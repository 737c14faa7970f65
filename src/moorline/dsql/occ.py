"""Telling conflicts of optimistic concurrency from other errors.

Aurora DSQL reports both kinds with SQLSTATE 40001 and tells them apart in the text
only: ``(OC000)``, data that another transaction changed, and ``(OC001)``, a schema that
was changed, not necessarily at the same time. Its wording has changed before, so
nothing else in the text counts. See the Aurora DSQL user guide, "Concurrency control".
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OCCType", "is_occ_error", "occ_type"]


class OCCType(Enum):
    """What a transaction conflicted with."""

    DATA = "OC000"
    SCHEMA = "OC001"
    UNKNOWN = "40001"


def is_occ_error(exc: BaseException) -> bool:
    """Tell whether an error is a conflict, so that the transaction can be repeated.

    Looks through what other layers wrap around a driver's error: ``__cause__``, and
    SQLAlchemy's ``.orig``.
    """
    return occ_type(exc) is not None


def occ_type(exc: BaseException) -> OCCType | None:
    """Return which kind of conflict an error is; `None` if it is none."""
    for error in _chain(exc):
        match _sqlstate(error):
            case OCCType.DATA.value:
                return OCCType.DATA
            case OCCType.SCHEMA.value:
                return OCCType.SCHEMA
            case OCCType.UNKNOWN.value:
                found = re.search(r"\((OC00[01])\)", str(error))
                return OCCType(found[1]) if found else OCCType.UNKNOWN
            case _:
                continue
    return None


def _chain(exc: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[object] = [exc]
    while waiting:
        error = waiting.pop(0)
        if isinstance(error, BaseException) and id(error) not in seen:
            seen.add(id(error))
            yield error
            waiting += [getattr(error, "orig", None), error.__cause__]


def _sqlstate(error: BaseException) -> object:
    """Return the SQLSTATE: ``sqlstate`` in psycopg 3 and asyncpg, ``pgcode`` before."""
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)

from __future__ import annotations

import asyncpg
import psycopg
import pytest

from moorline.dsql.occ import OCCType, is_occ_error, occ_type

DATA = "change conflicts with another transaction, please retry: (OC000)"
SCHEMA = "schema has been updated by another transaction, please retry: (OC001)"


class Error(Exception):
    def __init__(self, text="", **attributes):
        super().__init__(text)
        vars(self).update(attributes)


def caused_by(cause):
    error = Error("an application's own")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.errors.SerializationFailure(DATA), OCCType.DATA),
        (psycopg.errors.SerializationFailure(SCHEMA), OCCType.SCHEMA),
        (psycopg.errors.SerializationFailure("could not serialize"), OCCType.UNKNOWN),
        (asyncpg.SerializationError(DATA), OCCType.DATA),
        (asyncpg.SerializationError("mutation conflicts (OC000)"), OCCType.DATA),
        (Error(sqlstate="OC000"), OCCType.DATA),
        (Error(sqlstate="OC001"), OCCType.SCHEMA),
        (Error(pgcode="40001"), OCCType.UNKNOWN),
        (Error(SCHEMA, pgcode="40001"), OCCType.SCHEMA),
        # Through what others wrap around it.
        (caused_by(Error(DATA, sqlstate="40001")), OCCType.DATA),
        (caused_by(caused_by(Error(sqlstate="OC001"))), OCCType.SCHEMA),
        (Error("(psycopg) ...", orig=Error(DATA, sqlstate="40001")), OCCType.DATA),
        # Everything else is none, whatever its text says.
        (psycopg.errors.UniqueViolation(f"Key (code)=({DATA}) exists"), None),
        (psycopg.errors.DeadlockDetected("deadlock"), None),
        (Error(DATA), None),
        (Error("(OC000)", sqlstate="XX000"), None),
        (Error(orig="no error"), None),
        (psycopg.OperationalError(DATA), None),
        (KeyboardInterrupt(), None),
    ],
)
def test_which_conflict_an_error_is(error, kind):
    assert occ_type(error) is kind
    assert is_occ_error(error) is (kind is not None)


def test_an_error_that_merely_came_while_another_was_handled_is_none():
    """What an application raised instead is what it means."""
    error = Error("something else")
    error.__context__ = Error(DATA, sqlstate="40001")
    assert occ_type(error) is None


def test_a_ring_of_causes_comes_to_an_end():
    one, two = Error(), Error()
    one.__cause__, two.__cause__ = two, one
    assert occ_type(one) is None

"""What is done about each text with which a cluster lets nobody in."""

from __future__ import annotations

import psycopg
import pytest

from moorline.core.faults import Fault
from moorline.drivers import psycopg as driver
from moorline.dsql.refusals import Refusal, refusal_of

PREFIX = "unable to accept connection, "
LIBPQ = 'connection failed: connection to server at "192.0.2.1", port 5432 failed: '


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (
            f"{PREFIX}access denied\nHINT:  Signature expired: 20261121T090000Z is now",
            Refusal.STALE,
        ),
        (f"{PREFIX}access denied", Refusal.DENIED),
        (
            f"{PREFIX}access denied\nHINT:  Wrong user to action mapping.",
            Refusal.DENIED,
        ),
        (f"{PREFIX}waking up cluster, please retry later", Refusal.BUSY),
        ("Unable to accept connection, rate exceeded.", Refusal.BUSY),
        ("Unable to accept connection, too many open connections.", Refusal.BUSY),
        (f"{PREFIX}SSL is mandatory", Refusal.OTHER),
        (f"{PREFIX}sni was not received", Refusal.OTHER),
        ('password authentication failed for user "rate exceeded"', Refusal.OTHER),
        ('database "access denied" does not exist', Refusal.OTHER),
        ("Signature expired", Refusal.OTHER),
        ("", Refusal.OTHER),
    ],
)
@pytest.mark.parametrize("before", ["", f"{LIBPQ}FATAL:  "])
@pytest.mark.parametrize("change", [str, str.upper, str.lower])
def test_the_text_decides_in_any_case(text, refusal, before, change):
    assert refusal_of(Fault(change(before + text))) is refusal


def test_a_user_whose_name_is_a_refusal_is_none():
    """What follows the prefix counts, from its beginning."""
    text = f'{PREFIX}SSL is mandatory for user "access denied"'
    assert refusal_of(Fault(text)) is Refusal.OTHER


def test_several_addresses_that_said_it_are_one_refusal():
    """psycopg tells of each address that it tried."""
    error = psycopg.OperationalError(
        "connection failed: FATAL:  unable to accept connection, access denied\n"
        "Multiple connection attempts failed. All failures were:\n"
        "- host: 'x', hostaddr: '192.0.2.1': connection failed: FATAL:  "
        "unable to accept connection, access denied\n"
        "HINT:  Signature expired: 20261121T090000Z is now earlier"
    )
    assert refusal_of(driver.fault_of(error)) is Refusal.STALE

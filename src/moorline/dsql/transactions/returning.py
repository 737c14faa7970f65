"""Letting go of a connection in a state in which others can use it, or closed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from moorline.dsql.transactions.outcome import State
from moorline.dsql.transactions.session import Release, Run

if TYPE_CHECKING:
    from moorline.core.flow import Flow
    from moorline.dsql.transactions.session import Driver

__all__ = ["give_back", "release"]

logger = logging.getLogger(__name__)

# In seconds: for a ROLLBACK; after that the connection is closed, which does the same.
ROLLBACK_LIMIT = 5.0


def give_back(driver: Driver, conn: object) -> Flow[None]:
    """End whatever transaction there is, and let go of the connection.

    A ROLLBACK that fails is not worth an error: the transaction ends with the
    connection too. A caller who is cancelled meanwhile is.
    """
    try:
        if driver.state(conn) in {State.OPEN, State.FAILED}:
            yield from Run(conn, "ROLLBACK", ROLLBACK_LIMIT)
    except Exception as error:  # noqa: BLE001 - said above
        logger.debug("a connection is closed, for ROLLBACK failed: %s", error)
        driver.close(conn)
    finally:
        yield from release(driver, conn)


def release(driver: Driver, conn: object) -> Flow[None]:
    """Let go of a connection; it is closed unless it is idle."""
    if driver.state(conn) not in {State.IDLE, State.LOST}:
        driver.close(conn)
    try:
        yield from Release(conn)
    except Exception as error:  # noqa: BLE001 - the transaction is over, either way
        logger.warning("a connection is closed, for it could not be reset: %s", error)
        driver.close(conn)

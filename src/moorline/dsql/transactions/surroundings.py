"""What a transaction is made with: what all its attempts have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorline.core.retry import RetryPolicy
    from moorline.dsql.transactions.counters import Counter
    from moorline.dsql.transactions.receipts import Receipts
    from moorline.dsql.transactions.session import Driver

__all__ = ["Surroundings"]


class Surroundings(NamedTuple):
    """What a transaction is made with.

    Args:
        driver: What is known of the driver.
        pooled: Whether connections come from a pool.
        policy: How often it may be tried.
        receipts: Where it leaves receipts; `None`: nowhere.
        counter: Counts what comes of it.
        clock: Seconds, monotonic.
        dice: Gives random numbers from 0 (included) to 1 (excluded).
    """

    driver: Driver
    pooled: bool
    policy: RetryPolicy
    receipts: Receipts | None
    counter: Counter
    clock: Callable[[], float]
    dice: Callable[[], float]

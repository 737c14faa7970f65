"""Aurora DSQL: tokens nobody waits for, verified TLS, transactions that tell the truth.

`moorline.dsql.psycopg` and `moorline.dsql.asyncpg` are imported instead of the drivers.
Importing this module imports no driver, nothing of AWS's, and the rest of moorline only
when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorline.core.lazy import imported

if TYPE_CHECKING:
    from moorline.core.retry import RetryPolicy
    from moorline.dsql.bulk import Progress
    from moorline.dsql.limits import (
        insert_many,
        insert_many_async,
        run_ddl,
        run_ddl_async,
    )
    from moorline.dsql.occ import OCCType, is_occ_error, occ_type
    from moorline.dsql.own_driver import generate_token, generate_token_async
    from moorline.dsql.registry import TokenState, limit_connects, token_states
    from moorline.dsql.transactions.counters import Stats, stats
    from moorline.dsql.transactions.decorating import transactional
    from moorline.dsql.transactions.repeating import retry_on_occ, retry_on_occ_async
    from moorline.dsql.transactions.run import (
        retrying,
        run_transaction,
        run_transaction_async,
    )

__all__ = [
    "OCCType",
    "Progress",
    "RetryPolicy",
    "Stats",
    "TokenState",
    "generate_token",
    "generate_token_async",
    "insert_many",
    "insert_many_async",
    "is_occ_error",
    "limit_connects",
    "occ_type",
    "retry_on_occ",
    "retry_on_occ_async",
    "retrying",
    "run_ddl",
    "run_ddl_async",
    "run_transaction",
    "run_transaction_async",
    "stats",
    "token_states",
    "transactional",
]

_HOMES = {
    "moorline.core.retry": ("RetryPolicy",),
    "moorline.dsql.bulk": ("Progress",),
    "moorline.dsql.transactions.counters": ("Stats", "stats"),
    "moorline.dsql.transactions.decorating": ("transactional",),
    "moorline.dsql.limits": (
        "insert_many",
        "insert_many_async",
        "run_ddl",
        "run_ddl_async",
    ),
    "moorline.dsql.occ": ("OCCType", "is_occ_error", "occ_type"),
    "moorline.dsql.own_driver": ("generate_token", "generate_token_async"),
    "moorline.dsql.registry": ("TokenState", "limit_connects", "token_states"),
    "moorline.dsql.transactions.repeating": ("retry_on_occ", "retry_on_occ_async"),
    "moorline.dsql.transactions.run": (
        "retrying",
        "run_transaction",
        "run_transaction_async",
    ),
}


def __getattr__(name: str) -> object:
    return imported(name, _HOMES, globals())


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

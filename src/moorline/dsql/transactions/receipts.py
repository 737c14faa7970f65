"""Receipts: a row per transaction that tells afterwards whether it was committed.

The row has an id that nobody else has, and is written by the transaction itself. When
the reply to COMMIT is lost, the same id is written again by a transaction of its own.
If it is there, the first one was committed. If it is not, the second one now keeps the
first from ever committing, even if its COMMIT is still on its way to the server: merely
looking would not.

The table is the user's to create, and to clear of old rows::

    create table receipts (id uuid primary key, at timestamptz default now())
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from moorline.errors import ConfigError

if TYPE_CHECKING:
    from uuid import UUID

__all__ = ["Answer", "Receipts"]

# An identifier as SQL has it: plain, or in quotes.
IDENTIFIER = r'(?:[A-Za-z_][A-Za-z0-9_$]*|"(?:[^"\0]|"")+")'
TABLE = re.compile(rf"{IDENTIFIER}(?:\.{IDENTIFIER})?")


class Answer(Enum):
    """What writing an id again found.

    ``FREE``: it was not there, and will have been ours once that is committed.
    ``TAKEN``: the transaction was committed.
    ``BARRED``: an earlier writing of ours is there, and it was not.
    """

    FREE = auto()
    TAKEN = auto()
    BARRED = auto()


class Receipts(NamedTuple):
    """A table of receipts.

    Args:
        name: As the user wrote it.
        table: As it stands in SQL.
    """

    name: str
    table: str

    @classmethod
    def of(cls, name: str) -> Receipts:
        """Return the table of a name, read as SQL reads it: unquoted is lower case.

        Raises:
            ConfigError: It is no name of a table.
        """
        if not TABLE.fullmatch(name):
            raise ConfigError(
                f"receipt={name!r}: write the name of a table, with its schema if need "
                'be, as in SQL: receipts, app.receipts, "Receipts"'
            )
        parts = re.findall(IDENTIFIER, name)
        quoted = (one if one[0] == '"' else f'"{one.lower()}"' for one in parts)
        return cls(name, ".".join(quoted))

    def write(self, operation: UUID) -> str:
        """Return the statement by which a transaction leaves its receipt."""
        return f"INSERT INTO {self.table} (id) VALUES ('{operation}')"  # noqa: S608

    def write_again(self, operation: UUID, mark: UUID) -> str:
        """Return the statement that bars an operation, or finds that it is done.

        The mark, another id, tells our own writings from the operation's: the reply to
        their COMMIT can be lost too.
        """
        return (
            f"INSERT INTO {self.table} (id) VALUES ('{operation}'), ('{mark}') "  # noqa: S608
            "ON CONFLICT DO NOTHING"
        )

    @staticmethod
    def read(tag: str) -> Answer:
        """Read the command tag of `write_again`: how many rows were new."""
        written = int(tag.rpartition(" ")[2])
        return (Answer.BARRED, Answer.TAKEN, Answer.FREE)[written]

    def missing(self) -> ConfigError:
        """Return the error for a table that is not there."""
        return ConfigError(
            f"receipt={self.name!r}: there is no such table; create it with: create "
            f"table {self.name} (id uuid primary key, at timestamptz default now())"
        )

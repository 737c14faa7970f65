"""What to tell a user whose rows did not get to a server by TCP: the cause, the cure.

TCP has no answers, so each text is of what is probable; the server's log knows more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorline.errors import IngestError
from moorline.net.tcp import EndedError, LocalAddressError
from moorline.questdb.tls_errors import answered_in_tls, speaks_tls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorline.questdb.batch import Batch
    from moorline.questdb.settings import Settings
    from moorline.questdb.tls_errors import TlsError

__all__ = [
    "broken",
    "gone",
    "no_challenge",
    "not_let_in",
    "objection",
    "stuck",
    "unreached",
    "unread",
    "unsent",
    "where",
]

MOST_TRIES = 5
SHOWN = 40  # bytes of what a server said


def where(settings: Settings) -> str:
    """Return the server, as ``tcp://localhost:9009``."""
    return f"{settings.protocol}://{settings.addresses[0]}"


def unsent(batch: Batch) -> str:
    """Say what became of a batch that was not begun."""
    return f"None of the {batch.rows} rows was sent; all are still in the buffer."


def unreached(
    settings: Settings, batch: Batch, tried: Sequence[str], error: OSError
) -> IngestError:
    """Return the error for a connection that could not be opened."""
    here = where(settings)
    if isinstance(error, LocalAddressError):
        return IngestError(
            f"{here}: nothing can connect from bind_interface="
            f"{settings.bind_interface}: {error}\nWrite an address of this machine, of "
            f"the same family as the server's.\n{unsent(batch)}"
        )
    tries = "\n".join(f"  {one}" for one in tried[-MOST_TRIES:])
    cure = "Is the server up, and is the port right? It is 9009 for TCP."
    if settings.auth is not None and isinstance(error, EndedError):
        cure = (
            "It was told the id of a key, username, and sent no challenge: does it ask "
            "for keys at all (line.tcp.auth.db.path)? If not, leave username and token "
            "out."
        )
    return IngestError(
        f"{here}: there was no connection within auth_timeout={_millis(settings)}, in "
        f"{len(tried)} tries:\n{tries}\n{cure}\n{unsent(batch)}"
    )


def no_challenge(settings: Settings, batch: Batch) -> IngestError:
    """Return the error for a server that answered a key with something else."""
    return IngestError(
        f"{where(settings)}: what answered the key's id is no challenge.\n"
        f"Is it QuestDB that listens there, and for TCP? Its port is 9009.\n"
        f"{unsent(batch)}"
    )


def not_let_in(settings: Settings, batch: Batch, username: str) -> IngestError:
    """Return the error for a signature that the server did not take."""
    return IngestError(
        f"{where(settings)} did not take the key: it closed the connection after the "
        f"signature.\nIs username={username!r} in its file of keys "
        "(line.tcp.auth.db.path), with the public key that belongs to token?\n"
        f"{unsent(batch)}"
    )


def objection(settings: Settings, batch: Batch, news: bytes) -> IngestError | TlsError:
    """Return the error for what a server said to rows, b"" for its end."""
    if not news:
        return broken(settings, batch)
    if settings.protocol == "tcp" and speaks_tls(news):
        error = answered_in_tls(settings.addresses[0], settings.protocol)
        error.add_note(_unread_rows(batch))
        return error
    return IngestError(
        f"{where(settings)} {_answered(settings, news)}\n{_unread_rows(batch)}"
    )


def _answered(settings: Settings, news: bytes) -> str:
    """Say what it means that a server answered, as QuestDB does not to rows."""
    if news.startswith(b"HTTP/"):
        return (
            "answered in HTTP.\nThat is its port for HTTP, often 9000; the one for TCP "
            "is often 9009."
        )
    if settings.auth is None and b"\n" in news:
        return (
            "asks for a key: it sent a challenge.\nGive the id of one as username, and "
            "its private number as token."
        )
    return (
        f"answered, as QuestDB does not by TCP: {news[:SHOWN]!r}\nIs it QuestDB that "
        "listens there?"
    )


def broken(settings: Settings, batch: Batch) -> IngestError:
    """Return the error for a connection that ended with a batch."""
    version = settings.protocol_version or 1
    cause = (
        "Probably it cannot read one of them: a value that does not fit its column, or "
        "a name that is not allowed. The server's log says which."
    )
    if version > 1:
        least = {2: "9.0", 3: "9.2"}[version]
        cause += (
            f" Or it is older than {least}, which protocol_version={version} needs."
        )
    if settings.protocol == "tcp":
        cause += " If nothing ever arrives, it may speak TLS here: write tcps."
    return IngestError(
        f"{where(settings)} closed the connection while it was sent {batch.rows} rows, "
        f"or right after.\n{cause}\n{_perhaps_stored(batch)}"
    )


def stuck(settings: Settings, batch: Batch) -> IngestError:
    """Return the error for a server that takes nothing any more."""
    return IngestError(
        f"{where(settings)} took nothing for auth_timeout={_millis(settings)}, amid "
        f"{batch.rows} rows.\nIt is stuck or overloaded, or the network between is "
        f"cut.\n{_perhaps_stored(batch)}"
    )


def gone(
    settings: Settings, batch: Batch | None = None, news: bytes = b""
) -> IngestError:
    """Return the error for a connection that is at its end after rows were sent.

    Args:
        settings: What the options say.
        batch: The rows that were to come next, and were not sent.
        news: What the server said.
    """
    if news:
        text = f"{where(settings)} {_answered(settings, news)}\nIt has stored no rows."
    else:
        text = (
            f"{where(settings)} closed the connection after it was sent rows.\nIt may "
            "have been stopped, or one of them was bad, and then those behind it are "
            "not stored either: the server's log says which. TCP cannot tell; http:: "
            "does."
        )
    if batch is not None:
        text += f"\nThat is about rows before these. {unsent(batch)}"
    return IngestError(text)


def unread(settings: Settings) -> str:
    """Say that the server has not confirmed the end."""
    return (
        f"{where(settings)} did not end the connection within auth_timeout="
        f"{_millis(settings)}: it may still have to read the last rows"
    )


def _millis(settings: Settings) -> str:
    return f"{settings.auth_timeout * 1000:g} ms"


def _unread_rows(batch: Batch) -> str:
    return f"None of the {batch.rows} rows is stored; all are still in the buffer."


def _perhaps_stored(batch: Batch) -> str:
    return (
        f"All {batch.rows} rows are still in the buffer. Some may be stored as well: "
        "sending them again doubles those, unless the table has DEDUP keys."
    )

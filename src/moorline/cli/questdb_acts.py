"""The acts of the demonstration of QuestDB: what is done, and what is found."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from moorline.cli import stage
from moorline.cli.facts import Fact, Outcome
from moorline.cli.questdb_demo import ROWS
from moorline.errors import ConfigError, IngestError, RowError, TlsError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from moorline.lab import QuestdbLab
    from moorline.questdb import SenderBuilder
    from moorline.questdb.schema import ColumnKind

__all__ = ["play"]

HOST = "localhost"
USER, PASSWORD = "admin", "quest"
TABLE = "trades"
# What QuestDB's documentation has users type.
RECIPE = (
    "openssl genrsa -out {key} 2048",
    "openssl req -new -x509 -key {key} -out {crt} -days 365 -subj /CN=localhost",
)


def play(name: str, lab: QuestdbLab) -> Outcome:
    """Play an act, on a server without tables; say what was found, and how long."""
    lab.reset()
    began = time.perf_counter()
    code, facts = ACTS[name](lab)
    return Outcome(name, code, facts, time.perf_counter() - began)


def _public_and_own(lab: QuestdbLab) -> tuple[str, list[Fact]]:
    builder = _builder(lab).tls_ca("webpki_and_os_roots")
    found = [_refused("before it was installed", lab, builder)]
    found.append(Fact("requests that were sent then", len(lab.requests), 0))
    with _installed(lab.ca_file):
        _send(builder)
    found += _arrived(lab, 1)
    return _code('.tls_ca("webpki_and_os_roots")'), found


def _by_its_file(lab: QuestdbLab) -> tuple[str, list[Fact]]:
    path = lab.cert_file("openssl")
    _make(path)
    lab.front.present("openssl")
    builder = _builder(lab).tls_ca("pem_file").tls_roots(path)
    _send(builder)
    found = _arrived(lab, 1)
    before = len(lab.requests)
    other = _builder(lab).tls_ca("pem_file").tls_roots(lab.other_ca_file)
    found.append(_refused("with another file", lab, other))
    found.append(Fact("requests that were sent then", len(lab.requests) - before, 0))
    typed = [f"$ {one.format(key='questdb.key', crt='questdb.crt')}" for one in RECIPE]
    code = _code('.tls_ca("pem_file").tls_roots("questdb.crt")')
    return "\n".join([*typed, code]), found


def _by_this_machine(lab: QuestdbLab) -> tuple[str, list[Fact]]:
    builder = _builder(lab).tls_ca("os_roots")
    with _installed(lab.ca_file):
        _send(builder)
        found = _arrived(lab, 1)
        before = len(lab.requests)
        lab.front.present("wrong-name")
        found.append(_refused("a certificate for wrong.example", lab, builder))
    found.append(Fact("requests that were sent then", len(lab.requests) - before, 0))
    return _code('.tls_ca("os_roots")'), found


def _by_nobody(lab: QuestdbLab) -> tuple[str, list[Fact]]:
    lab.front.present("expired")
    builder = _builder(lab).tls_verify("unsafe_off")
    found = [_refused("without allow_insecure_tls", lab, builder)]
    found.append(Fact("connections that were opened then", lab.front.accepted, 0))
    with stage.logged() as lines:
        _send(builder.allow_insecure_tls(True))  # noqa: FBT003 - as users write it
    warned = [line for line in lines if line.startswith("tls_verify=unsafe_off")]
    found.append(Fact("with it, warnings", len(warned), lab.front.accepted))
    found += [Fact("which say", line) for line in warned[:1]]
    found += _arrived(lab, 1)
    return _code('.tls_verify("unsafe_off").allow_insecure_tls(True)'), found


def _through_a_kill(lab: QuestdbLab) -> tuple[str, list[Fact]]:
    from moorline.questdb import TimestampNanos  # noqa: PLC0415 - after forget_settings

    first = TimestampNanos.now().value
    rows = [("BTC-USDT", "buy", n / 4, first + n) for n in range(ROWS)]
    half = ROWS // 2
    builder = _builder(lab).tls_roots(lab.ca_file).auto_flush("off").retry_timeout(0)
    with builder.build() as sender:
        began = time.perf_counter()
        sender.rows(TABLE, rows[:half], SCHEMA).flush()
        seconds = time.perf_counter() - began
        sender.rows(TABLE, rows[half:], SCHEMA)
        lab.kill()
        try:
            sender.flush()
            told = "nothing"
        except IngestError as error:
            told = type(error).__name__
        kept = sender.buffer.row_count
        lab.restart()
    found = [
        Fact("rows a second, acknowledged", round(half / seconds)),
        Fact("after SIGKILL, flush() raises", told, "IngestError"),
        Fact("rows that are still in the buffer", kept, ROWS - half),
        *_arrived(lab, ROWS),
        Fact("sum(price) on the server", _sum(lab), sum(row[2] for row in rows)),
    ]
    return 'sender.rows("trades", rows, schema).flush()', found


def _by_columns(lab: QuestdbLab) -> tuple[str, list[Fact]]:
    first = datetime(2026, 5, 1, tzinfo=UTC)
    frame: dict[str, list[object]] = {
        "symbol": ["BTC-USDT", "ETH-USDT"] * 500,
        "price": [n / 8 for n in range(1000)],
        "time": [first + timedelta(seconds=n) for n in range(1000)],
    }
    builder = _builder(lab).tls_roots(lab.ca_file).auto_flush("off")
    with builder.build() as sender:
        sender.dataframe(frame, table=TABLE, symbols=["symbol"], at="time")
        try:
            bad = {**frame, "price": [*frame["price"][:-1], 2**63]}
            sender.dataframe(bad, table=TABLE, symbols=["symbol"], at="time")
            told = "nothing"
        except RowError as error:
            told = str(error).partition(":")[0]
        kept = sender.buffer.row_count
    found = [
        Fact(
            "with 2**63 in its last row, RowError",
            told,
            "table 'trades', column 'price'",
        ),
        Fact("rows that are in the buffer then", kept, 1000),
        *_arrived(lab, 1000),
        Fact("sum(price) on the server", _sum(lab), 62437.5),
    ]
    return (
        'sender.dataframe(frame, table="trades", symbols=["symbol"], at="time")',
        found,
    )


SCHEMA: Mapping[str, ColumnKind] = {
    "symbol": "symbol",
    "side": "symbol",
    "price": "f64",
    "ts": "at_ns",
}
ACTS: dict[str, Callable[[QuestdbLab], tuple[str, list[Fact]]]] = {
    "webpki_and_os_roots": _public_and_own,
    "pem_file": _by_its_file,
    "os_roots": _by_this_machine,
    "unsafe_off": _by_nobody,
    "rows": _through_a_kill,
    "frame": _by_columns,
}


def _code(options: str) -> str:
    return (
        f'SenderBuilder("https", "{HOST}", 9000).username("admin").password("quest")\n'
        f"    {options}.build()"
    )


def _make(certificate: str) -> None:
    """Make a certificate as users do; without openssl, the lab's own is like it."""
    if shutil.which("openssl") is not None:
        key = Path(certificate).with_suffix(".key")
        for line in RECIPE:
            argv = [word.format(key=key, crt=certificate) for word in line.split()]
            subprocess.run(argv, check=True, capture_output=True)  # noqa: S603 - as above


def _builder(lab: QuestdbLab) -> SenderBuilder:
    from moorline.questdb import SenderBuilder  # noqa: PLC0415 - after forget_settings

    builder = SenderBuilder("https", HOST, lab.https_port)
    return builder.username(USER).password(PASSWORD)


def _send(builder: SenderBuilder) -> None:
    with builder.build() as sender:
        row = sender.table(TABLE).symbol("symbol", "BTC-USDT").symbol("side", "buy")
        row.column("price", 37779.62).column("amount", 0.5).at_now()


def _refused(when: str, lab: QuestdbLab, builder: SenderBuilder) -> Fact:
    """Say what comes of a sender that must not send anything."""
    promised = EXPECTED[when]
    try:
        _send(builder)
    except TlsError as error:
        return Fact(when, f"TlsError: {error.kind}", promised)
    except ConfigError as error:
        return Fact(when, type(error).__name__, promised)
    return Fact(when, f"taken, with {len(lab.requests)} requests", promised)


EXPECTED = {
    "before it was installed": "TlsError: unknown-authority",
    "with another file": "TlsError: self-signed",
    "a certificate for wrong.example": "TlsError: wrong-host",
    "without allow_insecure_tls": "ConfigError",
}


def _arrived(lab: QuestdbLab, count: int) -> list[Fact]:
    """Count what the server has, once all is applied or time is over."""
    try:
        lab.wait_rows(TABLE, count)
        found: object = count
    except AssertionError as error:
        found = str(error)
    last = lab.requests[-1] if lab.requests else None
    spoken = f" over {last.tls}" if last else ""
    return [Fact(f"rows by SQL, sent{spoken}", found, count)]


def _sum(lab: QuestdbLab) -> object:
    ((total,),) = lab.sql(f"select sum(price) from {TABLE}")  # noqa: S608 - our own table
    return total


@contextmanager
def _installed(authority: str) -> Generator[None]:
    """Have OpenSSL take an authority for one of this machine's."""
    os.environ["SSL_CERT_FILE"] = authority
    try:
        yield
    finally:
        del os.environ["SSL_CERT_FILE"]

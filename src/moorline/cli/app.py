"""What can be typed: commands, their options and their help."""

from __future__ import annotations

import io
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from moorline import __version__
from moorline.cli import USAGE
from moorline.cli.failure import Failure
from moorline.cli.redact import redact
from moorline.errors import ConfigError, MoorlineError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

__all__ = ["run"]


def run(argv: Sequence[str]) -> int:
    """Run a command and return its exit code.

    Raises KeyboardInterrupt for Ctrl-C, BrokenPipeError when nobody reads any more.
    """
    for stream in (sys.stdout, sys.stderr):
        # Names from a cluster may be in any script; a terminal may be not.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        return moorline.main(list(argv), "moorline", standalone_mode=False) or 0
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        complaint = io.StringIO()
        error.show(complaint)
        message, exit_code = complaint.getvalue(), error.exit_code
    except Failure as error:
        message, exit_code = f"moorline: {error}\n", error.exit_code
    # Any word may be a conninfo, if in the wrong place, and quoted by the complaint.
    click.echo(redact(message, argv), err=True, nl=False)
    return exit_code


@contextmanager
def _failures(
    wrong: tuple[type[Exception], ...] = (), failed: tuple[type[Exception], ...] = ()
) -> Generator[None]:
    """Turn the errors of moorline, and others, into `Failure`."""
    mistakes: tuple[type[Exception], ...] = (ConfigError, *wrong)
    failures: tuple[type[Exception], ...] = (MoorlineError, *failed)
    try:
        yield
    except mistakes as error:
        raise Failure(str(error).strip(), USAGE) from error
    except failures as error:
        raise Failure(str(error).strip()) from error


@contextmanager
def _with_psycopg(extra: str = "psycopg") -> Generator[None]:
    """Turn the errors of moorline and psycopg into `Failure`."""
    try:
        import psycopg  # noqa: PLC0415 - the base package has no driver
    except ImportError as error:
        message = f"psycopg is needed: pip install 'moorline[{extra}]' ({error})"
        raise Failure(message, USAGE) from error
    with _failures((psycopg.ProgrammingError,), (psycopg.Error,)):
        yield


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="moorline %(version)s")
def moorline() -> None:
    """Moor programs to distributed databases.

    Exit codes: 0 fine, 1 could not be done, 2 wrong usage, 130 interrupted.
    """


_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@moorline.command()
@click.argument(
    "product",
    type=click.Choice(["yugabyte", "dsql", "questdb"]),
    default="yugabyte",
)
@_json
def demo(product: str, *, as_json: bool) -> int:
    """Show a product on servers of its own.

    yugabyte: spreading, topology and failover on three PostgreSQL servers that stand in
    for a YugabyteDB cluster. dsql: a token, a verified login and 400 transactions that
    conflict, on one that stands in for Aurora DSQL. questdb: rows to a real QuestDB
    over TLS, trusted in four ways, and through a kill of the server; it needs Java 17.

    The servers run on this machine and are removed at the end. What counts is read from
    them; the exit code is 1 if it is not as promised.
    """
    if product == "questdb":
        with _failures():
            from moorline.cli import questdb_stage  # noqa: PLC0415 - as late as possible

            return questdb_stage.run(as_json=as_json)
    with _with_psycopg("demo"):
        if product == "dsql":
            from moorline.cli import dsql_stage  # noqa: PLC0415 - as late as possible

            return dsql_stage.run(as_json=as_json)
        from moorline.cli import stage  # noqa: PLC0415 - as late as possible

        return stage.run(as_json=as_json)


def _one_word(
    ctx: click.Context, _param: click.Parameter, words: tuple[str, ...]
) -> str:
    """Return the conninfo; several words mean that its quotes were forgotten."""
    if len(words) > 1:
        # They are not echoed: there may be a password among them.
        raise click.UsageError("CONNINFO is one argument: put quotes around it", ctx)
    return "".join(words)


_conninfo = click.argument(
    "conninfo", nargs=-1, required=True, metavar="CONNINFO", callback=_one_word
)


@moorline.command()
@_conninfo
@click.option("--watch", is_flag=True, help="Show it again and again until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Time between two looks with --watch.",
)
@_json
def topology(conninfo: str, *, watch: bool, interval: float, as_json: bool) -> int:
    """Show the nodes of the cluster that CONNINFO leads to.

    CONNINFO is a URI or a keyword conninfo, in quotes, as for connect(); moorline's
    options may be in it. "answers" is what each node says to this machine now.

    With --watch, Ctrl-C is the way to end, so the exit code is 0 then; a reading
    that fails is shown, and the next one is tried. With --json too, each look is one
    document in one line.
    """
    with _with_psycopg():
        from moorline.cli import cluster  # noqa: PLC0415 - as late as possible

        if watch:
            return cluster.watch(conninfo, interval, as_json=as_json)
        return cluster.topology(conninfo, as_json=as_json)


@moorline.command()
@_conninfo
@_json
def explain(conninfo: str, *, as_json: bool) -> int:
    """Say where the next connection with CONNINFO goes, and why.

    As a program sees it that has just started: no connections, no failures yet.
    """
    with _with_psycopg():
        from moorline.cli import cluster  # noqa: PLC0415 - as late as possible

        return cluster.explain(conninfo, as_json=as_json)

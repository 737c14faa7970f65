"""The pages for those who come from other drivers know every option."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from psycopg import ProgrammingError

from moorline.drivers.psycopg import keywords
from moorline.dsql import asyncpg, psycopg
from moorline.dsql.options import TABLE as DSQL
from moorline.dsql.options import TOKEN_DURATION
from moorline.errors import ConfigError
from moorline.questdb.options import SPELLINGS
from moorline.questdb.settings import settings_from_conf
from moorline.yugabyte.options import TABLE as YUGABYTE
from tests.docs.conftest import CLUSTER_ID

DOCS = Path(__file__).parents[2] / "docs"
FROM_YUGABYTE = ["migrate-psycopg-yugabytedb", "migrate-psycopg2-yugabytedb"]
FROM_AWS = "migrate-aurora-dsql-python-connector"
FROM_QUESTDB = "migrate-questdb-client"
ROW = re.compile(r"^\|([^|]*)\|([^|]*)\|[^|]*\|$", re.MULTILINE)
OPTION = re.compile(r"`([a-z]+_[a-z_]+)(?:=([^`]*))?`")
LIBPQS = {"disable", "random"}  # values of load_balance_hosts that stay libpq's
# What the connector from AWS itself defines; see its README, "Configuration Options".
AWSS = {
    "host",
    "user",
    "dbname",
    "region",
    "port",
    "custom_credentials_provider",
    "profile",
    "token_duration_secs",
}
# Arguments of `Sender.from_conf` of QuestDB's client 6.0.0, but for those of QWP.
QUESTDBS = {
    "addr",
    "auth_timeout",
    "auto_flush",
    "auto_flush_bytes",
    "auto_flush_interval",
    "auto_flush_rows",
    "bind_interface",
    "init_buf_size",
    "max_buf_size",
    "max_name_len",
    "password",
    "protocol_version",
    "request_min_throughput",
    "request_timeout",
    "retry_max_backoff",
    "retry_max_backoff_millis",
    "retry_timeout",
    "tls_ca",
    "tls_roots",
    "tls_roots_password",
    "tls_verify",
    "token",
    "token_x",
    "token_y",
    "username",
}
NAME = re.compile(r"`([A-Za-z_-]+)(?:=[^`]*)?`")
# On the page of the connector: arguments of pools, and asyncpg's own.
ELSEWHERE = {"max_lifetime", "database", "timeout", "ssl", "direct_tls", "passfile"}


def rows_of(page: str) -> list[tuple[str, str]]:
    """Return the first table of options of a page: what was written, what is now."""
    section = (DOCS / f"{page}.md").read_text("utf-8").partition("\n## Options\n")[2]
    table = section[section.index("|") :].partition("\n\n")[0]
    return [(old, new) for old, new in ROW.findall(table)][2:]


def options_of(page: str) -> list[tuple[str, str]]:
    """Return the names of options in a table, old and new, with values."""
    cells = "".join(old + new for old, new in rows_of(page))
    return [(name, value or "true") for name, value in OPTION.findall(cells)]


def test_there_are_pages() -> None:
    pages = sorted(page.stem for page in DOCS.glob("migrate-*.md"))
    assert pages == sorted([*FROM_YUGABYTE, FROM_AWS, FROM_QUESTDB])


@pytest.mark.parametrize("page", FROM_YUGABYTE)
def test_every_option_has_a_row_and_every_name_is_read(page: str) -> None:
    found = {
        YUGABYTE.find(name, value)
        for name, value in options_of(page)
        if value not in LIBPQS
    }
    assert found == set(YUGABYTE)


def names_in(column: int, page: str = FROM_AWS) -> set[str]:
    """Return the names in a column of a page, by default of that for AWS's."""
    return {name for row in rows_of(page) for name in NAME.findall(row[column])}


def is_read(name: str) -> bool:
    """Tell whether moorline, or a driver, has an option of this name."""
    return DSQL.holds(name, "1") or name in keywords() | asyncpg.NAMES | ELSEWHERE


def test_every_option_of_aws_s_connector_has_a_row() -> None:
    assert names_in(0) >= AWSS


def test_every_name_that_the_page_says_to_write_is_read_and_none_is_missing() -> None:
    new = names_in(1)
    assert [name for name in new if not is_read(name) and name != "SSLContext"] == []
    assert {DSQL.find(name, "1") for name in new} - {None} == set(DSQL)


def test_a_name_that_has_changed_is_refused_with_the_new_one() -> None:
    renamed = {name for name in names_in(0) - {"SSLContext"} if not is_read(name)}
    assert renamed == {"custom_credentials_provider"}
    with pytest.raises(ProgrammingError, match=r"did you mean credentials_provider\?"):
        psycopg.connect(CLUSTER_ID, region="x", custom_credentials_provider=object())


def test_the_page_tells_both_defaults_of_the_duration() -> None:
    (row,) = (old for old, _ in rows_of(FROM_AWS) if "`token_duration_secs`" in old)
    page = (DOCS / f"{FROM_AWS}.md").read_text("utf-8")
    (line,) = (one for one in page.splitlines() if one.startswith(f"|{row}|"))
    assert (
        f"60 by default in the connector, {TOKEN_DURATION.default} in moorline" in line
    )


def test_every_option_of_questdb_s_client_has_a_row() -> None:
    assert names_in(0, FROM_QUESTDB) == QUESTDBS | {"sf_dir"}


def test_every_name_that_is_to_be_written_for_it_is_read() -> None:
    assert names_in(1, FROM_QUESTDB) <= set(SPELLINGS)


def test_only_one_name_of_questdb_s_client_has_changed() -> None:
    assert QUESTDBS - set(SPELLINGS) == {"retry_max_backoff"}
    with pytest.raises(ConfigError, match="did you mean retry_max_backoff_millis"):
        settings_from_conf("http::addr=localhost;", retry_max_backoff=1)

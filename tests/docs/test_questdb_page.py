"""The page on QuestDB does what it says, and says what the code says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from array import array
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from moorline import questdb
from moorline.errors import MoorlineError, RowError
from moorline.lab import pytest_plugin
from moorline.lab.questdb_options import QuestdbOptions
from moorline.lab.questdb_server import Ports, conf
from moorline.questdb.answers import MISDIRECTED, PASSING
from moorline.questdb.options import TLS_CA
from moorline.questdb.schema import KINDS
from tests.docs.questdb_troubles import TROUBLES, Scene
from tests.docs.walk import PATIENCE, Walk, blocks_of, free_ports, listens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moorline.lab import QuestdbLab

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "questdb.md"
COMING = ROOT / "docs" / "migrate-questdb-client.md"
TEXT = PAGE.read_text("utf-8")
GAP = "…"
ROWS = {
    "trades": 18,
    "quotes": 3,
    "fills": 12,
    "readings": 1,
    "transfers": 2,
    "alarms": 1,
}
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
# What readers have before a block.
BEFORE = {
    "chain.pem": """
cp {leaf} server.crt
cp {middle} intermediate.crt
cp {root} root.crt
""",
    "store.p12": """
openssl x509 -in certs/questdb.crt -outform der -out certificate.der
openssl pkcs12 -export -nokeys -in certs/questdb.crt -out store.p12 \
    -passout env:STORE_PASSWORD
keytool -importcert -noprompt -alias questdb -file certs/questdb.crt \
    -keystore store.jks -storetype JKS -storepass:env STORE_PASSWORD
""",
}


def tables_under(heading: str) -> list[list[str]]:
    """Return the cells of the rows of the tables below a heading, without heads."""
    section = TEXT.partition(f" {heading}\n")[2].partition("\n#")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for above, line in zip(["", *lines], lines, strict=False)
        if "---" not in line and above and not lines_is_head(lines, line)
    ]


def lines_is_head(lines: list[str], line: str) -> bool:
    at = lines.index(line)
    return at + 1 < len(lines) and lines[at + 1].startswith("|---")


@pytest.fixture(scope="module")
def lab_of_the_module() -> Iterator[QuestdbLab]:
    """Share a server that asks for a password, and by TCP for a key."""
    options = {"user": "admin", "password": "quest", "tcp_auth": True}
    with pytest_plugin._questdb_lab(options) as lab:
        yield lab


@pytest.fixture
def walk(
    questdb_lab: QuestdbLab,
    lab_of_the_module: QuestdbLab,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Walk]:
    """Make ready what the page takes for granted."""
    lab_of_the_module.reset()
    broken = questdb_lab.add_front()
    broken.present("broken-chain")
    (port,) = free_ports(1)
    places = {
        "http::addr=localhost:9000": f"http::addr=localhost:{questdb_lab.http_port}",
        '"http", "localhost", 9000': f'"http", "localhost", {questdb_lab.http_port}',
        ",localhost:9000": f",localhost:{questdb_lab.http_port}",
        '"localhost", 9000': f'"localhost", {port}',
        "localhost:9000": f"localhost:{port}",
        " 9000 9001": f" {port} {questdb_lab.http_port}",
        '"production-host.com", 9000': f'"localhost", {questdb_lab.https_port}',
        "production-host.com:9000": f"localhost:{questdb_lab.https_port}",
        "production-host.com:9009": f"localhost:{lab_of_the_module.tcps_port}",
        "db.example.com:9000": f"localhost:{broken.https_port}",
    }
    authorities = tmp_path / "authorities.pem"
    labs = (questdb_lab, lab_of_the_module)
    authorities.write_text("".join(Path(lab.ca_file).read_text() for lab in labs))
    env = {
        "SSL_CERT_FILE": str(authorities),
        "STORE_PASSWORD": "changeit",
        "QUESTDB_TOKEN": lab_of_the_module.tcp_key.token,
    }
    monkeypatch.chdir(tmp_path)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with Walk(tmp_path, places, env, questdb_lab.sql) as made:
        yield made


def test_the_page_for_those_who_come_from_the_client_runs(
    walk: Walk, questdb_lab: QuestdbLab
) -> None:
    for number, block in enumerate(blocks_of(COMING)):
        walk.take(number, block)
    questdb_lab.wait_rows("trades", 4)


@pytest.mark.timeout(180)  # of which it takes 8, with a machine for itself
def test_it_runs_from_the_top_to_the_bottom(
    walk: Walk, questdb_lab: QuestdbLab, lab_of_the_module: QuestdbLab
) -> None:
    files = {
        "leaf": questdb_lab.cert_file("broken-chain"),
        "middle": questdb_lab.intermediate_file,
        "root": questdb_lab.ca_file,
    }
    for number, block in enumerate(blocks_of(PAGE)):
        for word, commands in BEFORE.items():
            if block.language == "bash" and word in block.code:
                walk.bash(commands.format(**files))
        walk.take(number, block)
    assert "".join(walk.said).count("Data sent successfully over TLS") == 2
    for table, count in ROWS.items():
        questdb_lab.wait_rows(table, count)
    lab_of_the_module.wait_rows("ticks", 1)

    for name, code in {"staging": 1, "development": 0}.items():
        done = walk.bash("python send.py", ENVIRONMENT=name)
        assert done.returncode == code, done.stderr
        assert ("Unknown environment: staging" in done.stderr) == (name == "staging")


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_the_nginx_of_the_page(walk: Walk, questdb_lab: QuestdbLab) -> None:
    (block,) = blocks_of(PAGE, "nginx")
    recipe, *_ = blocks_of(PAGE, "bash")
    (port,) = free_ports(1)
    walk.take(0, recipe)
    code = block.code.replace("/path/to", str(walk.folder))
    code = code.replace("9000", f"127.0.0.1:{port}")
    code = code.replace("9001", str(questdb_lab.http_port))
    folders = "".join(
        f"{name}_temp_path {walk.folder};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (walk.folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {walk.folder}/pid; error_log stderr;"
        f"events {{}} http {{ access_log off; {folders} {code} }}"
    )
    argv = [str(NGINX), "-p", str(walk.folder), "-c", str(walk.folder / "nginx.conf")]
    with subprocess.Popen(argv, stderr=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + PATIENCE
            while not listens(port):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.01)
            rows = [(f"{number:0100}",) for number in range(20_000)]  # beyond 1 MB
            crt = walk.folder / "certs" / "questdb.crt"
            where = f"https::addr=localhost:{port};tls_roots={crt};"
            with questdb.Sender.from_conf(where) as sender:
                for _ in range(2):
                    sender.rows("trades", rows, {"text": "str"}).flush()
        finally:
            process.terminate()
    questdb_lab.wait_rows("trades", 2 * len(rows))


def test_the_settings_of_the_server_are_those_that_the_lab_starts_it_with() -> None:
    _, open_source = blocks_of(PAGE, "ini")
    names = {line.partition("=")[0] for line in open_source.code.splitlines()}
    known = conf(QuestdbOptions(), Ports(1, 2, 3), auth=False)
    assert names <= {line.partition("=")[0] for line in known.splitlines()}
    assert len(names) == 2


@pytest.mark.parametrize("value", [row[0].strip("`") for row in tables_under("TLS")])
def test_every_way_to_trust_that_is_told_is_one(value: str) -> None:
    assert f"`{value}`" in TLS_CA.help


def test_every_way_to_trust_is_told() -> None:
    assert len(tables_under("TLS")) == 4


@pytest.fixture
def scene(
    lab_of_the_module: QuestdbLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Scene:
    lab_of_the_module.reset()
    monkeypatch.chdir(tmp_path)
    return Scene(lab_of_the_module, tmp_path, monkeypatch)


TOLD = [
    row[0]
    for heading in ("When TLS fails", "When rows do not arrive")
    for row in tables_under(heading)
]


@pytest.mark.parametrize("told", TOLD)
def test_a_text_of_the_table_of_troubles_is_what_is_said(
    told: str, scene: Scene
) -> None:
    text, *_ = re.findall("`([^`]+)`", told)
    act = act_of(text)
    with pytest.raises(MoorlineError) as error:
        act(scene)
    pattern = ".*".join(map(re.escape, text.split(GAP)))
    assert re.search(pattern, str(error.value)), str(error.value)


def act_of(text: str) -> Callable[[Scene], None]:
    (act,) = (act for words, act in TROUBLES.items() if words in text)
    return act


def test_every_trouble_has_a_row() -> None:
    for words in TROUBLES:
        assert len([one for one in TOLD if words in one]) == 1, words


NAMESPACE = {
    "Decimal": Decimal,
    "TimestampMicros": questdb.TimestampMicros,
    "TimestampNanos": questdb.TimestampNanos,
    "UTC": UTC,
    "array": array,
    "date": date,
    "datetime": datetime,
    "np": np,
    "pd": pd,
}


def literals(cell: str) -> list[str]:
    return re.findall("`([^`]+)`", cell)


def test_values_become_the_columns_that_the_page_tells(questdb_lab: QuestdbLab) -> None:
    told = {
        text: literals(kind)[0]
        for values, kind, _ in tables_under("Values")
        for text in literals(values)
    }
    assert len(told) >= 20
    questdb_lab.sql(
        "create table v (dec DECIMAL(18, 3), ts timestamp) timestamp(ts) "
        "partition by day wal"
    )
    names = {text: f"c{number}" for number, text in enumerate(told)}
    names['Decimal("1.25")'] = "dec"
    values = {name: eval(text, NAMESPACE) for text, name in names.items()}  # noqa: S307 - the page's own
    where = f"http::addr=localhost:{questdb_lab.http_port};"
    with questdb.Sender.from_conf(where) as sender:
        sender.row(
            "w", columns={k: v for k, v in values.items() if k != "dec"}, at=None
        )
        sender.row("v", columns={"dec": values["dec"]}, at=None)
    questdb_lab.wait_rows("v", 1)
    questdb_lab.wait_rows("w", 1)
    found = {
        name: kind
        for table in "vw"
        for name, kind, *_ in questdb_lab.sql(f"show columns from {table}")
    }
    assert {
        text: found[name].replace(",", ", ") for text, name in names.items()
    } == told


SILENT = [
    pytest.param(text, 1 if "version 1" in given else 3, id=text)
    for given, _ in tables_under("What would be changed silently")
    for text in literals(given)
]


@pytest.mark.parametrize(("text", "version"), SILENT)
def test_what_strict_refuses_is_what_the_page_tells(text: str, version: int) -> None:
    value = eval(text.replace(GAP, "1"), NAMESPACE)  # noqa: S307 - the page's own
    columns = value if isinstance(value, dict) else {"price": value, "amount": 1}
    lenient = questdb.Buffer(version)
    if isinstance(value, datetime):
        with pytest.warns(UserWarning, match="without a timezone is taken as UTC"):
            lenient.row("t", columns=columns, at=None)
    else:
        lenient.row("t", columns=columns, at=None)
    with pytest.raises(RowError, match="strict=True"):
        questdb.Buffer(version, strict=True).row("t", columns=columns, at=None)


def test_every_kind_of_a_schema_is_told() -> None:
    told = [one for row in tables_under("Many rows") for one in literals(" ".join(row))]
    assert sorted(told) == sorted(KINDS)


def test_what_is_tried_again_is_told() -> None:
    section = " ".join(TEXT.partition("### Tried again\n")[2].split())
    (listed,) = re.findall(r"answers ((?:\d{3}, )+\d{3} and \d{3})", section)
    assert set(map(int, re.findall(r"\d{3}", listed))) == {*PASSING, MISDIRECTED}

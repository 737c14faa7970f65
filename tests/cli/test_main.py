from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import moorline
from moorline.cli import main
from moorline.cli.redact import redact

SOURCES = str(Path(moorline.__file__).parents[1])


def run_python(code: str, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *flags, "-c", code],
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )


def test_version(command):
    done = command("--version")
    assert done.returncode == 0
    assert done.stdout == f"moorline {moorline.__version__}\n"


@pytest.mark.parametrize("words", [["--help"], ["demo", "-h"], ["topology", "-h"]])
def test_help(words, capsys):
    assert main(words) == 0
    assert "Usage: moorline" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["demo", "--nonsense"],
        ["topology"],
        ["topology", "x", "--interval", "0"],
    ],
)
def test_wrong_usage_ends_with_2(words, capsys):
    assert main(words) == 2
    assert "Usage: moorline" in capsys.readouterr().err


def test_forgotten_quotes_are_explained_without_echo(capsys):
    assert main(["explain", "host=db", "password=pa55word"]) == 2
    err = capsys.readouterr().err
    assert "put quotes around it" in err
    assert "pa55word" not in err


def test_a_forgotten_command_is_explained_without_echo(capsys):
    assert main(["postgresql://me:pa55word@db/x"]) == 2
    err = capsys.readouterr().err
    assert "No such command" in err
    assert "pa55word" not in err


def test_without_the_extra_one_line_tells_what_to_install():
    # -S leaves out all that is installed.
    done = run_python(
        f"import sys; sys.path.insert(0, {SOURCES!r});"
        "from moorline.cli import main; sys.exit(main(['demo']))",
        "-I",
        "-S",
    )
    assert done.returncode == 2
    assert done.stderr == (
        "moorline: the command line needs click and rich: pip install 'moorline[cli]'\n"
    )


def test_without_a_driver_one_line_tells_what_to_install():
    done = run_python(
        "import sys; sys.modules['psycopg'] = None;"
        "from moorline.cli import main; sys.exit(main(['demo']))"
    )
    assert done.returncode == 2
    assert "pip install 'moorline[demo]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_servers_the_error_tells_what_to_install(command, tmp_path):
    done = command("demo", env={"MOORLINE_LAB_PGBIN": str(tmp_path)})
    assert done.returncode == 1
    assert "no executable postgres" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_importing_it_imports_nothing_else():
    heavy = ("asyncio", "click", "psycopg", "rich", "subprocess")
    done = run_python(
        "import sys; before = set(sys.modules); import moorline.cli;"
        f"sys.exit(', '.join(set({heavy}) & (set(sys.modules) - before)))"
    )
    assert done.returncode == 0 or done.stderr == "\n"


@pytest.mark.parametrize(
    ("word", "text", "shown"),
    [
        ("postgresql://me:s3cr3t@db/x", "s3cr3t at db", "*** at db"),
        ("postgresql://me:s3%20t@db/x", "is 's3 t'", "is '***'"),
        ("postgresql://me:pa@s3cr3t@db/x", "host s3cr3t@db", "host ***@db"),
        ("postgresql://me:pa/s3cr3t@db/x", "dbname s3cr3t@db", "dbname ***@db"),
        ("postgresql://me:s3cr3t", "port s3cr3t", "port ***"),
        ("host=db password='s3 t'", "s3 t", "***"),
        ("host=db password = s3cr3t nonsense", "near s3cr3t", "near ***"),
        ("host=db password='it''s s3cr3t", "near s3cr3t", "near ***"),
        ("host=db sslpassword=s3cr3t", "s3cr3t", "***"),
        # What is public stays readable.
        ("postgresql://yb:yb@db/yb", 'role "yb"', 'role "yb"'),
        ("postgresql://db:5433/app", "db:5433 app", "db:5433 app"),
        ("postgresql://a:1,b:2/app", "a:1 b:2 app", "a:1 b:2 app"),
        ("host=db password=x", "six boxes", "six boxes"),
    ],
)
def test_passwords_are_masked(word, text, shown):
    assert redact(text, [word]) == shown


def test_the_password_of_the_environment_is_masked(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "s3cr3t")
    assert redact("it is s3cr3t", []) == "it is ***"

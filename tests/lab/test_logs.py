from __future__ import annotations

from moorline.lab import logs

LOG = """\
2026-11-21 03:51:40.185 UTC [10] LOG:  database system is ready to accept connections
2026-11-21 03:51:40.190 UTC [11] [unknown]@[unknown] LOG:  connection received: host=x
2026-11-21 03:51:40.191 UTC [11] lab@db LOG:  connection authorized: user=lab
2026-11-21 03:51:40.192 UTC [11] lab@db LOG:  statement: select 'mine'
2026-11-21 03:51:41.191 UTC [12] user@db LOG:  connection authorized: user=user
2026-11-21 03:51:41.192 UTC [12] user@db LOG:  statement: select *
\tfrom yb_servers()
\t
\twhere true
2026-11-21 03:51:41.193 UTC [12] user@db LOG:  execute s_1: select $1
2026-11-21 03:51:41.193 UTC [12] user@db DETAIL:  parameters: $1 = 'statement: x'
2026-11-21 03:51:41.194 UTC [12] user@db ERROR:  connection authorized: not really
2026-11-21 03:51:41.195 UTC [12] user@db STATEMENT:  statement: not this
"""


def test_sessions_are_those_that_were_authorized(tmp_path):
    (tmp_path / "log").write_text(LOG)
    assert logs.accepted(tmp_path / "log", besides="lab") == 1
    assert logs.accepted(tmp_path / "log", besides="nobody") == 2


def test_statements_are_told_with_their_lines(tmp_path):
    (tmp_path / "log").write_text(LOG)
    assert logs.statements(tmp_path / "log", besides="lab") == (
        "select *\nfrom yb_servers()\n\nwhere true",
        "select $1",
    )


def test_a_tail_is_for_messages(tmp_path):
    (tmp_path / "log").write_text(LOG)
    assert logs.tail(tmp_path / "log", 1) == LOG.splitlines()[-1]
    (tmp_path / "log").write_text("")
    assert logs.tail(tmp_path / "log") == "(the log is empty)"
    assert logs.tail(tmp_path / "other") == "(no log was written)"

from __future__ import annotations

import pytest

from moorline.lab import LabError, Templates, YugabyteLab, binaries
from moorline.lab.custody import Custody
from moorline.lab.template import Shape, _quoted, build, copy


@pytest.fixture
def custody():
    custody = Custody()
    yield custody
    custody.close()


def test_a_lab_makes_its_own_template_if_none_is_shared():
    with YugabyteLab(nodes=1, password="s3cret") as lab:
        assert lab.sql(0, "select rolsuper from pg_roles where rolname='yugabyte'") == [
            ("t",)
        ]
        names = lab.sql(0, "select datname from pg_database where datallowconn")
        assert {name for (name,) in names} == {"postgres", "template1", "yugabyte"}


def test_templates_are_made_once_for_each_shape():
    found = binaries.find(tls=False)
    with Templates() as templates:
        eight = templates.get(Shape(found, 8, None))
        assert templates.get(Shape(found, 8, None)) is eight
        assert templates.get(Shape(found, 0, None)).data != eight.data
        assert eight.data.is_dir()
    assert not eight.data.exists()
    templates.close()


def test_a_step_that_fails_shows_its_output(custody, tmp_path):
    found = binaries.find(tls=False)
    directory = custody.mkdir()
    (directory / "template").mkdir()
    (directory / "template" / "in the way").touch()
    with pytest.raises(LabError, match=r"initdb ended with exit code 1(.|\n)*empty"):
        build(custody, Shape(found, 8, None), directory)
    with pytest.raises(LabError, match="cp ended with exit code 1"):
        copy(custody, directory / "nothing", [directory / "n"])


def test_a_failing_statement_ends_the_setup_and_is_not_repeated(custody, monkeypatch):
    monkeypatch.setattr(
        "moorline.lab.template._quoted", lambda word: f"{word} 'hunter2"
    )
    shape = Shape(binaries.find(tls=False), 8, "nonsense")
    with pytest.raises(LabError, match="postgres ended with exit code 1") as caught:
        build(custody, shape, custody.mkdir())
    assert "syntax error" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_literals_are_quoted_whatever_is_in_them():
    assert _quoted("aé'\n") == "E'aé\\U00000027\\U0000000A'"


def test_a_shape_does_not_show_its_password():
    assert "hunter2" not in repr(Shape(binaries.find(tls=False), 8, "hunter2"))

from __future__ import annotations

import json

import pytest

from moorline.lab import LabError, topology


def test_rows_replace_the_file(tmp_path):
    rows = [{"host": None, "port": -1}, {"zone": "ö"}]
    assert topology.write(tmp_path, rows) == rows
    assert [path.name for path in tmp_path.iterdir()] == [topology.FILE]
    file = tmp_path / topology.FILE
    assert json.loads(file.read_text()) == rows
    assert file.stat().st_mode & 0o777 == 0o644


def test_an_unknown_column_is_named(tmp_path):
    with pytest.raises(LabError, match="no column prot; there are host, port"):
        topology.write(tmp_path, [{"prot": 1}])


def test_what_json_cannot_say_is_refused(tmp_path):
    with pytest.raises(LabError, match="in JSON"):
        topology.write(tmp_path, [{"host": object()}])


@pytest.mark.parametrize(("columns", "last"), [(8, "public_ip"), (9, "uuid")])
def test_the_function_has_the_first_columns(columns, last):
    assert f"{last} text) language sql" in topology.create_function(columns)

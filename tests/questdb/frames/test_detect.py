"""What is taken for what, by its type alone."""

from __future__ import annotations

import subprocess
import sys
from array import array

import pytest

from tests.questdb.frames.writing import both, refused, rows, written


def test_no_package_is_imported_that_is_not_used():
    script = (
        "import sys; from moorline.questdb import Buffer\n"
        "Buffer().dataframe({'x': [1]}, table='t', at=None)\n"
        "Buffer().dataframe([{'x': 1}], table='t', at=None)\n"
        "used = {'numpy', 'pandas', 'polars', 'pyarrow', 'nanoarrow'}\n"
        "assert not used & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("code", "bBhHiIqQfd")
def test_arrays_of_python(code):
    values = array(code, [1, 2, 3])
    assert written({"x": values}) == rows([{"x": value} for value in values])


def test_columns_are_anything_that_can_be_gone_through():
    def make():
        return {"a": range(2), "b": ("x", None), "c": iter([1.5, 2.5])}

    assert both(make) == rows([{"a": 0, "b": "x", "c": 1.5}, {"a": 1, "c": 2.5}])


def test_one_column_of_pandas_is_told_what_to_do():
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    assert "write series.to_frame()" in refused(pd.Series([1]))
    assert "write index.to_frame()" in refused(pd.Index([1]))


def test_who_has_only_the_interchange_protocol_needs_somebody_to_read_it():
    script = (
        "import sys; sys.modules['pyarrow'] = sys.modules['pandas'] = None\n"
        "from moorline.errors import ConfigError\n"
        "from moorline.questdb import Buffer\n"
        "class Frame:\n"
        "    def __dataframe__(self): ...\n"
        "try:\n"
        "    Buffer().dataframe(Frame(), table='t', at=None)\n"
        "except ConfigError as error:\n"
        "    assert 'pyarrow or pandas could read' in str(error), error\n"
        "else:\n"
        "    raise AssertionError\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)

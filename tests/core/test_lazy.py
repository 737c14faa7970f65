"""Names that are imported when they are first asked for."""

from __future__ import annotations

import importlib
import sys

import pytest

from moorline.core.lazy import imported

PACKAGE = """
from moorline.core.lazy import imported

__all__ = ["AREA", "MOOR", "TIDE"]
_HOMES = {"harbour.quay": ("MOOR",), "harbour.sea": ("AREA", "TIDE")}


def __getattr__(name):
    return imported(name, _HOMES, globals())
"""


@pytest.fixture
def harbour(tmp_path, monkeypatch):
    """Import a package that offers names of two modules of its own."""
    folder = tmp_path / "harbour"
    folder.mkdir()
    (folder / "__init__.py").write_text(PACKAGE, encoding="utf-8")
    (folder / "quay.py").write_text("MOOR = ['a bollard']", encoding="utf-8")
    (folder / "sea.py").write_text("AREA, TIDE = ['wide'], ['high']", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield importlib.import_module("harbour")
    for name in ("harbour", "harbour.quay", "harbour.sea"):
        sys.modules.pop(name, None)


def loaded():
    return {name for name in sys.modules if name.startswith("harbour.")}


def test_a_home_is_imported_when_one_of_its_names_is_asked_for(harbour):
    assert loaded() == set()
    assert harbour.TIDE == ["high"]
    assert loaded() == {"harbour.sea"}


def test_a_name_is_what_its_home_has(harbour):
    from harbour import AREA, MOOR  # noqa: PLC0415 - it is made for the test

    assert AREA is sys.modules["harbour.sea"].AREA
    assert MOOR is sys.modules["harbour.quay"].MOOR


def test_a_name_is_kept(harbour):
    first = harbour.MOOR
    sys.modules["harbour.quay"].MOOR = ["another bollard"]
    assert vars(harbour)["MOOR"] is first
    assert harbour.MOOR is first
    assert "TIDE" not in vars(harbour)


def test_an_unknown_name_imports_nothing(harbour):
    expected = r"^module 'harbour' has no attribute 'ANCHOR'$"
    with pytest.raises(AttributeError, match=expected):
        _ = harbour.ANCHOR
    assert not hasattr(harbour, "quay")
    with pytest.raises(ImportError):
        from harbour import ANCHOR  # noqa: F401, PLC0415 - the same
    assert loaded() == set()


def test_what_a_home_lacks_or_cannot_do_is_said(harbour):
    homes = {"harbour.quay": ("CRANE",), "harbour.lighthouse": ("LAMP",)}
    package = {"__name__": "port"}
    with pytest.raises(AttributeError, match=r"harbour\.quay.*CRANE"):
        imported("CRANE", homes, package)
    with pytest.raises(ModuleNotFoundError, match=r"harbour\.lighthouse"):
        imported("LAMP", homes, package)
    assert package == {"__name__": "port"}


@pytest.mark.parametrize("product", ["moorline.dsql", "moorline.questdb"])
def test_the_products_offer_what_they_name(product):
    package = importlib.import_module(product)
    names = {name for row in package._HOMES.values() for name in row}
    assert names == set(package.__all__) <= set(dir(package))
    for home, row in package._HOMES.items():
        for name in row:
            assert getattr(package, name) is getattr(sys.modules[home], name)

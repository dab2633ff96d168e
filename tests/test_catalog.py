from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from firstlight import catalog
from firstlight.errors import FirstlightError, UsageError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package `plugs` with one good plug-in, one that fails on import, one of the wrong shape."""
    folder = tmp_path / "plugs"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "good.py").write_text('"""A page.\n\nWith a second line.\n"""\nPLUG = 3\n')
    (folder / "bomb.py").write_text('"""Never imported."""\nraise RuntimeError("imported")\n')
    (folder / "wrong.py").write_text('PLUG = "three"\n')
    (folder / "_hidden.py").write_text("")
    (folder / "notes.txt").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "plugs"]:
        del sys.modules[name]


def test_names_are_listed_in_order_without_importing(package: Path) -> None:
    assert catalog.names("plugs") == ("bomb", "good", "wrong")
    assert not [name for name in sys.modules if name.startswith("plugs.")]


def test_one_plug_in_is_loaded_by_name(package: Path) -> None:
    assert catalog.load("plugs", "good", "PLUG", int) == 3


def test_a_folder_with_init_is_a_plug_in_too(package: Path) -> None:
    (package / "big").mkdir()
    (package / "big" / "__init__.py").write_text('"""Big."""\nPLUG = 4\n')
    assert "big" in catalog.names("plugs")
    assert catalog.load("plugs", "big", "PLUG", int) == 4
    assert catalog.page("plugs", "big") == "Big."


@pytest.mark.requirement("X11")
def test_the_page_is_read_without_importing(package: Path) -> None:
    assert catalog.page("plugs", "good") == "A page.\n\nWith a second line."
    assert catalog.page("plugs", "bomb") == "Never imported."


@pytest.mark.parametrize(("name", "found"), [("wrong", "PLUG is a str"), ("empty", "PLUG is nothing")])
def test_a_wrong_shape_is_an_error_with_the_path(package: Path, name: str, found: str) -> None:
    (package / "empty.py").write_text("")
    with pytest.raises(FirstlightError) as caught:
        catalog.load("plugs", name, "PLUG", int)
    assert str(package / f"{name}.py") in caught.value.where
    assert found in caught.value.where


def test_a_clash_of_file_and_folder_is_an_error_with_both_paths(package: Path) -> None:
    (package / "good").mkdir()
    (package / "good" / "__init__.py").write_text("")
    with pytest.raises(FirstlightError) as caught:
        catalog.names("plugs")
    assert str(package / "good.py") in caught.value.where
    assert str(package / "good" / "__init__.py") in caught.value.where


def test_an_unknown_name_is_a_usage_error_that_names_the_nearest(package: Path) -> None:
    with pytest.raises(UsageError) as caught:
        catalog.load("plugs", "goud", "PLUG", int)
    assert "did you mean good?" in caught.value.remedy
    assert "bomb, good, wrong" in caught.value.remedy


@pytest.mark.parametrize("name", ["../errors", "__init__", "good.py", ""])
def test_only_listed_names_are_ever_loaded(package: Path, name: str) -> None:
    with pytest.raises(UsageError):
        catalog.load("plugs", name, "PLUG", int)


@pytest.mark.parametrize("source", ["", "def broken(:\n", "\0"])
def test_a_missing_page_is_an_error_with_the_path(package: Path, source: str) -> None:
    (package / "pageless.py").write_text(source)
    with pytest.raises(FirstlightError) as caught:
        catalog.page("plugs", "pageless")
    assert str(package / "pageless.py") in caught.value.where


@pytest.mark.parametrize("name", ["no_such_package_anywhere", "firstlight.no_such", "firstlight.errors"])
def test_a_missing_package_is_an_error(name: str) -> None:
    with pytest.raises(FirstlightError):
        catalog.names(name)

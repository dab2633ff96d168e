"""Imports go down only; the order is the table of docs/architecture.md."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "firstlight"
ENTRANCES = {"__init__", "__main__"}  # above everything: the public names and `python -m firstlight`
LEAVES = {"firstlight.watch.progress", "firstlight.experiment.records"}  # records that anyone may name


def layers(page: str) -> list[list[str]]:
    """The rows of the import order, highest first."""
    after = page.partition("imports go down only")[2].splitlines()[1:]
    block: list[list[str]] = []
    for line in after:
        if line.startswith("    "):
            block.append([name.strip() for name in line.split(",")])
        elif block:
            break
    return block


def imported(source: str, module: str) -> list[str]:
    """Modules of firstlight that a source names, anywhere in it; relative ones as they would resolve."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*module.split(".")[: -node.level], *filter(None, [node.module])])
            found += [f"{base}.{alias.name}" for alias in node.names] if base == "firstlight" else [base]
    return [name for name in found if name.startswith("firstlight.") and not name.startswith("firstlight.__")]


def upward_imports(source: str, module: str, rows: list[list[str]]) -> list[str]:
    """What `module` imports from a higher layer, or from a package that the table does not have."""
    height = {name: len(rows) - i for i, row in enumerate(rows) for name in row}
    package = module.split(".")[1]
    if package in ENTRANCES:
        return []
    if package not in height:
        return [f"{module}: {package} is not in the table"]
    wrong = []
    for name in imported(source, module):
        target = name.split(".")[1]
        if target == package or any(name.startswith(leaf) for leaf in LEAVES):
            continue
        if height.get(target, len(rows) + 1) > height[package]:
            wrong.append(f"{module} imports {name}")
    return wrong


def rings(edges: set[tuple[str, str]]) -> list[str]:
    """Pairs of packages that import one another."""
    return sorted(f"{a} and {b}" for a, b in edges if a < b and (b, a) in edges)


def module_name(path: Path) -> str:
    return ".".join(("firstlight", *path.relative_to(SOURCE).with_suffix("").parts))


ROWS = layers((ROOT / "docs" / "architecture.md").read_text("utf-8"))
MODULES = {module_name(path): path.read_text("utf-8") for path in sorted(SOURCE.rglob("*.py"))}


def test_the_table_is_found() -> None:
    assert ROWS[:2] == [["api"], ["cli"]]
    assert "errors" in ROWS[-1]


def test_the_table_has_only_packages_that_exist() -> None:
    there = {path.stem for path in SOURCE.iterdir()}
    assert [name for row in ROWS for name in row if name not in there] == []


def test_imports_go_down_only() -> None:
    assert [line for name, source in MODULES.items() for line in upward_imports(source, name, ROWS)] == []


def test_no_two_packages_import_one_another() -> None:
    edges = {
        (name.split(".")[1], target.split(".")[1])
        for name, source in MODULES.items()
        for target in imported(source, name)
        if not any(target.startswith(leaf) for leaf in LEAVES)
    }
    assert rings(edges) == []


class TestTheCheckItself:
    TABLE = "x; imports go down only:\n\n    cli\n    report, gates\n    errors\n\nmore\n    not, this\n"

    def test_reads_the_table(self) -> None:
        assert layers(self.TABLE) == [["cli"], ["report", "gates"], ["errors"]]

    @pytest.mark.parametrize(
        "source",
        [
            "from firstlight.cli.app import main",
            "import firstlight.cli",
            "from firstlight import cli",
            "from ..cli import app",
            "def f():\n    from firstlight.cli import app\n",
            "from firstlight.nowhere import x",
        ],
    )
    def test_sees_an_upward_import(self, source: str) -> None:
        assert upward_imports(source, "firstlight.report.write", layers(self.TABLE)) != []

    @pytest.mark.parametrize(
        "source",
        [
            "from firstlight.errors import E",
            "from firstlight.report import x",
            "import numpy",
            "from firstlight.gates import y",
            "from firstlight import __version__",
        ],
    )
    def test_allows_what_lies_below_or_beside(self, source: str) -> None:
        assert upward_imports(source, "firstlight.report.write", layers(self.TABLE)) == []

    def test_sees_a_package_that_the_table_does_not_have(self) -> None:
        assert upward_imports("", "firstlight.extra.x", layers(self.TABLE)) != []

    def test_sees_a_ring(self) -> None:
        assert rings({("gates", "report"), ("report", "gates"), ("report", "errors")}) == ["gates and report"]

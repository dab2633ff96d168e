"""What the pages say about the repository is true: tree, links, dependencies, constraints."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "firstlight"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "SECURITY.md"]
PAGES += [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "benchmarks" / "README.md"]
# Import names that differ from the name on the package index.
IMPORTED_AS = {"pillow": "PIL", "scikit-learn": "sklearn", "nvidia-ml-py": "pynvml", "ruamel.yaml": "ruamel"}


def tree_of_page(page: str) -> set[str]:
    """Names right below src/firstlight in the tree of a page: folders with a slash, modules with .py."""
    block = page.partition("    src/firstlight/\n")[2]
    names = []
    for line in block.splitlines():
        entry = re.match(r"^ {6}(\w+(?:/|\.py))(?:\s|$)", line)
        if not line.startswith("      "):
            break
        if entry:
            names.append(entry[1])
    return set(names)


def tree_of_folder(folder: Path) -> set[str]:
    folders = {f"{path.name}/" for path in folder.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    return folders | {path.name for path in folder.glob("*.py")}


def broken_links(text: str, folder: Path) -> list[str]:
    targets = re.findall(r"\]\(([^)\s#]+)", text)
    return [
        t for t in targets if not t.startswith(("http:", "https:", "mailto:")) and not (folder / t).exists()
    ]


def named_paths_missing(text: str) -> list[str]:
    """Paths of this repository that a page names in code spans and that do not exist."""
    named = re.findall(r"`((?:src|tests|docs|benchmarks|configs|examples)/[\w./-]+)`", text)
    return [path for path in named if "NAME" not in path and not (ROOT / path).exists()]


def requirement(line: str) -> tuple[str, str]:
    """("torch", "2.10") of "torch>=2.10"."""
    name, _, floor = line.partition(">=")
    return name.strip().lower(), floor.strip()


def dependency_rows(page: str) -> dict[str, tuple[str, set[str]]]:
    """Name -> (floor, files that import it) of the runtime table in docs/dependencies.md."""
    table = page.partition("## Runtime")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("|")
    ]
    return {
        row[0].strip("`").lower(): (row[1], set(re.findall(r"`([\w/]+\.py)`", row[3]))) for row in rows[2:]
    }


def importers(package: str) -> set[str]:
    """Files of the package that import a distribution outside TYPE_CHECKING or inside it."""
    wanted = IMPORTED_AS.get(package, package)
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            if any(name.split(".")[0] == wanted for name in names):
                found.add(str(path.relative_to(SOURCE)))
    return found


DEPENDENCIES = dict(requirement(line) for line in PROJECT["dependencies"])
ROWS = dependency_rows((ROOT / "docs" / "dependencies.md").read_text("utf-8"))


def test_the_tree_of_the_readme_is_the_folder() -> None:
    assert tree_of_page((ROOT / "README.md").read_text("utf-8")) == tree_of_folder(SOURCE)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_and_named_paths_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    assert broken_links(text, page.parent) == []
    assert named_paths_missing(text) == []


def test_every_runtime_dependency_has_its_line_with_its_floor() -> None:
    assert {name: floor for name, (floor, _) in ROWS.items()} == DEPENDENCIES


@pytest.mark.parametrize("name", sorted(DEPENDENCIES))
def test_the_files_named_for_a_dependency_import_it(name: str) -> None:
    files, users = ROWS[name][1], importers(name)
    assert users, f"{name} is declared and nothing imports it"
    assert files
    assert files <= users


def test_the_constraints_pin_every_dependency_at_or_above_its_floor() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = dict(line.lower().split("==") for line in lines if line and not line.startswith("#"))
    extras = PROJECT["optional-dependencies"]
    wanted = DEPENDENCIES | dict(requirement(d) for e in ("test", "dev") for d in extras[e] if "[" not in d)

    def number(version: str) -> list[int]:
        return [int(part) for part in version.split(".")]

    assert [name for name, floor in wanted.items() if number(pins[name]) < number(floor)] == []
    assert not any("+" in version for version in pins.values())


def test_the_readme_opens_with_the_two_lines() -> None:
    start = (ROOT / "README.md").read_text("utf-8")[:900]
    venv = "python -m venv .venv && .venv/bin/pip install -c constraints.txt "
    assert f"{venv}. && .venv/bin/firstlight run sample:digits\n" in start
    assert f"{venv}'.[test]' && .venv/bin/pytest\n" in start


class TestTheChecksThemselves:
    def test_read_a_tree(self) -> None:
        tree = "    src/firstlight/\n      flow.py   phases\n      cli/  x\n        app.py  no\n"
        page = f"text\n\n{tree}\n    tests/\n      no.py\n"
        assert tree_of_page(page) == {"flow.py", "cli/"}

    def test_see_a_folder_that_the_page_lacks(self, tmp_path: Path) -> None:
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / "x.py").touch()
        (tmp_path / "flow.py").touch()
        assert tree_of_folder(tmp_path) - {"flow.py"} == {"new/"}

    def test_see_a_broken_link_and_a_missing_path(self, tmp_path: Path) -> None:
        (tmp_path / "a.md").touch()
        assert broken_links("[a](a.md#x) [b](b.md) [c](https://example.org)", tmp_path) == ["b.md"]
        assert named_paths_missing("`src/firstlight/errors.py` `src/nothing.py`") == ["src/nothing.py"]

    def test_read_a_dependency_table(self) -> None:
        row = "| `Pillow` | 12.3 | why | `data/x.py`, more |"
        page = f"## Runtime\n\n| a | b | c | d |\n|---|---|---|---|\n{row}\n\n## Extras\n| z |"
        assert dependency_rows(page) == {"pillow": ("12.3", {"data/x.py"})}

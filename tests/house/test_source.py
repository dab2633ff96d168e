"""Habits of the source that a program can check. Each check is tried on a planted violation below."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "firstlight"
MODULES = {str(p.relative_to(SOURCE)): p.read_text("utf-8") for p in sorted(SOURCE.rglob("*.py"))}

FILE_LINES = 400
FUNCTION_LINES = 80
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"}

# path (and function) -> reason. A line here that is no longer needed fails a test.
LONGER: dict[str, str] = {}
# path -> reason for writing to disk without experiment/store.py.
WRITERS = {
    "machine/memory.py": "tells the kernel to forget the peak of memory",
    "experiment/store.py": "the write layer itself",
    "experiment/lock.py": "who holds the lock is written into the open file that is the lock",
    "data/images/cache.py": "pixels are written through a memory map, into a folder that is renamed when whole",
}
WRITING_FLAGS = {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"}
WRITING_METHODS = {
    "write_text",
    "write_bytes",
    "tofile",
    "write_csv",
    "write_parquet",
    "write_ndjson",
    "to_csv",
}
SAVING_FUNCTIONS = {"savefig", "save", "savez", "savez_compressed", "open_memmap", "memmap"}
SAVERS = {
    "np",
    "numpy",
    "torch",
    "figure",
    "fig",
    "plt",
    "pyplot",
    "format",
}  # what .save and its like belong to


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def name_of(call: ast.Call) -> tuple[str, str]:
    """(what it belongs to, name) of a call: ("np", "load"), ("", "open")."""
    if isinstance(call.func, ast.Attribute):
        owner = call.func.value
        return (owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "?")), call.func.attr
    return "", getattr(call.func, "id", "?")


def keyword(call: ast.Call, name: str) -> object:
    """The constant given for a keyword; None when it is absent or no constant."""
    return next(
        (k.value.value for k in call.keywords if k.arg == name and isinstance(k.value, ast.Constant)), None
    )


def unpickling(source: str) -> list[str]:
    """Ways in which bytes could become code: pickle and its kin, allow_pickle, torch.load as it comes."""
    tree, found = ast.parse(source), []
    for node in ast.walk(tree):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        found += [
            f"imports {n}"
            for n in names
            if n.split(".")[0] in {"pickle", "dill", "joblib", "cloudpickle", "shelve"}
        ]
    for call in calls(tree):
        owner, name = name_of(call)
        if keyword(call, "allow_pickle") is True:
            found.append("allow_pickle=True")
        if (owner, name) == ("torch", "load") and keyword(call, "weights_only") is not True:
            found.append("torch.load without weights_only=True")
        if (owner, name) in {("yaml", "load"), ("yaml", "unsafe_load"), ("", "eval"), ("", "exec")}:
            found.append(f"calls {name}")
    return found


def mode_of(call: ast.Call, owner: str) -> str:
    """The mode that an open() or path.open() is given; reading when none is."""
    given = keyword(call, "mode")
    place = 1 if owner in {"", "os", "io", "gzip", "bz2", "lzma", "codecs"} else 0
    if given is None and len(call.args) > place and isinstance(call.args[place], ast.Constant):
        given = call.args[place].value
    return given if isinstance(given, str) else "r"


def flags_of(call: ast.Call) -> set[str]:
    """Names of module os in the arguments of a call: O_WRONLY, O_CREAT."""
    return {n.attr for argument in call.args for n in ast.walk(argument) if isinstance(n, ast.Attribute)}


def writing(source: str) -> list[str]:
    """Calls that put bytes into a file without the write layer. Writing into a BytesIO is none."""
    tree, found = ast.parse(source), []
    kinds = {"BytesIO", "StringIO"}
    kinds |= {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any(getattr(base, "attr", "") in kinds for base in node.bases)
    }
    buffers = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Name) and name_of(node.value)[1] in kinds
    }
    for call in calls(tree):
        owner, name = name_of(call)
        into_memory = any(isinstance(argument, ast.Name) and argument.id in buffers for argument in call.args)
        if into_memory or owner == "store":
            continue
        opens_to_write = (
            name in {"open", "fdopen"} and owner != "Image" and set(mode_of(call, owner)) & set("wax+")
        )
        saves = name in SAVING_FUNCTIONS and (owner in SAVERS or name == "savefig")
        reads_map = "memmap" in name and keyword(call, "mode") in {"r", "c"}
        named = flags_of(call) if (owner, name) == ("os", "open") else set()
        opens_handle = bool(named & WRITING_FLAGS) and "devnull" not in named
        by_handle = owner == "os" and (name in {"write", "pwrite", "writev"} or opens_handle)
        if opens_to_write or by_handle or (name in WRITING_METHODS and owner) or (saves and not reads_map):
            found.append(f"line {call.lineno}: {owner}.{name}")
    return found


def too_long(source: str, path: str) -> list[str]:
    """Files and functions beyond the size at which to look again."""
    lines = source.count("\n") + 1
    found = [path] if lines > FILE_LINES else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            found += [f"{path}:{node.name}"] if size > FUNCTION_LINES else []
    return found


def empty_names(paths: list[str]) -> list[str]:
    """Files and folders whose name says nothing about what is in them."""
    return [path for path in paths if set(Path(path).with_suffix("").parts) & EMPTY_NAMES]


def over_all(check: Callable[[str], list[str]], but: dict[str, str] | None = None) -> dict[str, list[str]]:
    return {p: found for p, text in MODULES.items() if p not in (but or {}) and (found := check(text))}


def test_bytes_never_become_code() -> None:
    assert over_all(unpickling) == {}


def test_nothing_is_written_but_through_the_write_layer() -> None:
    assert over_all(writing, WRITERS) == {}


def test_sizes_stay_readable() -> None:
    long = [name for path, text in MODULES.items() for name in too_long(text, path)]
    assert [name for name in long if name not in LONGER] == []


def test_names_say_what_is_inside() -> None:
    assert empty_names(list(MODULES)) == []


def test_every_exception_is_still_needed() -> None:
    long = {name for path, text in MODULES.items() for name in too_long(text, path)}
    assert [name for name in LONGER if name not in long] == []
    assert [path for path in WRITERS if not writing(MODULES.get(path, ""))] == []


class TestTheChecksThemselves:
    @pytest.mark.parametrize(
        "source",
        [
            "import pickle",
            "from joblib import load",
            "np.load(p, allow_pickle=True)",
            "torch.load(p)",
            "torch.load(p, weights_only=False)",
            "torch.load(p, map_location='cpu', weights_only=flag)",
            "def f():\n    import dill\n",
            "eval(text)",
        ],
    )
    def test_see_bytes_that_become_code(self, source: str) -> None:
        assert unpickling(source) != []

    @pytest.mark.parametrize(
        "source",
        [
            "torch.load(p, weights_only=True)",
            "np.load(p, allow_pickle=False)",
            "model.eval()",
            "json.load(f)",
        ],
    )
    def test_leave_safe_reading_alone(self, source: str) -> None:
        assert unpickling(source) == []

    @pytest.mark.parametrize(
        "source",
        [
            "open(p, 'w')",
            "open(p, mode='ab')",
            "path.open('w')",
            "os.fdopen(h, 'wb')",
            "os.write(handle, content)",
            "os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)",
            "path.write_text(t)",
            "(folder / 'x').write_bytes(b)",
            "fig.savefig(path)",
            "axes.figure.savefig(path)",
            "np.save(path, a)",
            "torch.save(state, path)",
            "frame.write_csv(path)",
            "np.memmap(path, mode='w+')",
        ],
    )
    def test_see_writing(self, source: str) -> None:
        assert writing(source) != []

    @pytest.mark.parametrize(
        "source",
        [
            "open(p)",
            "path.open('rb')",
            "Image.open(p)",
            "store.write_text(p, t)",
            "write_json(p, v)",
            "b = io.BytesIO()\nfig.savefig(b)\ntorch.save(state, b)",
            "class Own(io.BytesIO):\n    pass\nb = Own()\ntorch.save(state, b)",
            "checkpoint.save(folder, p)",
            "np.memmap(path, mode='r')",
        ],
    )
    def test_leave_reading_and_the_write_layer_alone(self, source: str) -> None:
        assert writing(source) == []

    def test_see_a_long_file_and_a_long_function(self) -> None:
        body = "def f():\n" + "    x = 1\n" * FUNCTION_LINES
        assert too_long(body, "a.py") == ["a.py:f"]
        assert too_long("x = 1\n" * (FILE_LINES + 1), "a.py") == ["a.py"]
        assert too_long("x = 1\n", "a.py") == []

    def test_see_an_empty_name(self) -> None:
        assert empty_names(["data/utils.py", "common/x.py", "data/baseline.py"]) == [
            "data/utils.py",
            "common/x.py",
        ]

"""A fork server for the command line: one child per input, after one import of everything that is slow.

    python tests/faults/fuzz_server.py FOLDER      answers requests on its standard input, one JSON object a line

The child gets limits, a home, a cache and a temporary folder of its own, and its streams in files. What it did is
judged here, by nothing of the product: exit code, streams, processes that are left, and every file that changed.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

SECONDS = 60.0  # an input that takes longer is a hang
MEMORY = 12 * 2**30  # bytes of address space; torch alone maps several
CONTRACT = frozenset({0, 2, 3, 4, 5, 6, 7, 8, 9, 130, 143})  # 1 is a bug by definition
NO_TEXT = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")  # control characters; a line break is none
MODULES = (
    "torch", "torch._inductor", "torch.utils.data", "sklearn.linear_model", "sklearn.ensemble", "matplotlib.figure",
    "PIL.Image", "jinja2", "pydantic", "ruamel.yaml", "scipy.sparse.csgraph", "psutil", "rich.console",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one command did."""

    code: int | None  # None when a signal ended it or it was stopped
    seconds: float
    out: bytes
    err: bytes
    defects: tuple[str, ...]

    @property
    def outcome(self) -> str:
        return "hang" if "hang" in self.defects else "signal" if self.code is None else str(self.code)


class Sandbox:
    """A folder with everything that a command may touch, and the judgement of what it touched."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data, self.work, self.cache = root / "data", root / "work", root / "cache"
        self.variables: dict[str, str] = {}  # further ones for the next command
        self.plant: dict[
            str, str
        ] = {}  # faults planted in the next command: name of a function -> what it becomes
        for name in ("data", "work", "cache", "home", "tmp", "streams"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def clean(self) -> None:
        """Takes away what the last input left."""
        for folder in (self.data, self.work, self.root / "tmp"):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root / "tmp"),
            "FIRSTLIGHT_CACHE": str(self.cache),
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
            "POLARS_MAX_THREADS": "1",
            **self.variables,
        }

    def listing(self) -> dict[str, tuple[object, ...]]:
        """Every file outside the cache: path -> what changes with any write, and where a link leads.

        The kernel sets the time of a change (ctime), and no program can set it back.
        """
        found: dict[str, tuple[object, ...]] = {}
        for place, folders, names in os.walk(self.root):
            folders[:] = [f for f in folders if Path(place, f) not in (self.cache, self.root / "streams")]
            for name in [*names, *(f for f in folders if Path(place, f).is_symlink())]:
                path = Path(place, name)
                status = path.lstat()
                link = os.readlink(path) if path.is_symlink() else ""
                found[str(path.relative_to(self.root))] = (
                    status.st_ino,
                    status.st_size,
                    status.st_ctime_ns,
                    link,
                )
        return found


def prepare() -> None:
    """Imports what the commands import, and starts no thread."""
    from importlib import import_module

    import firstlight

    for name in MODULES:
        import_module(name)
    package = Path(firstlight.__file__).parent
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        if parts[-1] not in ("__init__", "__main__"):
            import_module(".".join(parts))
    assert (
        "polars" not in sys.modules
    )  # it starts threads when it is imported, and threads do not survive a fork


def run(box: Sandbox, arguments: list[str], allowed: tuple[Path, ...], seconds: float = SECONDS) -> Result:
    """Runs one command in a child and judges it.

    Args:
        box: Where it works.
        arguments: The words after `firstlight`.
        allowed: Folders or files below which it may write; the cache always.
        seconds: How long it may take.
    """
    before = box.listing()
    out, err = box.root / "streams" / "out", box.root / "streams" / "err"
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _child(box, arguments, out, err)
    finished = _wait(child, seconds)
    defects = [] if finished else ["hang"]
    if _left(child):
        defects.append("processes left")
    _kill(child)
    status = os.waitpid(child, 0)[1]
    taken = time.monotonic() - began
    code = os.waitstatus_to_exitcode(status)
    if finished and code < 0:
        defects.append(f"ended by {signal.Signals(-code).name}")
    said, told = out.read_bytes(), err.read_bytes()
    defects += judge(code, said, told) if finished and code >= 0 else []
    defects += _changed(before, box.listing(), box.root, allowed)
    return Result(
        code=code if finished and code >= 0 else None,
        seconds=taken,
        out=said,
        err=told,
        defects=tuple(defects),
    )


def judge(code: int, out: bytes, err: bytes) -> list[str]:
    """What is wrong with an exit code and the streams that go with it."""
    defects = [] if code in CONTRACT else [f"exit code {code}"]
    if b"Traceback (most recent call last)" in out + err:
        defects.append("traceback")
    if b"panicked at" in out + err:
        defects.append("panic on the console")
    if NO_TEXT.search(out + err):
        defects.append("control characters")
    lines = err.decode("utf-8", "replace").splitlines()
    if code != 0 and not _three_lines(lines):
        defects.append("no error in three lines")
    return defects


def _three_lines(lines: list[str]) -> bool:
    """Whether the stream ends with blocks of error, where and to do."""
    marks = ("error: ", "  where: ", "  to do: ")
    return len(lines) >= 3 and all(
        line.startswith(mark) and line != mark for line, mark in zip(lines[-3:], marks, strict=True)
    )


def _child(box: Sandbox, arguments: list[str], out: Path, err: Path) -> None:
    """Becomes the command; never returns."""
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM):  # the program that forks may hear them in its own way
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        for stream, number in ((os.devnull, 0), (out, 1), (err, 2)):
            flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            os.dup2(os.open(stream, flags, 0o600), number)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        variables = box.environment()
        os.environ.clear()
        os.environ.update(variables)
        os.chdir(box.work)
        sys.argv = ["firstlight", *arguments]
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _begin_now()
        for name, fault in box.plant.items():
            _plant(name, fault)
        from firstlight.cli.app import main

        code = main(arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                code = 1
        os._exit(code)


def _plant(name: str, fault: str) -> None:
    """Replaces a function of the product, for the negative controls."""
    from importlib import import_module

    module, _, attribute = name.rpartition(".")

    def keyerror(*_: object, **__: object) -> None:
        raise KeyError("planted")

    def hang(*_: object, **__: object) -> None:
        time.sleep(3600)

    def outside(*_: object, **__: object) -> None:
        Path("../outside").write_text("planted")
        raise KeyError("planted")

    def control(*_: object, **__: object) -> None:
        print("\x1b[31m", file=sys.stderr)
        raise KeyError("planted")

    faults: dict[str, Callable[..., object]] = {
        "control": control,
        "identity": lambda text: text,
        "keyerror": keyerror,
        "hang": hang,
        "outside": outside,
    }
    original = getattr(import_module(module), attribute)
    for loaded in [
        m for m in sys.modules.values() if hasattr(m, "__dict__")
    ]:  # whoever imported it by its name too
        for known, value in list(vars(loaded).items()):
            if value is original:
                setattr(loaded, known, faults[fault])


def _begin_now() -> None:
    """The budget counts from the start of this process, not from that of its parent."""
    from firstlight.cli import options

    read: Callable[[list[str]], options.Switches] = options.Switches.of

    def of(arguments: list[str]) -> options.Switches:
        found = read(arguments)
        return options.Switches(
            json=found.json, quiet=found.quiet, debug=found.debug, started=time.monotonic()
        )

    options.Switches.of = of  # type: ignore[method-assign,assignment]


def _wait(child: int, seconds: float) -> bool:
    """Whether the child ended in time; it is not reaped yet."""
    handle = os.pidfd_open(child)
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def _left(child: int) -> bool:
    """Whether other processes of the child's session are alive."""
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != child:
            try:
                fields = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == child and fields[0] != "Z":
                return True
    return False


def _kill(child: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)


def _changed(
    before: Mapping[str, object], after: Mapping[str, object], root: Path, allowed: tuple[Path, ...]
) -> list[str]:
    """What was written, changed or removed where nothing may be."""
    named = [path for path in {*before, *after} if before.get(path) != after.get(path)]
    return [
        f"touched {path}"
        for path in sorted(named)
        if not any((root / path).is_relative_to(place) for place in allowed)
    ]


def serve(root: Path) -> None:
    """Runs what is asked for on standard input and answers on standard output, until there is no more."""
    import base64
    import json

    prepare()
    box = Sandbox(root)
    for line in sys.stdin:
        asked = json.loads(line)
        box.work, box.variables, box.plant = Path(asked["cwd"]), asked["variables"], asked["plant"]
        result = run(box, asked["words"], tuple(map(Path, asked["writes"])), asked["seconds"])
        answer = {
            "code": result.code,
            "seconds": result.seconds,
            "out": base64.b64encode(result.out).decode(),
            "err": base64.b64encode(result.err).decode(),
            "defects": result.defects,
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))

"""Commands of the real command line for tests, from a fork server in a process of its own: quick, and isolated."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType

import fuzz_server
from fuzz_server import SECONDS, Result

SERVER = Path(fuzz_server.__file__)


class Served:
    """`run` is `firstlight WORDS` in a child with a home, a cache and a temporary folder below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._process = subprocess.Popen(
            [sys.executable, str(SERVER), str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"},
        )

    def run(
        self,
        *words: str | Path,
        cwd: Path | None = None,
        variables: dict[str, str] | None = None,
        plant: dict[str, str] | None = None,
        writes: tuple[Path, ...] | None = None,
        seconds: float = SECONDS,
    ) -> Result:
        """Runs one command; `defects` of the result are those of the contract, as fuzzing sees them.

        It may write below `writes`, by default anywhere below `root`.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {
            "words": [os.fspath(word) for word in words],
            "cwd": str(cwd or self.root / "work"),
            "variables": variables or {},
            "plant": plant or {},
            "writes": [os.fspath(place) for place in ((self.root,) if writes is None else writes)],
            "seconds": seconds,
        }
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        return Result(
            code=answer["code"],
            seconds=answer["seconds"],
            out=base64.b64decode(answer["out"]),
            err=base64.b64decode(answer["err"]),
            defects=tuple(answer["defects"]),
        )

    def __enter__(self) -> Served:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

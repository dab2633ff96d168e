"""The environment of a run: versions, hardware, git. Never a secret: variables come from a short list of names.

Of a git repository the commit, the branch and the list of changed files are recorded, and the changes themselves as a patch of limited size;
lines of the patch that look like a credential are replaced, since a patch may hold anything.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from firstlight.machine.choices import allotted_cores

VARIABLES = (
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_VISIBLE_DEVICES",
    "LANG",
    "MKL_NUM_THREADS",
    "NCCL_ALGO",
    "OMP_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "TZ",
)
GIT_SECONDS = 5.0  # a repository on a slow disk must not hold up a run
PATCH_BYTES = 1_000_000
_SECRET = re.compile(
    r"(?i)(password|passwd|secret|token|api[_-]?key|credential|authorization|private[ _-]?key|://[^/\s:@]+:[^/\s@]+@"
    r"|AKIA[0-9A-Z]{12,}|gh[pousr]_\w{20,}|hf_\w{20,}|sk-[\w-]{16,}|xox[abp]-|eyJ[\w-]{20,})"
)


def record_environment() -> dict[str, Any]:
    """Versions, hardware and settings as plain values for environment.json."""
    import torch

    return {
        "format": 1,
        "python": sys.version.split()[0],
        "implementation": platform.python_implementation(),
        "os": platform.platform(),
        "packages": installed_packages(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if torch.cuda.is_available() else None,
        "driver": _driver(),
        "hardware": _hardware(),
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "git": record_git(Path.cwd()),
    }


def installed_packages() -> dict[str, str]:
    """Name and exact version of every installed distribution."""
    found = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions() if d.metadata["Name"]}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def record_git(folder: Path) -> dict[str, Any] | None:
    """Commit, branch and uncommitted changes of the repository around `folder`; None outside of one."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    status = _git(folder, "status", "--porcelain", "--untracked-files=no") or ""
    patch = (_git(folder, "diff", "HEAD") or "") if status else ""
    return {
        "commit": commit,
        "branch": _git(folder, "rev-parse", "--abbrev-ref", "HEAD"),
        "dirty": bool(status),
        "changed": [line[3:] for line in status.splitlines()],
        "patch": redacted(patch[:PATCH_BYTES]),
        "patch_cut": len(patch) > PATCH_BYTES,
    }


def redacted(patch: str) -> str:
    """The patch without lines that look like a credential."""
    lines = (
        f"{line[:1]}[a line that looks like a credential was left out]" if _SECRET.search(line) else line
        for line in patch.splitlines()
    )
    return "\n".join(lines)


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *arguments],
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "backslashreplace").rstrip("\n") if done.returncode == 0 else None


def _hardware() -> dict[str, Any]:
    import psutil
    import torch

    gpus = [
        {"name": p.name, "memory_bytes": p.total_memory}
        for p in (torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count()))
    ]
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "allotted_cores": allotted_cores(),
        "memory_bytes": psutil.virtual_memory().total,
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "gpus": gpus,
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _driver() -> str | None:
    import pynvml

    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return None

"""The environment of a run: versions, hardware, settings, git. Never a secret: variables come from a list."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

from firstlight.machine.choices import allotted_cores
from firstlight.machine.git import has_shape_of_a_secret, looks_like_a_secret, names_a_secret, record_git
from firstlight.machine.seeds import known_values_drawn

FORMAT = 1
# Variables that change what is computed or how fast. Anything else, and any odd value of these, is not
# recorded.
VARIABLES = (
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_LAUNCH_BLOCKING",
    "CUDA_VISIBLE_DEVICES",
    "GOMP_CPU_AFFINITY",
    "KMP_AFFINITY",
    "KMP_BLOCKTIME",
    "LANG",
    "LC_ALL",
    "MKL_DYNAMIC",
    "MKL_NUM_THREADS",
    "NCCL_ALGO",
    "NUMEXPR_NUM_THREADS",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_DYNAMIC",
    "OMP_NUM_THREADS",
    "OMP_PLACES",
    "OMP_PROC_BIND",
    "OMP_SCHEDULE",
    "OMP_WAIT_POLICY",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "PYTORCH_ALLOC_CONF",
    "PYTORCH_CUDA_ALLOC_CONF",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "TZ",
)
_PLAIN_VALUE = re.compile(r"[\w.:,=/+{}() -]{0,120}", re.ASCII)
_DEVICE_NAME = re.compile(r"\b(GPU|MIG)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_ADDRESS = re.compile(r"://(?:[^/\s:@]*:)?([^/\s@]+)@")  # the password, or a token in the user's place
_CGROUP = Path("/sys/fs/cgroup")


def record_environment() -> dict[str, Any]:
    """Versions, hardware and settings as plain values, about a second's work.

    Call it once the machine is chosen: the switches of determinism are read as they are then. `git.patch`
    holds the text of the changes; `experiment.environment.write_environment` puts it into a file of its own.
    """
    import torch

    return {
        "format": FORMAT,
        "firstlight": _version("firstlight"),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "os": platform.platform(),
        "packages": installed_packages(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": _cudnn(),
        "driver": _driver(),
        "hardware": _hardware(),
        "determinism": _determinism(),
        "known_values": known_values_drawn(),
        "variables": recorded_variables(os.environ),
        "git": record_git(Path.cwd()),
    }


def installed_packages() -> dict[str, str]:
    """Name and exact version of every installed distribution."""
    found = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions() if d.metadata["Name"]}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def recorded_variables(environment: os._Environ[str] | dict[str, str]) -> dict[str, str]:
    """The variables on the list, as far as their values look like settings."""
    found = {name: environment[name] for name in VARIABLES if name in environment}
    return {name: value if _is_harmless(value) else "[not recorded]" for name, value in found.items()}


def recorded_arguments(arguments: list[str]) -> list[str]:
    """A command line without what looks like a credential."""
    hidden = credentials_among(arguments)
    odd = [looks_like_a_secret(word) or any(part in word for part in hidden) for word in arguments]
    return ["[not recorded]" if o else word for word, o in zip(arguments, odd, strict=True)]


def credentials_among(arguments: list[str]) -> tuple[str, ...]:
    """Parts of a command line that must not be shown again.

    Values of options and keys such as `--token` and `password=`, passwords in addresses, and words of a known shape.
    """
    found = []
    for before, word in zip(["", *arguments], arguments, strict=False):
        name, equals, value = word.rpartition("=")
        if in_address := _ADDRESS.search(word):
            found.append(in_address[1])  # a message may show the address as a path
        elif (equals and names_a_secret(name)) or has_shape_of_a_secret(value):
            found.append(value)
        elif before.startswith("-") and "=" not in before and names_a_secret(before):
            found.append(word)
    return tuple(sorted((word for word in found if word), key=len, reverse=True))


def cgroup_cores(root: Path = _CGROUP) -> float | None:
    """Processor cores that the container may use on average; None when there is no limit."""
    try:
        quota, period = (root / "cpu.max").read_text("ascii").split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu" / "cpu.cfs_quota_us").read_text("ascii").strip()
            period = (root / "cpu" / "cpu.cfs_period_us").read_text("ascii").strip()
        except (OSError, ValueError):
            return None
    if not (quota.isdecimal() and period.isdecimal()) or int(period) == 0:
        return None  # "max", or -1
    return int(quota) / int(period)


def _is_harmless(value: str) -> bool:
    rest = _DEVICE_NAME.sub("", value)
    return _PLAIN_VALUE.fullmatch(value) is not None and not looks_like_a_secret(rest)


def _cudnn() -> int | None:
    import torch

    if not torch.cuda.is_available():
        return None
    return torch.backends.cudnn.version()  # type: ignore[no-any-return]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _determinism() -> dict[str, Any]:
    import torch

    return {
        "algorithms": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "python": "hash seed " + ("fixed" if sys.flags.hash_randomization == 0 else "random"),
    }


def _hardware() -> dict[str, Any]:
    import psutil
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    properties = [torch.cuda.get_device_properties(i) for i in range(count)]
    limit = cgroup_cores()
    cores = allotted_cores()
    return {
        "processor": _processor(),
        "architecture": platform.machine(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "allotted_cores": cores if limit is None else min(cores, max(1, math.ceil(limit))),
        "cgroup_cores": limit,
        "memory_bytes": psutil.virtual_memory().total,
        "threads": torch.get_num_threads(),
        "gpus": [{"name": p.name, "memory_bytes": p.total_memory} for p in properties],
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
    """Version of the NVIDIA driver; None where there is none."""
    try:
        import pynvml

        pynvml.nvmlInit()
        try:
            found = pynvml.nvmlSystemGetDriverVersion()
        finally:
            pynvml.nvmlShutdown()
    except Exception:  # the library is missing, or too old for the driver: neither may stop a run
        return None
    return found.decode() if isinstance(found, bytes) else str(found)

"""environment.json, and uncommitted.patch beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from firstlight.errors import ResumeRefused
from firstlight.experiment import store
from firstlight.experiment.folder import Folder
from firstlight.text import visible

FORMAT = 1


def write_environment(folder: Folder, environment: Mapping[str, Any]) -> str:
    """Writes environment.json, and uncommitted.patch beside it when there are changes.

    Args:
        folder: Of the experiment.
        environment: What `machine.environment.record_environment` gave, and what setup added.

    Returns:
        The SHA-256 of environment.json.
    """
    git = dict(environment.get("git") or {})
    patch = git.pop("patch", "")
    if patch:
        git["patch"] = folder.patch.name
        git["patch_sha256"] = store.write_text(folder.patch, patch)
    return store.write_json(folder.environment, {"format": FORMAT, **environment, "git": git})


def read_environment(folder: Folder) -> dict[str, Any]:
    """Reads environment.json.

    Raises:
        ResumeRefused: It is missing, damaged or of another format.
    """
    try:
        found = store.read_json(folder.environment)
        if isinstance(found, dict) and found.get("format") == FORMAT:
            return found
        reason = f"its format is not {FORMAT}, which is the one this version reads"
    except (OSError, ValueError) as error:
        reason = str(error)
    raise ResumeRefused(
        "the environment record cannot be read",
        f"{visible(str(folder.environment))}: {visible(reason)}",
        "restore the file, or set the experiment up anew",
    )

"""What an entry of checkpoints/manifest.json is, for those who write it and for those who only look at it."""

from __future__ import annotations

from typing import Any

NEXT = "next"  # key of what a save that is under way will put there
FIELDS = {"sha256": str, "bytes": int, "step": int, "epoch": int}


def is_entry(entry: Any) -> bool:
    """Whether it says which content lies under a name, and which comes, with values of the right types."""
    if not isinstance(entry, dict) or any(type(entry.get(name)) is not kind for name, kind in FIELDS.items()):
        return False
    return NEXT not in entry or is_entry(entry[NEXT])


def entries(manifest: Any) -> dict[str, dict[str, Any]]:
    """Those of a manifest that was read from a file; what is none is left out."""
    files = manifest.get("files") if isinstance(manifest, dict) else None
    return (
        {name: entry for name, entry in files.items() if is_entry(entry)} if isinstance(files, dict) else {}
    )

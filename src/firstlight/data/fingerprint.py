"""The identity of a data set: the same wherever it lies and in whatever order it is listed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def fingerprint(
    ids: Sequence[str], labels: Sequence[str], parts: Sequence[int], digests: Sequence[bytes]
) -> str:
    """SHA-256, in hex, over (id, class name, part, digest of the raw bytes) of every row, in the order of the ids."""
    total = hashlib.sha256()
    for row in sorted(zip(ids, labels, parts, digests, strict=True)):
        name, label, part, digest = row
        for field in (
            name.encode("utf-8", "surrogatepass"),
            label.encode("utf-8", "surrogatepass"),
            b"%d" % part,
            digest,
        ):
            total.update(len(field).to_bytes(8, "little"))
            total.update(field)
    return total.hexdigest()

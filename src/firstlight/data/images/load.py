"""From a listing of images to decoded examples: hash, decode once, leave out what is broken."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections import Counter
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.data.examples import Examples, Images, Listing, Skipped
from firstlight.data.fingerprint import fingerprint
from firstlight.data.images import cache, heads
from firstlight.data.images.decoding import LARGE_PIXELS, Header, decode, decoder, quiet, read_header
from firstlight.data.opened import read_file
from firstlight.data.threads import in_order
from firstlight.errors import DataError
from firstlight.text import count, percent, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.config.schema import Data
    from firstlight.watch.progress import Progress

NATIVE_SIDE = 64  # images up to here keep their size
PHOTO_SIDE = 128  # side of decoded photos; data.image_size sets another
NAMES_SHOWN = 20
GREY_MODES = frozenset({"1", "L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"})


def decode_listing(
    listing: Listing, data: Data, *, cache_folder: Path | None = None, fallback: Path, progress: Progress
) -> Examples:
    """Every image of the listing that can be read, decoded.

    Args:
        listing: What a source found.
        data: The data section of the config.
        cache_folder: Where decoded pixels are kept; None = the user's cache folder.
        fallback: Used when no cache folder can be written.
        progress: Told how far decoding is.

    Raises:
        DataError: Too many files are broken.
    """
    listing = _by_id(listing)
    if listing.files is None:
        return _from_arrays(listing, data)
    with quiet():
        return _from_files(listing, data, cache.cache_root(cache_folder, fallback), progress)


def _by_id(listing: Listing) -> Listing:
    """The rows of files in the order of their ids.

    The cache finds pixels by the fingerprint, which is the same in whatever order a table names its rows.
    """
    if listing.files is None:
        return listing
    order = sorted(range(len(listing.ids)), key=listing.ids.__getitem__)
    if order == list(range(len(order))):
        return listing
    files = listing.files
    return dataclasses.replace(
        listing,
        ids=tuple(listing.ids[row] for row in order),
        labels=listing.labels[order],
        parts=listing.parts[order],
        files=tuple(files[row] for row in order),
    )


def _from_arrays(listing: Listing, data: Data) -> Examples:
    arrays = listing.arrays
    assert arrays is not None
    digests = np.array([hashlib.sha256(a.tobytes()).digest() for a in arrays], dtype="S32")
    names = [listing.classes[i] for i in listing.labels]
    return _examples(
        listing,
        keep=np.arange(len(arrays)),
        pixels=arrays if data.channels in (None, arrays.shape[3]) else _with_channels(arrays, data.channels),
        digests=digests,
        sizes=np.tile(np.array(arrays.shape[1:3], np.int32), (len(arrays), 1)),
        modes={"L" if arrays.shape[3] == 1 else "RGB": len(arrays)},
        skipped=(),
        identity=fingerprint(listing.ids, names, listing.parts.tolist(), [bytes(d) for d in digests]),
    )


def _with_channels(arrays: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    if channels == 1:
        return np.rint(arrays.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)).astype(
            np.uint8
        )[..., None]
    return np.repeat(arrays, channels, axis=3)


def _from_files(listing: Listing, data: Data, root: Path, progress: Progress) -> Examples:
    files = listing.files
    assert files is not None
    digests, problems = _read_all(listing, data, progress)
    names = [listing.classes[i] for i in listing.labels]
    identity = fingerprint(listing.ids, names, listing.parts.tolist(), digests)
    known = heads.read(root, identity)
    if known is None:
        known = _look_at_all(listing, data, problems, progress)
        heads.write(root, identity, known)
    side = _side(known, data)
    grey = GREY_MODES.issuperset(known.modes[known.readable])
    channels = data.channels or (1 if grey else 3)
    name = cache.key(identity, side, channels, decoder())
    entry = cache.read(root, name)
    if entry is None:
        _decode_all(listing, data, known, side, channels, root, name, progress)
        entry = cache.read(root, name)
        if entry is None:
            raise DataError(
                "the cache cannot be read back", str(root / name), "free disk space, or set FIRSTLIGHT_CACHE"
            )
    problems = {int(i): reason for i, reason in entry.index["problems"].items()}
    _check_broken(listing, data, problems, whole=True)
    keep = np.array([i for i in range(len(files)) if i not in problems], dtype=np.int64)
    return _examples(
        listing,
        keep=keep,
        pixels=entry.pixels,
        digests=np.array([bytes.fromhex(d) for d in entry.index["digests"]], dtype="S32"),
        sizes=known.sizes[keep],
        modes=dict(Counter(known.modes[keep].tolist())),
        skipped=tuple(Skipped(id=listing.ids[i], reason=problems[i]) for i in sorted(problems)),
        identity=identity,
    )


def _read_all(listing: Listing, data: Data, progress: Progress) -> tuple[list[bytes], dict[int, str]]:
    """The digest of every file, empty for those that cannot be read, and what is wrong with these."""
    files = listing.files
    assert files is not None
    digests: list[bytes] = []
    problems: dict[int, str] = {}
    for number, found in enumerate(in_order(files, _digest), start=1):
        progress.advance("reading images", number, len(files))
        if isinstance(found, str):
            problems[number - 1] = found
            _check_broken(listing, data, problems, whole=False)
        digests.append(b"" if isinstance(found, str) else found)
    _check_broken(listing, data, problems, whole=True)
    return digests, problems


def _look_at_all(listing: Listing, data: Data, problems: dict[int, str], progress: Progress) -> heads.Heads:
    """Size and mode of every file that can be read."""
    assert listing.files is not None
    rows = [row for row in range(len(listing.files)) if row not in problems]
    files = [listing.files[row] for row in rows]
    headers: dict[int, Header] = {}
    problems = dict(problems)
    for number, (row, found) in enumerate(zip(rows, in_order(files, _look), strict=True), start=1):
        progress.advance("looking at images", number, len(files))
        if isinstance(found, str):
            problems[row] = found
            _check_broken(listing, data, problems, whole=False)
        else:
            headers[row] = found
    _check_broken(listing, data, problems, whole=True)
    return heads.gathered(headers, problems)


def _examples(
    listing: Listing,
    *,
    keep: NDArray[np.int64],
    identity: str,
    pixels: NDArray[np.uint8],
    sizes: NDArray[np.int32],
    modes: dict[str, int],
    **found: Any,
) -> Examples:
    return Examples(
        source=listing.source,
        task="classification",
        ids=tuple(listing.ids[i] for i in keep),
        targets=listing.labels[keep],
        classes=listing.classes,
        parts=listing.parts[keep],
        content=Images(pixels=pixels, original_sizes=sizes, modes=modes),
        ignored=listing.ignored,
        notes=listing.notes,
        fingerprint=identity,
        suggested_target=listing.suggested_target,
        **found,
    )


def _decode_all(
    listing: Listing,
    data: Data,
    known: heads.Heads,
    side: tuple[int, int],
    channels: int,
    root: Path,
    name: str,
    progress: Progress,
) -> None:
    """Decodes every readable file into a new cache entry."""
    files = listing.files
    assert files is not None
    problems = dict(known.problems)
    readable = np.flatnonzero(known.readable).tolist()
    alone = Lock()

    def read(row: int) -> NDArray[np.uint8] | str:
        large = int(known.sizes[row].prod(dtype=np.int64)) > LARGE_PIXELS
        try:
            with alone if large else contextlib.nullcontext():
                return decode(read_file(files[row]), side=side, channels=channels)
        except (OSError, ValueError) as error:
            return _reason(error)

    digests: list[str] = []
    with cache.writing(root, name, (len(readable), *side, channels)) as (pixels, index):
        for number, (row, found) in enumerate(zip(readable, in_order(readable, read), strict=True), start=1):
            progress.advance("decoding images", number, len(readable))
            if isinstance(found, str):
                problems[row] = found
                _check_broken(listing, data, problems, whole=False)
                continue
            pixels[len(digests)] = found
            digests.append(hashlib.sha256(found.tobytes()).hexdigest())
        index |= {"problems": {str(i): p for i, p in problems.items()}, "digests": digests}
        if len(digests) < len(readable):
            cache.shorten(pixels, len(digests))


def _digest(path: Path) -> bytes | str:
    """SHA-256 of a file, or why it cannot be read."""
    try:
        return hashlib.sha256(read_file(path)).digest()
    except (OSError, ValueError) as error:
        return _reason(error)


def _look(path: Path) -> Header | str:
    """The head of an image file, or what is wrong with it."""
    try:
        return read_header(read_file(path))
    except (OSError, ValueError) as error:
        return _reason(error)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]


def _side(known: heads.Heads, data: Data) -> tuple[int, int]:
    """(height, width) of the decoded images."""
    if data.image_size is not None:
        return data.image_size, data.image_size
    sizes = known.sizes[known.readable]
    if (sizes == sizes[0]).all() and sizes[0].max() <= NATIVE_SIDE:
        return int(sizes[0, 0]), int(sizes[0, 1])
    middle = int(np.median(sizes.min(axis=1)))
    return (middle, middle) if middle <= NATIVE_SIDE else (PHOTO_SIDE, PHOTO_SIDE)


def _check_broken(listing: Listing, data: Data, problems: dict[int, str], *, whole: bool) -> None:
    """One broken file is always left out, unless none is allowed; above the allowed share the data is not usable.

    Before the last file was looked at, it ends only when there are enough names to show.
    """
    total = len(listing.ids)
    allowed = max(1, int(data.max_bad_fraction * total)) if data.max_bad_fraction else 0
    enough = min(allowed, total - 1) if whole else max(allowed, NAMES_SHOWN)
    if len(problems) <= enough:
        return
    names = "; ".join(visible(f"{listing.ids[i]} ({problems[i]})") for i in sorted(problems)[:NAMES_SHOWN])
    or_more = "" if whole else " or more"
    raise DataError(
        f"{len(problems):,}{or_more} of {count(total, 'image')} cannot be read, "
        f"{percent(data.max_bad_fraction)} are allowed",
        names,
        "mend or remove them, or allow more with --set data.max_bad_fraction=SHARE",
    )

"""From the data section of a config to decoded examples: list, hash, decode once, leave out what is broken."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from firstlight.data import cache
from firstlight.data.examples import Examples, Listing, Skipped
from firstlight.data.fingerprint import fingerprint
from firstlight.data.images import DECODER, Header, decode, quiet, read_header
from firstlight.data.source import read_listing
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
LARGEST_FILE = 2**30  # bytes; a larger file is no image of a training set
AHEAD = 64  # files that the threads may be ahead of the writer
LARGE_PIXELS = 16_000_000  # images above are decoded one at a time: each takes up to ten bytes a pixel
FEWEST_CLASSES = 2

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Raw:
    """A file as read the first time: its digest, and its head or what is wrong with it."""

    digest: bytes
    header: Header | None
    problem: str


def load_examples(
    data: Data, *, base: Path, cache_folder: Path | None = None, fallback: Path, progress: Progress
) -> Examples:
    """Every readable row of the data, decoded.

    Args:
        data: The data section of the config.
        base: Folder that a relative source starts from.
        cache_folder: Where decoded pixels are kept; None = the user's cache folder.
        fallback: Used when no cache folder can be written.
        progress: Told how far decoding is.

    Raises:
        UsageError: The source is not there or not known.
        DataError: Too many files are broken, or there is nothing to classify.
    """
    listing = read_listing(data, base)
    root = cache.cache_root(cache_folder, fallback)
    if listing.files is None:
        examples = _from_arrays(listing, data)
    else:
        with quiet():
            examples = _from_files(listing, data, root, progress)
    _check_classes(examples, data)
    return examples


def _check_classes(examples: Examples, data: Data) -> None:
    """Two classes that have what the config asks for."""
    present = np.bincount(examples.labels, minlength=len(examples.classes))
    if np.count_nonzero(present) < FEWEST_CLASSES:
        names = ", ".join(visible(examples.classes[i]) for i in np.flatnonzero(present)) or "nothing"
        raise DataError(
            "there is only one class", f"{visible(examples.source)}: {names}", "two are needed at least"
        )
    few = [name for name, n in zip(examples.classes, present, strict=True) if n < data.min_per_class]
    if few:
        names = ", ".join(visible(n) for n in few[:NAMES_SHOWN])
        raise DataError(
            f"{count(len(few), 'class')} with fewer than {count(data.min_per_class, 'readable example')}",
            f"{names} in {visible(examples.source)}",
            "add examples, or take the class out of the data",
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
    raws: list[_Raw] = []
    problems: dict[int, str] = {}
    for number, raw in enumerate(_in_order(files, _read_raw), start=1):
        raws.append(raw)
        progress.advance("reading images", number, len(files))
        if raw.problem:
            problems[number - 1] = raw.problem
            _check_broken(listing, data, problems, whole=False)
    _check_broken(listing, data, problems, whole=True)
    names = [listing.classes[i] for i in listing.labels]
    identity = fingerprint(listing.ids, names, listing.parts.tolist(), [r.digest for r in raws])
    headers = [r.header for r in raws if r.header is not None]
    side = _side(headers, data)
    channels = data.channels or (1 if all(h.mode in GREY_MODES for h in headers) else 3)
    name = cache.key(identity, side, channels, DECODER)
    entry = cache.read(root, name)
    if entry is None:
        _decode_all(listing, data, raws, side, channels, root, name, progress)
        entry = cache.read(root, name)
        if entry is None:
            raise DataError(
                "the cache cannot be read back", str(root / name), "free disk space, or set FIRSTLIGHT_CACHE"
            )
    problems = {int(i): reason for i, reason in entry.index["problems"].items()}
    _check_broken(listing, data, problems, whole=True)
    keep = np.array([i for i in range(len(files)) if i not in problems], dtype=np.int64)
    sizes = [raws[i].header for i in keep]
    return _examples(
        listing,
        keep=keep,
        pixels=entry.pixels,
        digests=np.array([bytes.fromhex(d) for d in entry.index["digests"]], dtype="S32"),
        sizes=np.array([(h.height, h.width) for h in sizes if h is not None], dtype=np.int32).reshape(-1, 2),
        modes=dict(Counter(h.mode for h in sizes if h is not None)),
        skipped=tuple(Skipped(id=listing.ids[i], reason=problems[i]) for i in sorted(problems)),
        identity=identity,
    )


def _examples(
    listing: Listing, *, keep: NDArray[np.int64], identity: str, sizes: Any, **decoded: Any
) -> Examples:
    return Examples(
        source=listing.source,
        ids=tuple(listing.ids[i] for i in keep),
        labels=listing.labels[keep],
        classes=listing.classes,
        parts=listing.parts[keep],
        original_sizes=sizes,
        ignored=listing.ignored,
        notes=listing.notes,
        fingerprint=identity,
        suggested_target=listing.suggested_target,
        **decoded,
    )


def _decode_all(
    listing: Listing,
    data: Data,
    raws: list[_Raw],
    side: tuple[int, int],
    channels: int,
    root: Path,
    name: str,
    progress: Progress,
) -> None:
    """Decodes every readable file into a new cache entry."""
    files = listing.files
    assert files is not None
    problems = {i: r.problem for i, r in enumerate(raws) if r.problem}
    readable = [i for i in range(len(raws)) if i not in problems]

    alone = Lock()

    def read(row: int) -> NDArray[np.uint8] | str:
        path, header = files[row], raws[row].header
        large = header is not None and header.height * header.width > LARGE_PIXELS
        try:
            with alone if large else contextlib.nullcontext():
                return decode(path.read_bytes(), side=side, channels=channels)
        except (OSError, ValueError) as error:
            return _reason(error)

    digests: list[str] = []
    with cache.writing(root, name, (len(readable), *side, channels)) as (pixels, index):
        for number, (row, found) in enumerate(zip(readable, _in_order(readable, read), strict=True), start=1):
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


def _read_raw(path: Path) -> _Raw:
    try:
        if path.stat().st_size > LARGEST_FILE:
            return _Raw(digest=b"", header=None, problem="the file is larger than 1 GiB")
        content = path.read_bytes()
    except OSError as error:
        return _Raw(digest=b"", header=None, problem=_reason(error))
    digest = hashlib.sha256(content).digest()
    try:
        return _Raw(digest=digest, header=read_header(content), problem="")
    except ValueError as error:
        return _Raw(digest=digest, header=None, problem=str(error))


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]


def _side(headers: list[Header], data: Data) -> tuple[int, int]:
    """(height, width) of the decoded images."""
    if data.image_size is not None:
        return data.image_size, data.image_size
    sizes = {(h.height, h.width) for h in headers}
    if len(sizes) == 1 and max(next(iter(sizes))) <= NATIVE_SIDE:
        return next(iter(sizes))
    middle = int(np.median([min(h.height, h.width) for h in headers]))
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


def _in_order(items: tuple[T, ...] | list[T], work: Callable[[T], Any]) -> Iterator[Any]:
    """work(item) for each item, in order, on all cores: Pillow and file reading release the interpreter lock."""
    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 1)) as pool:
        waiting: deque[Future[Any]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

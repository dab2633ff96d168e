"""From the data section of a config to decoded examples: list, hash, decode once, leave out what is broken."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from firstlight.data import cache
from firstlight.data.examples import Examples, Listing, Skipped
from firstlight.data.fingerprint import fingerprint
from firstlight.data.images import DECODER, Header, decode, read_header
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
EARLY_LOOK = 200  # files after which a hopeless folder is given up

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
    examples = (
        _from_arrays(listing, data) if listing.files is None else _from_files(listing, data, root, progress)
    )
    present = np.bincount(examples.labels, minlength=len(examples.classes))
    few = [name for name, n in zip(examples.classes, present, strict=True) if n < data.min_per_class]
    if few:
        names = ", ".join(visible(n) for n in few[:NAMES_SHOWN])
        raise DataError(
            f"{count(len(few), 'class')} have fewer than {count(data.min_per_class, 'example')}",
            f"{names} in {visible(examples.source)}",
            "add examples, or take the class out of the data",
        )
    return examples


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
    for number, raw in enumerate(_in_order(files, _read_raw), start=1):
        raws.append(raw)
        progress.advance("reading images", number, len(files))
        if number == min(EARLY_LOOK, len(files)):
            _check_broken(listing, data, {i: r.problem for i, r in enumerate(raws) if r.problem}, number)
    names = [listing.classes[i] for i in listing.labels]
    identity = fingerprint(listing.ids, names, listing.parts.tolist(), [r.digest for r in raws])
    headers = [r.header for r in raws if r.header is not None]
    if not headers:
        _check_broken(listing, data, {i: r.problem for i, r in enumerate(raws)}, len(raws))
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
    _check_broken(listing, data, problems, len(files))
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
    assert listing.files is not None
    problems = {i: r.problem for i, r in enumerate(raws) if r.problem}
    readable = [i for i in range(len(raws)) if i not in problems]
    files = [listing.files[i] for i in readable]

    def read(path: Path) -> NDArray[np.uint8] | str:
        try:
            return decode(path.read_bytes(), side=side, channels=channels)
        except (OSError, ValueError) as error:
            return _reason(error)

    digests: list[str] = []
    with cache.writing(root, name, (len(readable), *side, channels)) as (pixels, index):
        for number, found in enumerate(_in_order(files, read), start=1):
            progress.advance("decoding images", number, len(files))
            if isinstance(found, str):
                problems[readable[number - 1]] = found
                _check_broken(listing, data, problems, len(raws))
                continue
            pixels[len(digests)] = found
            digests.append(hashlib.sha256(found.tobytes()).hexdigest())
        index |= {"problems": {str(i): p for i, p in problems.items()}, "digests": digests}
        if len(digests) < len(readable):
            _shorten(pixels, len(digests))


def _shorten(pixels: NDArray[np.uint8], rows: int) -> None:
    """Cuts the unfilled rows off the file behind a memory-mapped array."""
    assert isinstance(pixels, np.memmap)
    path = Path(str(pixels.filename))
    kept = np.array(pixels[:rows])
    np.save(path, kept, allow_pickle=False)


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


def _check_broken(listing: Listing, data: Data, problems: dict[int, str], looked_at: int) -> None:
    """One broken file is always left out; above the allowed share the data is not usable."""
    allowed = max(1, int(data.max_bad_fraction * looked_at))
    if data.max_bad_fraction == 0 and problems:
        allowed = 0
    if len(problems) <= allowed and len(problems) < looked_at:
        return
    names = "; ".join(visible(f"{listing.ids[i]} ({problems[i]})") for i in sorted(problems)[:NAMES_SHOWN])
    raise DataError(
        f"{len(problems):,} of {count(looked_at, 'image')} cannot be read, "
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

"""Mutations of real files: of their bytes, and of what they mean."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

TOKENS = (
    b"\0", b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"nan", b"-inf", b"1e999", b"NA", b"null", b'"', b"'",
    b"\n", b"\r\n", b"\r", b",", b";", b"\t", b"\\", b"{", b"}", b"[", b"]", b": ", b"&a ", b"*a",
    b"!!python/object:x ", b"<<: *a",
    b"%s%n", b"../", b"/etc/passwd", b"\x1b[31m", b"\xe2\x80\xae", b"\xef\xbb\xbf", b"\xff\xfe",
    b"\xed\xa0\x80", b"=1+1",
    b"99999999999999999999", b"-1", b"0", b"1" * 400, b"true", b"--- ", b"# ", b"|", b">", b"0x7fffffff",
    b"PAR1", b"PK\x03\x04", b"\x1f\x8b", b"IHDR", b"\xff\xd8", b"\xff\xda", b"{\"a\":" * 40, b"[" * 200,
)  # fmt: skip
STRINGS: tuple[str, ...] = (
    "", " ", "\n", "=1+1", "<img src=x onerror=a>", "\x1b[2J", "a" * 5000, "../../x", "NaN", "inf", "-0", "1e400",
    "null", "\u202e", "é", "0x10", "1_000", "2026-02-30", "$\\frac{", "|", "\ufffd", "\ufeff",
)  # fmt: skip
NUMBERS = (0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 0.5, -0.0, 1e308, 1e-320, 10**12)


def of_bytes(content: bytes, chance: random.Random) -> bytes:
    """One to four changes that know nothing of the format."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        chance.choice(_BYTE_CHANGES)(changed, chance)
    return bytes(changed)


def _place(content: bytearray, chance: random.Random) -> int:
    """Anywhere, with the head and the tail more often: there the formats keep what matters."""
    size = len(content)
    spans = (size, min(size, 128), size)
    at = chance.randrange(max(1, chance.choice(spans)))
    return size - 1 - at if size and chance.random() < 0.25 else at


def _flip(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 3, 20))):
        if content:
            content[_place(content, chance)] ^= 1 << chance.randrange(8)


def _cut(content: bytearray, chance: random.Random) -> None:
    del content[_place(content, chance) :]


def _span(content: bytearray, chance: random.Random) -> slice:
    at = _place(content, chance)
    return slice(at, at + chance.choice((1, 2, 4, 16, 64, 512, 4096)))


def _double(content: bytearray, chance: random.Random) -> None:
    span = _span(content, chance)
    at = _place(content, chance)
    content[at:at] = content[span] * chance.choice((1, 1, 2, 50))


def _remove(content: bytearray, chance: random.Random) -> None:
    del content[_span(content, chance)]


def _overwrite(content: bytearray, chance: random.Random) -> None:
    span = _span(content, chance)
    length = len(content[span])
    content[span] = chance.choice((bytes(length), b"\xff" * length, chance.randbytes(length)))


def _insert(content: bytearray, chance: random.Random) -> None:
    at = _place(content, chance)
    content[at:at] = chance.choice(TOKENS)


def _replace(content: bytearray, chance: random.Random) -> None:
    at, token = _place(content, chance), chance.choice(TOKENS)
    content[at : at + len(token)] = token


def _swap_lines(content: bytearray, chance: random.Random) -> None:
    lines = bytes(content).split(b"\n")
    a, b = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    content[:] = b"\n".join(lines)


_BYTE_CHANGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip, _flip, _cut, _double, _remove, _overwrite, _insert, _insert, _replace, _swap_lines,
)  # fmt: skip


def of_gzip(content: bytes, chance: random.Random) -> bytes:
    """The inside of a gzip, packed again; now and then the outside."""
    if chance.random() < 0.4:
        return of_bytes(content, chance)
    return gzip.compress(of_bytes(gzip.decompress(content), chance), mtime=0)


def of_zip(content: bytes, chance: random.Random) -> bytes:
    """A member of a zip (.npz, .pt), with its checksum made right again; now and then the outside."""
    if chance.random() < 0.3:
        return of_bytes(content, chance)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(list(members))
    do = chance.random()
    if do < 0.7:
        members[name] = of_bytes(members[name], chance)
    elif do < 0.8:
        del members[name]
    elif do < 0.9:
        members[name] = members[chance.choice(list(members))]
    else:
        members[chance.choice(("x.npy", "../x.npy", "data.pkl", "y.npy", "a" * 300))] = chance.randbytes(50)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for member, inside in members.items():
            archive.writestr(member, inside)
    return buffer.getvalue()


def of_npz(content: bytes, chance: random.Random) -> bytes:
    """An .npz whose arrays get other types, shapes or values; now and then as a zip."""
    if chance.random() < 0.5:
        return of_zip(content, chance)
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    name = chance.choice(list(arrays))
    arrays[name] = _other_array(arrays[name], chance)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _other_array(array: np.ndarray[Any, Any], chance: random.Random) -> np.ndarray[Any, Any]:
    choices: tuple[Callable[[], np.ndarray[Any, Any]], ...] = (
        lambda: array[: len(array) // 2] if array.ndim else array,
        lambda: array.reshape(-1),
        lambda: array[None],
        lambda: array[..., None],
        lambda: np.zeros((0, *array.shape[1:]), array.dtype),
        lambda: np.zeros((0,) * max(1, array.ndim), array.dtype),
        lambda: np.full(array.shape, chance.choice((0, 1, 7))),
        lambda: np.full(array.shape, np.nan),
        lambda: np.full(array.shape, np.inf, np.float32),
        lambda: np.full(array.shape, -(2**63)),
        lambda: np.full(array.shape, 2**64 - 1, np.uint64),
        lambda: np.full(array.shape, 1 + 2j),
        lambda: np.full(array.shape, "2026-01-01", "datetime64[D]"),
        lambda: np.full(array.shape, chance.choice(STRINGS) or "x"),
        lambda: np.full(array.shape, b"\xff\xfe"),
        lambda: np.zeros(array.shape, [("a", "u1"), ("b", "f4")]),
        lambda: array.astype(np.float16) if array.dtype.kind in "iuf" else array.astype("S"),
        lambda: array.astype(bool) if array.dtype.kind in "iuf" else array,
        lambda: array.astype(">i4") if array.dtype.kind in "iuf" else array,
        lambda: np.asfortranarray(array),
    )
    try:
        with np.errstate(all="ignore"):
            return chance.choice(choices)()
    except (ValueError, UnicodeError):
        return np.array(0)


def of_json(content: bytes, chance: random.Random) -> bytes:
    """A JSON document with values replaced, removed, doubled or nested; now and then by its bytes."""
    if chance.random() < 0.3:
        return of_bytes(content, chance)
    document = json.loads(content)
    for _ in range(chance.choice((1, 1, 2))):
        document = _other_value(document, chance)
    return json.dumps(document).encode()


def _other_value(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        do = chance.random()
        if do < 0.15:
            return {k: v for k, v in value.items() if k != key}
        if do < 0.22:
            return {**value, chance.choice(STRINGS): value[key]}
        return {**value, key: _other_value(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        at = chance.randrange(len(value))
        do = chance.random()
        if do < 0.15:
            return value[:at] + value[at + 1 :]
        if do < 0.25:
            return [*value, value[at]]
        return [*value[:at], _other_value(value[at], chance), *value[at + 1 :]]
    nested: Any = 1
    for _ in range(chance.choice((3, 900))):
        nested = [nested]
    return chance.choice(
        (
            None,
            True,
            [],
            {},
            "",
            nested,
            chance.choice(NUMBERS),
            chance.choice(STRINGS),
            str(value),
            [value],
            {"a": value},
        )
    )


def minimised(content: bytes, shows: Callable[[bytes], bool], tries: int = 60) -> bytes:
    """A shorter input that still shows the defect, by taking away ever smaller blocks."""
    size = max(1, len(content) // 2)
    while size and tries > 0:
        at = 0
        while at < len(content) and tries > 0:
            shorter = content[:at] + content[at + size :]
            tries -= 1
            if shows(shorter):
                content = shorter
            else:
                at += size
        size //= 2
    return content

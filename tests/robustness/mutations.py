"""Spoils files at random, but not blindly: what has a checksum gets a new one, what is JSON mostly stays JSON."""

import json
import random
import struct
import zlib

# Numbers at which sizes, counts and places go wrong.
EDGES = (0, 1, 2, 7, 8, 127, 128, 255, 256, 1023, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
TEXTS = ("", " ", "\0", "..", "/", "../../x", "C:\\x", "x" * 300, "é", "e\u0301", "\u202e", "١٢٣", "NaN", "1e999", "-0")
NUMBERS = (*EDGES, -1, 0.0, -0.5, 1e-300, 1e300, 1.5, True, 10**30, 10**400)
_DEEP = "as deep as can be"  # a place holder
MOST = 65_536  # bytes that a spoilt file may have


def damaged(random_: random.Random, data: bytes, other: bytes = b"") -> bytes:
    """One to four wounds: bytes changed, lost, doubled, moved in from another file; or bytes that mean nothing.

    Args:
      random_: decides.
      data: a good file.
      other: another good one, of which pieces may be taken.
    """
    if random_.random() < 0.02:
        return random_.randbytes(random_.randrange(200))
    spoilt = bytearray(data)
    for _ in range(random_.randint(1, 4)):
        _WOUNDS[random_.randrange(len(_WOUNDS))](random_, spoilt, other)
    return bytes(spoilt[:MOST])


def _flip(random_: random.Random, data: bytearray, _: bytes) -> None:
    if data:
        data[min(_place(random_, data), len(data) - 1)] ^= 1 << random_.randrange(8)


def _set(random_: random.Random, data: bytearray, _: bytes) -> None:
    """Write a number at which things go wrong, in 1, 2, 4 or 8 bytes of either order."""
    size = random_.choice((1, 2, 4, 8))
    place, order = _place(random_, data), random_.choice(("big", "little"))
    data[place : place + size] = (random_.choice(EDGES) % 256**size).to_bytes(size, order)


def _cut(random_: random.Random, data: bytearray, _: bytes) -> None:
    del data[_place(random_, data) :]


def _lose(random_: random.Random, data: bytearray, _: bytes) -> None:
    place = _place(random_, data)
    del data[place : place + random_.randint(1, 32)]


def _double(random_: random.Random, data: bytearray, _: bytes) -> None:
    place = _place(random_, data)
    data[place:place] = data[place : place + random_.randint(1, 64)] * random_.choice((1, 1, 2, 40))


def _splice(random_: random.Random, data: bytearray, other: bytes) -> None:
    start = random_.randrange(len(other) + 1)
    piece = other[start : start + random_.randint(1, 200)]
    place = _place(random_, data)
    data[place : place + (len(piece) if random_.random() < 0.5 else 0)] = piece


def _noise(random_: random.Random, data: bytearray, _: bytes) -> None:
    place = _place(random_, data)
    data[place : place + 8] = random_.randbytes(random_.randint(1, 8))


_WOUNDS = (_flip, _flip, _set, _set, _set, _cut, _lose, _double, _splice, _noise)


def _place(random_: random.Random, data: bytearray) -> int:
    """A place in a file, as often near one of its ends, where headers and directories are, as anywhere."""
    where = random_.random()
    near = min(len(data), 128)
    if where < 0.35:
        return random_.randrange(near + 1)
    if where < 0.6:
        return len(data) - random_.randrange(near + 1)
    return random_.randrange(len(data) + 1)


def png(random_: random.Random, data: bytes, other: bytes = b"") -> bytes:
    """A spoilt PNG; of three two with good checksums, so that the wound comes to the decoder's knowledge."""
    spoilt = damaged(random_, data, other)
    return spoilt if random_.random() < 0.33 else png_sealed(spoilt)


def png_sealed(data: bytes) -> bytes:
    """The same PNG with the checksums that its chunks should have."""
    place, sealed = 8, bytearray(data)
    while place + 12 <= len(sealed):
        end = place + 8 + int.from_bytes(sealed[place : place + 4], "big")
        if end + 4 > len(sealed):
            break
        sealed[end : end + 4] = struct.pack(">I", zlib.crc32(sealed[place + 4 : end]))
        place = end + 4
    return bytes(sealed)


def json_document(random_: random.Random, data: bytes, other: bytes = b"") -> bytes:
    """A spoilt JSON document: of four three still are JSON, with other values, keys or depths than they should have."""
    if random_.random() < 0.25:
        return damaged(random_, data, other)
    document = json.loads(data)
    for _ in range(random_.randint(1, 3)):
        document = _other_value(random_, document)
    words = json.dumps(document, ensure_ascii=random_.random() < 0.5)
    depth = random_.choice((30, 900, 1100, 20_000))
    words = words.replace(f'"{_DEEP}"', "[" * depth + "1" + "]" * depth)  # deeper than json.dumps could write it
    return words.encode("utf-8", "surrogatepass")[:MOST]


def _other_value(random_: random.Random, value: object) -> object:
    """The same document with something in it replaced, renamed, removed or added."""
    if isinstance(value, dict) and value and random_.random() < 0.85:
        key = random_.choice(list(value))
        action = random_.random()
        if action < 0.1:
            return {k: v for k, v in value.items() if k != key}
        if action < 0.2:
            return {text(random_, k) if k == key else k: v for k, v in value.items()}
        return {**value, key: _other_value(random_, value[key])}
    if isinstance(value, list) and value and random_.random() < 0.7:
        place = random_.randrange(len(value))
        changed = [] if random_.random() < 0.1 else [_other_value(random_, value[place])]
        return value[:place] + changed + value[place + random_.randrange(2) :]
    return _any_value(random_, value)


def _any_value(random_: random.Random, value: object) -> object:
    nested = ([value], {"a": value}, [[value]])[random_.randrange(3)]
    kinds: tuple[object, ...] = (
        None,
        random_.choice(NUMBERS),
        random_.choice(NUMBERS),
        text(random_, value),
        nested,
        [],
        {},
    )
    special = (float("nan"), float("inf"), [value] * 50, str(value), "9" * 5000, 10**4200, _DEEP)
    return random_.choice(kinds if random_.random() < 0.8 else special)


def text(random_: random.Random, value: object = "") -> str:
    """A text that programs trip over, or one that is nearly the given one."""
    if random_.random() < 0.5:
        return random_.choice(TEXTS)
    letters = list(str(value)[:200])
    letters.insert(
        random_.randrange(len(letters) + 1), chr(random_.choice((0, 9, 10, 32, 46, 47, 95, 233, 0x661, 0x1F600)))
    )
    return "".join(letters)

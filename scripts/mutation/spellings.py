"""Mutations of a bundle's bytes: what a broken disk or a clumsy forger does to the file itself."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Mapping
from random import Random

Spelling = Callable[[bytes, Random], bytes]


def _bit_flipped(data: bytes, rng: Random) -> bytes:
    made = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 8])):
        made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
    return bytes(made)


def _byte_changed(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([rng.choice(b'0123456789abcdefABCDEF"{}[]:,-_ \\\x00\xff')]) + data[at + 1 :]


def _bytes_dropped(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.choice([1, 1, 2, 64, 1000]) :]


def _bytes_inserted(data: bytes, rng: Random) -> bytes:
    at = rng.choice([0, len(data), rng.randrange(len(data))])
    odd = [b"0", b"\x00", b" ", b"\n", b"\xef\xbb\xbf", b"\\u0000", b"[" * 2000, b"null,"]
    new = rng.choice([*odd, data[at : at + 40] or b"}"])
    return data[:at] + new + data[at:]


def _cut_off(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data))]


def _slices_exchanged(data: bytes, rng: Random) -> bytes:
    a, b, c = sorted(rng.randrange(len(data) + 1) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _spelled_otherwise(data: bytes, rng: Random) -> bytes:
    """The same values in JSON that is not canonical."""
    text = data.decode()
    how = rng.randrange(7)
    if how == 0:
        return json.dumps(json.loads(text), indent=rng.choice([None, 1]), ensure_ascii=False).encode()
    if how == 1:
        value = json.loads(text)
        names = list(value)
        rng.shuffle(names)
        return json.dumps({name: value[name] for name in names}, separators=(",", ":"), ensure_ascii=False).encode()
    if how == 2:
        return _one_of(text, r"(?<=[:,\[])\d+(?=[,}\]])", rng, lambda number: number + rng.choice([".0", "e0", "E+0"]))
    if how == 3:
        return _one_of(text, r"(?<=[:,\[])\d+(?=[,}\]])", rng, lambda number: rng.choice(["-0", "0", "00"]) + number)
    if how == 4:
        return _one_of(text, r"[a-z](?=[^\"]*\":)", rng, lambda letter: f"\\u{ord(letter):04x}")
    if how == 5:  # a member twice
        return _one_of(text, r'"[A-Za-z]+":(\d+|"[^"]*"|null)', rng, lambda member: f"{member},{member}")
    return _one_of(text, r"0x[0-9a-f]*[a-f][0-9a-f]*", rng, lambda number: "0x" + number[2:].upper())


def _one_of(text: str, pattern: str, rng: Random, change: Callable[[str], str]) -> bytes:
    found = list(re.finditer(pattern, text))
    if not found:
        return text.encode() + b" "
    match = rng.choice(found)
    return (text[: match.start()] + change(match[0]) + text[match.end() :]).encode()


def _compressed(data: bytes, rng: Random) -> bytes:
    """The file, or a mutation of it, as gzip, perhaps damaged."""
    other = rng.choice([data, _bit_flipped(data, rng), _bytes_inserted(data, rng)])
    packed = gzip.compress(other, rng.choice([0, 1, 9]), mtime=rng.choice([0, 1]))
    damage = rng.choice([_bit_flipped, _byte_changed, _bytes_dropped, _bytes_inserted, _cut_off, None])
    if damage is None:
        return rng.choice([packed, packed + packed, gzip.compress(packed)])
    return damage(packed, rng)


SPELLINGS: Mapping[str, Spelling] = {
    "bits flipped": _bit_flipped,
    "a byte changed": _byte_changed,
    "bytes dropped": _bytes_dropped,
    "bytes inserted": _bytes_inserted,
    "cut off": _cut_off,
    "slices exchanged": _slices_exchanged,
    "spelled otherwise": _spelled_otherwise,
    "compressed": _compressed,
}

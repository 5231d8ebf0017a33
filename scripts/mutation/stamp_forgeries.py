"""Forgeries of the time-stamps that a bundle carries, and what may be left of them in what is accepted."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from independent.primitives import Refused, unhex
from independent.stamps import SEQUENCE, TST_INFO, check, first
from mutation.values import NothingToDoError, pick
from protocol.stamping import MAKER
from timestamp.maker import HASHES, Maker

ANOTHER = Maker("Another Authority")


def _stamped(value: Any) -> list[Any]:
    return [append for append in value["appends"] if "stamp" in append]


def _stamp(value: Any, rng: Random) -> Any:
    return pick(rng, _stamped(value))["stamp"]


def token_changed(value: Any, rng: Random, base: Any) -> None:
    """A bit turned, a byte added or taken away, anywhere in it."""
    stamp = _stamp(value, rng)
    token = bytearray(unhex(stamp["token"]))
    at = pick(rng, range(len(token)))
    how = rng.randrange(4)
    if how <= 1:
        token[at] ^= 1 << rng.randrange(8)
    elif how == 2:
        token.insert(at, rng.randrange(256))
    else:
        del token[at : rng.choice([at + 1, len(token)])]
    stamp["token"] = "0x" + token.hex()


def token_of_something_else(value: Any, rng: Random, base: Any) -> None:
    """By the authority that the reader may trust, or by another, of another root, by any hash, granted or not."""
    maker, algorithm = rng.choice([MAKER, ANOTHER]), rng.choice([*HASHES, "sha1"])
    token = maker.token(rng.randbytes(32), rng.randrange(2**31), algorithm, status=rng.choice([0, 0, 0, 1, 2]))
    _stamp(value, rng)["token"] = "0x" + token.hex()


def token_by_another(value: Any, rng: Random, base: Any) -> None:
    """Of the right root, by an authority that the reader does not know, or of no date that a certificate covers."""
    stamp = _stamp(value, rng)
    old = unhex(stamp["token"])
    digest = next((old[at + 2 : at + 34] for at in range(len(old)) if old[at : at + 2] == b"\x04\x20"), None)
    if digest is None:
        raise NothingToDoError
    maker, at = rng.choice([(ANOTHER, 1_700_000_000), (MAKER, 1_000_000_000), (MAKER, 5_000_000_000)])
    stamp["token"] = "0x" + maker.answer(digest, at, HASHES["sha256"]).hex()


def path_changed(value: Any, rng: Random, base: Any) -> None:
    path = _stamp(value, rng)["proof"]
    node = "0x" + rng.randbytes(32).hex()
    how = rng.randrange(3)
    if how == 0 or not path:
        path.insert(rng.randrange(len(path) + 1), node)
    elif how == 1:
        del path[rng.randrange(len(path))]
    else:
        path[rng.randrange(len(path))] = node


def stamps_exchanged(value: Any, rng: Random, base: Any) -> None:
    one, other = pick(rng, _stamped(value)), pick(rng, value["appends"])
    moved = copy.deepcopy(one["stamp"])
    if "stamp" in other:
        one["stamp"] = other["stamp"]
    elif rng.random() < 0.5:
        del one["stamp"]
    other["stamp"] = moved


def stamp_left_out(value: Any, rng: Random, base: Any) -> None:
    del pick(rng, _stamped(value))["stamp"]


ON_STAMPS: Mapping[str, Callable[[Any, Random, Any], None]] = {
    "a time-stamp changed": token_changed,
    "a time-stamp of something else": token_of_something_else,
    "a time-stamp by another": token_by_another,
    "a time-stamp's path changed": path_changed,
    "time-stamps exchanged": stamps_exchanged,
    "a time-stamp left out": stamp_left_out,
}


def without_stamps(value: Any) -> Any:
    """``value``, a bundle as JSON, but for its time-stamps."""
    appends = [{name: each for name, each in append.items() if name != "stamp"} for append in value["appends"]]
    return {**value, "appends": appends}


def stamps_are_of(value: Any, genuine: Sequence[Any], valid: int) -> bool:
    """Whether each time-stamp of the bundle ``value`` is of its batch, and ``valid`` of them can be the authority's.

    They can where what they say is what a ``genuine`` time-stamp says: how it is packed is not signed.
    """
    said = {_info(append["stamp"]["token"]) for each in genuine for append in _stamped(each)}
    known = 0
    for append in _stamped(value):
        stamp = append["stamp"]
        try:
            path = [unhex(node, 32) for node in stamp["proof"]]
            check(unhex(value["subject"]), unhex(append["root"]), append["count"], path, unhex(stamp["token"]))
        except Refused:
            return False
        known += _info(stamp["token"]) in said
    return valid <= known


def _info(token: str) -> bytes:
    """What the authority signed."""
    behind = unhex(token).partition(bytes.fromhex("060b" + TST_INFO))[2]
    return first(first(first(behind, 0xA0), 0x04), SEQUENCE)

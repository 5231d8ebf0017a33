"""Forgeries of what proves a history: header, trie nodes, keys, names, report, and the whole of it retold."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from random import Random
from typing import Any

import orjson
import rlp

from mutation.bases import Base
from mutation.forgeries import (
    ACTORS,
    ON_HISTORY,
    Forgery,
    disclosure_altered,
    entry_dropped,
    evidence_signed_anew,
    raw,
    standing_changed,
)
from mutation.stamp_forgeries import ON_STAMPS
from mutation.values import pick, places
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.signing import sign
from tallystick.protocol.types import to_hex


def header_changed(value: Any, rng: Random, base: Base) -> None:
    """A field of the header, perhaps with the hash, number and time that go with it."""
    fields = rlp.decode(raw(value["proof"]["header"]))
    at = rng.choice([3, 8, 11, rng.randrange(len(fields))])
    fields[at] = rng.choice([b"", b"\x00", b"\x01", rng.randbytes(len(fields[at]) or 1), rng.randbytes(33), fields[0]])
    if rng.random() < 0.2:
        fields = fields[: rng.randrange(len(fields))]
    header = rlp.encode(fields)
    value["proof"]["header"] = to_hex(header)
    if rng.random() < 0.5:
        value["asOf"]["blockHash"] = to_hex(keccak256(header))
        if len(fields) > 11 and rng.random() < 0.7:
            value["asOf"]["blockNumber"] = int.from_bytes(fields[8], "big")
            value["asOf"]["timestamp"] = int.from_bytes(fields[11], "big")


def node_changed(value: Any, rng: Random, base: Base) -> None:
    """A trie node altered, dropped, repeated, added or out of place."""
    nodes = [raw(node) for node in value["proof"]["nodes"]]
    at, how = rng.randrange(len(nodes)), rng.randrange(5)
    if how == 0:
        bits = bytearray(nodes[at])
        bits[rng.randrange(len(bits))] ^= 1 << rng.randrange(8)
        nodes[at] = bytes(bits)
    elif how == 1:
        del nodes[at]
    elif how == 2:
        nodes.insert(rng.randrange(len(nodes)), nodes[at])
    elif how == 3:
        other = pick(rng, [each for each in [*base.others, *base.retold] if each["proof"]])["proof"]["nodes"]
        odd = [b"\xc2\x80\x80", b"", bytes(1025), rlp.encode([b"\x20", b"\x01"])]
        nodes.append(rng.choice([*odd, raw(rng.choice(other))]))
    else:
        rng.shuffle(nodes)
    if how < 4 and rng.random() < 0.8:
        nodes.sort(key=keccak256)
    value["proof"]["nodes"] = [to_hex(node) for node in nodes]


def proof_of_another_block(value: Any, rng: Random, base: Base) -> None:
    """A genuine proof of another block, chain or ledger, perhaps with its ``asOf``."""
    other = pick(rng, [*base.others, *base.retold])
    value["proof"] = copy.deepcopy(other["proof"])
    if rng.random() < 0.5:
        value["asOf"] = dict(other["asOf"])
    elif rng.random() < 0.5 and value["proof"]:
        value["proof"]["header"] = orjson.loads(base.data)["proof"]["header"]


def proof_left_out(value: Any, rng: Random, base: Base) -> None:
    """And something else besides, which must be found all the same."""
    value["proof"] = None
    also: list[Forgery] = [standing_changed, disclosure_altered, entry_dropped, evidence_signed_anew]
    if rng.random() < 0.8:
        rng.choice(also)(value, rng, base)


def window_changed(value: Any, rng: Random, base: Base) -> None:
    window = pick(rng, value["signers"])
    how = rng.randrange(4)
    if how == 0:
        window["revokedAt"] += rng.choice([1, -window["revokedAt"] or 2])
    elif how == 1:
        window["addedAt"] = rng.choice([each for each in (0, 1, 2**53 - 1) if each != window["addedAt"]])
    elif how == 2:
        window["signer"] = to_hex(rng.choice(ACTORS).address)
    else:
        value["signers"].remove(window)
    value["signers"].sort(key=lambda each: (each["party"], each["signer"]))


def window_added(value: Any, rng: Random, base: Base) -> None:
    who, party = rng.choice(ACTORS), rng.choice(ACTORS).party
    value["signers"].append({"party": to_hex(party), "signer": to_hex(who.address), "addedAt": 0, "revokedAt": 0})
    value["signers"].sort(key=lambda each: (each["party"], each["signer"]))


def binding_changed(value: Any, rng: Random, base: Base) -> None:
    binding = pick(rng, value["bindings"])
    how = rng.randrange(5)
    if how == 0:
        binding[rng.choice(["scheme", "identifier", "name"])] += rng.choice(["x", "\u00e9", " "])
    elif how == 1:
        binding["party"] = to_hex(rng.choice(ACTORS).party)
    elif how == 2:
        binding["signature"] = to_hex(sign(rng.randbytes(32), rng.choice(ACTORS).key))
    elif how == 3:
        value["bindings"].append(copy.deepcopy(binding))
    else:
        value["bindings"] = [copy.deepcopy(pick(rng, base.others[0]["bindings"]))]
        value["bindings"][0]["issuedAt"] += 1


def report_altered(value: Any, rng: Random, base: Base) -> None:
    how = rng.randrange(4)
    at, key = pick(rng, places(value["report"]))
    if how == 0:
        at[key] = rng.choice([0, "0", None, "99.0000", [], {}])
    elif how == 1:
        value["report"] = copy.deepcopy(pick(rng, [*base.others, *base.retold])["report"])
    elif how == 2:
        del at[key]
    else:
        value["report"]["note"] = "all is well"


def member_of_another(value: Any, rng: Random, base: Base) -> None:
    name = rng.choice([name for name in value if name != "format"])
    value[name] = copy.deepcopy(pick(rng, [*base.others, *base.retold])[name])


def retold(value: Any, rng: Random, base: Base) -> None:
    """This history told otherwise and made to fit, all of it or some members, the block perhaps as it was."""
    other = copy.deepcopy(pick(rng, base.retold))
    kept = rng.choice([[], ["asOf"], ["asOf", "proof"], ["asOf", "proof", "signers", "bindings"], None])
    if kept is None:
        kept = rng.sample(list(value), rng.randrange(1, len(value)))
    for name in list(value):
        if name not in kept:
            value[name] = other[name]


FORGERIES: Mapping[str, Forgery] = {
    **ON_HISTORY,
    "the header changed": header_changed,
    "a trie node changed": node_changed,
    "another block's proof": proof_of_another_block,
    "the proof left out": proof_left_out,
    "a window changed": window_changed,
    "a window added": window_added,
    "a binding changed": binding_changed,
    "the report altered": report_altered,
    "a member of another bundle": member_of_another,
    "the history retold": retold,
    **ON_STAMPS,
}

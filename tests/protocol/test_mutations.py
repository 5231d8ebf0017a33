"""Mutations: whatever is done to a valid file, it never verifies unless nothing was done, and nothing ever raises.

A holder may choose what to show: which fields, and which of several names. So the file mutated here shows every field
and names one party; choosing is no forgery, and has its own tests.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from protocol.world import CODE_HASHES, actor, simple_report, story
from tallystick.protocol.bundle import format_bundle
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.verdict import Outcome, Trust, Verdict
from tallystick.protocol.verify import verify

WORLD, SUPPLIER = story()
GOOD = WORLD.bundle(SUPPLIER.party, bindings=[WORLD.binding(SUPPLIER)])
DATA = format_bundle(GOOD)
VALUE = orjson.loads(DATA)
OTHER = orjson.loads(format_bundle(WORLD.bundle(actor("buyer").party)))

BYTE_MUTATIONS, VALUE_MUTATIONS = 4_000, 6_000

Random = random.Random
Place = tuple[Any, Any]


def check(data: bytes) -> Verdict:
    """The verdict of a reader who trusts the good bundle's block and ledger."""
    return verify(data, Trust(CODE_HASHES, GOOD.as_of.hash, GOOD.ledger), derive=simple_report)


def places(value: Any) -> list[Place]:
    """Every (container, key) in ``value``."""
    found: list[Place] = []
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    for key in keys:
        found.append((value, key))
        found += places(value[key])
    return found


def of_type(value: Any, kind: type) -> list[Place]:
    return [(at, key) for at, key in places(value) if type(at[key]) is kind]


def drop_item(value: Any, rng: Random) -> None:
    items = rng.choice([at[key] for at, key in of_type(value, list) if at[key]])
    del items[rng.randrange(len(items))]


def duplicate_item(value: Any, rng: Random) -> None:
    items = rng.choice([at[key] for at, key in of_type(value, list) if at[key]])
    items.insert(rng.randrange(len(items) + 1), copy.deepcopy(rng.choice(items)))


def swap_items(value: Any, rng: Random) -> None:
    items = rng.choice([at[key] for at, key in of_type(value, list) if len(at[key]) > 1])
    i, j = rng.sample(range(len(items)), 2)
    items[i], items[j] = items[j], items[i]


def swap_between_batches(value: Any, rng: Random) -> None:
    first, second = rng.sample(value["appends"], 2)
    i, j = rng.randrange(len(first["entries"])), rng.randrange(len(second["entries"]))
    first["entries"][i], second["entries"][j] = second["entries"][j], first["entries"][i]


def move_between_batches(value: Any, rng: Random) -> None:
    first, second = rng.sample([append for append in value["appends"] if append["count"] > 1], 2)
    second["entries"].append(first["entries"].pop())
    first["count"] -= 1
    second["count"] += 1


def change_number(value: Any, rng: Random) -> None:
    at, key = rng.choice(of_type(value, int))
    at[key] = rng.choice([0, 1, at[key] - 1, at[key] + 1, at[key] * 2, 2**53 - 1, rng.randrange(2**40)])


def change_hex_digit(value: Any, rng: Random) -> None:
    at, key = rng.choice([place for place in of_type(value, str) if place[0][place[1]][:2] == "0x"])
    text = at[key]
    if len(text) > 2:
        i = rng.randrange(2, len(text))
        at[key] = text[:i] + rng.choice("0123456789abcdef") + text[i + 1 :]


def change_character(value: Any, rng: Random) -> None:
    at, key = rng.choice(of_type(value, str))
    i = rng.randrange(len(at[key]) + 1)
    at[key] = at[key][:i] + rng.choice(["", "A", "-", "é", "?", "="]) + at[key][i + 1 :]


def resize_text(value: Any, rng: Random) -> None:
    at, key = rng.choice(of_type(value, str))
    at[key] = rng.choice([at[key][:-2], at[key] + "00", "", "0x"])


def exchange_values(value: Any, rng: Random) -> None:
    (at, key), (other, name) = rng.sample(places(value), 2)
    at[key] = copy.deepcopy(other[name])


def take_from_another_bundle(value: Any, rng: Random) -> None:
    """Another genuine bundle of the same block: everything in it was really signed and anchored."""
    name = rng.choice([name for name in value if name != "format"])
    if isinstance(value[name], list) and value[name] and OTHER[name]:
        value[name][rng.randrange(len(value[name]))] = copy.deepcopy(rng.choice(OTHER[name]))
    else:
        value[name] = copy.deepcopy(OTHER[name])


def change_type(value: Any, rng: Random) -> None:
    at, key = rng.choice(places(value))
    at[key] = rng.choice([None, True, False, 0, "", [], {}, [at[key]], str(at[key]), 1.5])


def change_members(value: Any, rng: Random) -> None:
    at, key = rng.choice([place for place in places(value) if isinstance(place[0], dict)])
    if rng.random() < 0.5:
        del at[key]
    else:
        at[rng.choice(["standing", "note", "count", "proof", "entries"])] = rng.choice([None, "foreign", 1, at[key]])


def withhold(value: Any, rng: Random) -> None:
    rng.choice(value["appends"])["entries"] = None


VALUE_CHANGES: list[Callable[[Any, Random], None]] = [
    drop_item,
    duplicate_item,
    swap_items,
    swap_between_batches,
    move_between_batches,
    change_number,
    change_hex_digit,
    change_character,
    resize_text,
    exchange_values,
    take_from_another_bundle,
    change_type,
    change_members,
    withhold,
]


@pytest.mark.parametrize("seed", range(5))
def test_no_flipped_dropped_or_added_byte_passes(seed: int) -> None:
    rng = Random(seed)
    for _ in range(BYTE_MUTATIONS // 5):
        data = bytearray(DATA)
        for _ in range(rng.choice([1, 1, 1, 2, 5])):
            at = rng.randrange(len(data))
            how = rng.randrange(4)
            if how == 0:
                data[at] ^= 1 << rng.randrange(8)
            elif how == 1:
                data[at] = rng.choice(b'0123456789abcdef"{}[]:,-_ \\')
            elif how == 2:
                del data[at : at + rng.choice([1, 1, 64])]
            else:
                data[at:at] = rng.choice([b"0", b"\x00", b" ", b"\\u0000", bytes(data[at : at + 40])])
        verdict = check(bytes(data))
        assert verdict.outcome is not Outcome.VALID or bytes(data) == DATA


@pytest.mark.parametrize("change", VALUE_CHANGES, ids=lambda change: change.__name__)
def test_no_changed_value_passes(change: Callable[[Any, Random], None]) -> None:
    rng = Random(change.__name__)
    outcomes = set()
    for _ in range(VALUE_MUTATIONS // len(VALUE_CHANGES)):
        value = copy.deepcopy(VALUE)
        for _ in range(rng.choice([1, 1, 2])):
            change(value, rng)
        data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        verdict = check(data)
        outcomes.add(verdict.outcome)
        assert verdict.outcome is not Outcome.VALID or data == DATA, (verdict.message, data)
    assert outcomes - {Outcome.VALID}, "the mutations do something"


def test_the_file_that_is_mutated_is_valid() -> None:
    assert check(DATA).outcome is Outcome.VALID


def test_a_forger_who_chooses_the_block_hash_gets_no_exception_either() -> None:
    """Without a trusted hash the header and the trie nodes are the forger's own, down to the last byte."""
    rng = Random("own block")
    for _ in range(300):
        value = copy.deepcopy(VALUE)
        header = bytearray.fromhex(value["proof"]["header"][2:])
        for _ in range(rng.choice([1, 3])):
            header[rng.randrange(len(header))] = rng.randrange(256)
        value["proof"]["header"] = "0x" + header.hex()
        value["asOf"]["blockHash"] = "0x" + keccak256(bytes(header)).hex()
        data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        verdict = verify(data, Trust(CODE_HASHES), derive=simple_report)
        assert verdict.outcome is not Outcome.VALID

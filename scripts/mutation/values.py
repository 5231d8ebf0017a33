"""Mutations of any value of a bundle, whatever it means; the result is written canonically."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

Place = tuple[Any, Any]


class NothingToDoError(Exception):
    """The bundle has nothing that this mutation could change."""


def pick(rng: Random, items: Sequence[Any]) -> Any:
    if not items:
        raise NothingToDoError
    return rng.choice(items)


def places(value: Any) -> list[Place]:
    """Every (container, key) in ``value``."""
    found: list[Place] = []
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    for key in keys:
        found.append((value, key))
        found += places(value[key])
    return found


def _of_type(value: Any, kind: type) -> list[Place]:
    return [(at, key) for at, key in places(value) if type(at[key]) is kind]


def _lists(value: Any, least: int) -> list[Any]:
    return [at[key] for at, key in _of_type(value, list) if len(at[key]) >= least]


def item_dropped(value: Any, rng: Random) -> None:
    items = pick(rng, _lists(value, 1))
    del items[rng.randrange(len(items))]


def item_repeated(value: Any, rng: Random) -> None:
    items = pick(rng, _lists(value, 1))
    items.insert(rng.randrange(len(items) + 1), copy.deepcopy(rng.choice(items)))


def items_swapped(value: Any, rng: Random) -> None:
    items = pick(rng, _lists(value, 2))
    i, j = rng.sample(range(len(items)), 2)
    items[i], items[j] = items[j], items[i]


def number_changed(value: Any, rng: Random) -> None:
    at, key = pick(rng, _of_type(value, int))
    near = [at[key] - 1, at[key] + 1, at[key] * 2, at[key] ^ 1 << rng.randrange(54)]
    at[key] = rng.choice([0, 1, *near, 2**32, 2**53 - 1, 2**53, 2**64 - 1, -1, rng.randrange(2**40)])


def hex_changed(value: Any, rng: Random) -> None:
    at, key = pick(rng, [(at, key) for at, key in _of_type(value, str) if at[key][:2] == "0x" and len(at[key]) > 2])
    text = at[key]
    i = rng.randrange(2, len(text))
    other = text[:i] + rng.choice("0123456789abcdef") + text[i + 1 :]
    at[key] = rng.choice([*[other] * 8, "0x" + "0" * (len(text) - 2), text[:-2], text + "00"])


def text_changed(value: Any, rng: Random) -> None:
    at, key = pick(rng, _of_type(value, str))
    i = rng.randrange(len(at[key]) + 1)
    new = rng.choice(["", "A", "-", "é", "?", "=", "\x00", "\U0001f600", "x" * 1001])
    at[key] = rng.choice([at[key][:i] + new + at[key][i + 1 :], "", "0x", at[key][:-2]])


def values_exchanged(value: Any, rng: Random) -> None:
    (at, key), (other, name) = rng.sample(places(value), 2)
    at[key] = copy.deepcopy(other[name])


def type_changed(value: Any, rng: Random) -> None:
    at, key = pick(rng, places(value))
    deep: Any = 0
    for _ in range(rng.choice([14, 15, 16, 17, 300])):
        deep = [deep]
    at[key] = rng.choice([None, True, False, 0, "", [], {}, [at[key]], str(at[key])[:100], 1.5, deep, {"é": 1}])


def members_changed(value: Any, rng: Random) -> None:
    at, key = pick(rng, [place for place in places(value) if isinstance(place[0], dict)])
    if rng.random() < 0.5:
        del at[key]
    else:
        name = rng.choice(["standing", "note", "count", "proof", "entries", "", "é"])
        at[name] = rng.choice([None, "foreign", 1, [], at[key]])


VALUES: Mapping[str, Callable[[Any, Random], None]] = {
    "an item dropped": item_dropped,
    "an item repeated": item_repeated,
    "items swapped": items_swapped,
    "a number changed": number_changed,
    "hex changed": hex_changed,
    "a text changed": text_changed,
    "values exchanged": values_exchanged,
    "a type changed": type_changed,
    "members changed": members_changed,
}

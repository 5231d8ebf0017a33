"""The published vectors, and how a test is made of each case."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).parents[2] / "docs" / "vectors"


def load(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def patched(value: Any, patch: list[dict[str, Any]]) -> Any:
    """RFC 6902, as far as the vectors use it."""
    value = copy.deepcopy(value)
    for change in patch:
        *way, last = change["path"].split("/")[1:]
        place = value
        for name in way:
            place = place[int(name) if isinstance(place, list) else name]
        key: Any = last if isinstance(place, dict) else len(place) if last == "-" else int(last)
        if change["op"] == "remove":
            del place[key]
        elif change["op"] == "replace":
            place[key] = change["value"]
        elif isinstance(place, dict):
            assert change["op"] == "add"
            place[key] = change["value"]
        else:
            assert change["op"] == "add"
            place.insert(key, change["value"])
    return value


def named(cases: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case["name"])

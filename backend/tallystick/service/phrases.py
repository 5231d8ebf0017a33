"""Sentences by what they say, in English and Simplified Chinese, made of the facts of the case.

Example: ``Phrases({"open": ("{amount} is open", "未结 {amount}")}).say("open", "zh", {"amount": "5.00"})``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
_NO_FACTS: Mapping[str, str] = {}


class Phrases(Generic[K]):
    """A sentence in English and one in Simplified Chinese for each key; a ``{fact}`` that is not known reads ``?``."""

    def __init__(self, table: Mapping[K, tuple[str, str]]) -> None:
        self._table = table

    def say(self, key: K, language: str = "en", facts: Mapping[str, str] = _NO_FACTS) -> str:
        """The sentence of ``key`` in ``language`` (``en`` or ``zh``), made of ``facts``."""
        return self._table[key][language == "zh"].format_map(defaultdict(lambda: "?", facts))

"""What a payer's words may mean: document numbers and creditor references, found as whole tokens of a text.

Rules:

- a number is the runs of letters and digits in it, compatibility forms and case folded: ``INV-2026/001`` is also
  ``inv 2026 001`` and ``INV2026001``, but never a piece of a longer run;
- a text names a number where its runs stand side by side, or as one run; ``47 11`` does not name ``4711``;
- a creditor reference (ISO 11649 ``RF``, Swiss 27 digits) with a right check digit also means the number within,
  leading zeros left out; a Finnish one is weak, for its check is;
- a number that could be a year, a date or any small number is weak: it needs the sum to agree.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise

MAX_RUNS = 8
"""Runs of a number that are looked for in a text; a longer one is found only where it is written as one run."""

_LINE_LENGTHS = (35, 70, 140)
"""Where banks break a text into lines, in the middle of a word too."""

_RUN = re.compile(r"[^\W_]+")
_DATE_LIKE = re.compile(
    r"(?:(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])|(?:[0-2]\d|3[01])(?:0[1-9]|1[0-2])(?:19|20)?\d\d)\Z"
)
_CARRIES = (0, 9, 4, 6, 8, 2, 7, 1, 3, 5)
_FINNISH_WEIGHTS = (7, 3, 1)


def runs(text: str) -> tuple[str, ...]:
    """The runs of letters and digits in ``text``, folded."""
    return tuple(_RUN.findall(unicodedata.normalize("NFKC", text).casefold()))


def normal(text: str) -> str:
    """``text`` as one run."""
    return "".join(runs(text))


def each_normal(texts: Iterable[str]) -> list[str]:
    """``texts`` as one run each, in order, each once."""
    return sorted({normal(text) for text in texts} - {""})


def is_weak(number: str) -> bool:
    """Whether ``number`` is so short or common that a text may hold it by chance."""
    joined = normal(number)
    digits = sum(c.isdigit() for c in joined)
    if len(joined) < 4 or digits < 2:
        return True
    return joined.isdigit() and (len(joined) < 5 or _DATE_LIKE.match(joined) is not None)


def spellings(number: str) -> Iterator[tuple[str, ...]]:
    """The runs by which a text may name the document ``number``."""
    found = runs(number)
    if found:
        yield ("".join(found),)
        if 1 < len(found) <= MAX_RUNS:
            yield found


def phrases(lines: Iterable[str]) -> set[tuple[str, ...]]:
    """Every sequence of at most MAX_RUNS runs that stand side by side in ``lines``, also across their breaks."""
    listed = list(lines)
    texts = [*listed, " ".join(listed)]
    for before, after in pairwise(listed):
        if len(before) in _LINE_LENGTHS:
            texts.append(before + after)
    found: set[tuple[str, ...]] = set()
    for text in texts:
        said = runs(text)
        for start in range(len(said)):
            for end in range(start + 1, min(start + MAX_RUNS, len(said)) + 1):
                found.add(said[start:end])
    return found


def meanings(reference: str) -> tuple[str, ...]:
    """The numbers that a creditor ``reference`` stands for: itself, and what a strong check digit shows within."""
    joined = normal(reference)
    found = [joined]
    if _is_rf(joined):
        found.append(joined[4:])
    elif len(joined) == 27 and _is_digits(joined) and _is_swiss(joined):
        found.append(joined[:-1])
    return _without_zeros(found)


def weak_meanings(reference: str) -> tuple[str, ...]:
    """The number within a Finnish ``reference``: one number in ten looks like one, so the sum has to agree."""
    joined = normal(reference)
    if _is_rf(joined):
        joined = joined[4:]
    if not (4 <= len(joined) <= 20 and _is_digits(joined) and _is_finnish(joined)):
        return ()
    return _without_zeros([joined[:-1]])


def _without_zeros(numbers: list[str]) -> tuple[str, ...]:
    stripped = [each.lstrip("0") for each in numbers if _is_digits(each)]
    return tuple(dict.fromkeys(each for each in (*numbers, *stripped) if each))


def _is_digits(joined: str) -> bool:
    return joined.isascii() and joined.isdigit()


def _is_rf(joined: str) -> bool:
    """ISO 11649: ``RF``, two check digits, up to 21 characters; mod 97 as in an IBAN."""
    if not (joined.isascii() and joined.startswith("rf") and joined[2:4].isdigit() and 5 <= len(joined) <= 25):
        return False
    return int("".join(str(int(c, 36)) for c in joined[4:] + joined[:4])) % 97 == 1


def _is_swiss(joined: str) -> bool:
    """QRR and ISR: the last digit is modulo 10, recursive."""
    carry = 0
    for digit in joined[:-1]:
        carry = _CARRIES[(carry + int(digit)) % 10]
    return (10 - carry) % 10 == int(joined[-1])


def _is_finnish(joined: str) -> bool:
    """Finnish reference: weights 7, 3, 1 from the right."""
    total = sum(int(digit) * _FINNISH_WEIGHTS[at % 3] for at, digit in enumerate(reversed(joined[:-1])))
    return (10 - total % 10) % 10 == int(joined[-1])

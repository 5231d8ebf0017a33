"""How much gas a ``seal`` takes at most, by formula, so that a node need not be asked.

Every subject is counted as new to the ledger: its head then takes 20,000 gas more than one that changes
(EIP-2929, EIP-3529). The constants are above those measured; a test compares them with the EVM.
"""

from __future__ import annotations

BASE_GAS = 100_000
GAS_PER_NEW_SUBJECT = 27_500
GAS_PER_KNOWN_SUBJECT = 7_500


def most_gas(subject_count: int) -> int:
    """An upper bound for a ``seal`` of ``subject_count`` subjects."""
    return BASE_GAS + GAS_PER_NEW_SUBJECT * subject_count


def least_gas(subject_count: int) -> int:
    """A lower bound for a ``seal`` of ``subject_count`` subjects, none of them new."""
    return GAS_PER_KNOWN_SUBJECT * subject_count

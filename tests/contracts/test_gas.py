"""What a call costs: the EVM counts gas exactly, so these limits hold on any machine.

They lie just above what `scripts/bench/gas.py` measures: zero bytes of calldata, and which of two nodes comes first,
make a gas or two of difference a subject. The first seal of an operator costs more, so each test begins with one.
"""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account

from contracts.deployment import Deployment
from contracts.reference import Append, entry_leaf, subject_leaf, tree_path, tree_root, word

ENTRIES = 10
AHEAD = 4_000_000_000
KEYS = {party: word(f"signer of {party}") for party in ("supplier", "financier", "other financier")}


def seal_gas(chain: Deployment, batch_id: int, appends: list[Append]) -> int:
    return chain.send(chain.ledger.functions.seal(batch_id, appends), chain.operator).gas_used


def batch(batch_id: int, size: int, group: str = "subject") -> list[Append]:
    return sorted((word(f"{group} {number}"), word(f"root {batch_id}/{number}"), ENTRIES) for number in range(size))


@pytest.mark.parametrize(
    ("size", "first_touch_limit", "known_limit"),
    [(1, 85_100, 68_000), (10, 312_800, 141_800), (100, 2_587_000, 877_000), (500, 12_696_000, 4_146_000)],
)
def test_a_seal_stays_within_its_gas(chain: Deployment, size: int, first_touch_limit: int, known_limit: int) -> None:
    """A batch of `size` subjects stays within the limits: 8,770 gas a known subject at 100 of them."""
    seal_gas(chain, 0, batch(0, 1, group="other subject"))
    assert seal_gas(chain, 1, batch(1, size)) <= first_touch_limit
    assert seal_gas(chain, 2, batch(2, size)) <= known_limit


def test_the_number_of_entries_does_not_matter(chain: Deployment) -> None:
    """Subjects with 255 entries cost what those with one do, but for the order of hashes: below 5 gas a subject."""
    seal_gas(chain, 0, batch(0, 1, group="other subject"))
    seal_gas(chain, 1, batch(0, 100))
    few, many = ([(subject, root, count) for subject, root, _ in batch(2, 100)] for count in (1, 255))
    assert abs(seal_gas(chain, 2, few) - seal_gas(chain, 3, many)) < 500


def test_calls_about_a_receivable_stay_within_their_gas(chain: Deployment) -> None:
    """Its life, relayed by a stranger, out of a batch of 100 subjects of ten entries each."""
    calls = chain.receivables.functions
    terms, inclusion = sealed_receivable(chain)
    name = calls.hashPledge(terms).call()
    transfer = (name, word("financier"), word("other financier"), AHEAD, word("transfer"))
    release = (name, word("other financier"), AHEAD, word("release"))
    again, other = (*terms[:-1], word("again")), (*terms[:-1], word("other"))
    back = (name, word("other financier"), word("financier"), AHEAD, word("back"))
    unpledge = calls.hashCancellation(word("supplier"), calls.hashPledge(other).call())
    stay = calls.hashCancellation(word("financier"), calls.hashTransfer(back).call())
    both, movers = ("supplier", "financier"), ("financier", "other financier")
    steps = (
        (calls.pledge(terms, inclusion, *signed(calls.hashPledge(terms), *both)), 277_500),
        (calls.transfer(transfer, *signed(calls.hashTransfer(transfer), *movers)), 115_000),
        (calls.release(release, *signed(calls.hashRelease(release), "other financier")), 82_300),
        (calls.pledge(again, inclusion, *signed(calls.hashPledge(again), *both)), 243_300),
        (calls.cancelPledge(other, word("supplier"), *signed(unpledge, "supplier")), 70_900),
        (calls.cancelTransfer(back, word("financier"), *signed(stay, "financier")), 78_800),
    )
    for call, limit in steps:
        assert chain.send(call, chain.stranger).gas_used <= limit, call.fn_name


def sealed_receivable(chain: Deployment) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Terms of a pledge between parties admitted here, and the place of its receivable in a batch sealed here."""
    for party, key in KEYS.items():
        chain.send(chain.registry.functions.admit(word(party), Account.from_key(key).address), chain.registrar)
    supplier, receivable, signatures_hash = word("supplier"), word("invoice"), word("signatures")
    others = [(supplier, i, word(f"entry {i}"), word(f"signatures {i}")) for i in range(1, ENTRIES)]
    entry_leaves = [entry_leaf(entry) for entry in [(supplier, 0, receivable, signatures_hash), *others]]
    appends = sorted([*batch(0, 99), (supplier, tree_root(entry_leaves), ENTRIES)])
    seal_gas(chain, 0, appends)
    position = next(i for i, (subject, _, _) in enumerate(appends) if subject == supplier)
    subject_path = tree_path([subject_leaf(append) for append in appends], position)
    terms = (supplier, receivable, word("fingerprint"), word("financier"), AHEAD, AHEAD, word("nonce"))
    return terms, (chain.operator, 0, 0, signatures_hash, ENTRIES, tree_path(entry_leaves, 0), subject_path)


def signed(digest: Any, *parties: str) -> list[bytes]:
    """The signatures of `parties` over what the contract says is to be signed."""
    return [Account.unsafe_sign_hash(digest.call(), KEYS[party]).signature for party in parties]

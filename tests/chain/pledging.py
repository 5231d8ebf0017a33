"""Pledging on a chain to test against: parties that are admitted, receivables that are sealed, and what is signed.

What is signed depends on the contract's address, so the same step is another authorisation on another chain. A
``Market`` gives every authorisation that was ever made on it a name of its own, by which two chains are compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from typing import Any

from chain.rigs import (
    OPERATOR,
    OTHER_OPERATOR,
    REGISTRAR,
    STRANGER,
    Actor,
    Rig,
    open_rig,
    party,
    seal,
)
from tallystick.chain.pledge_calls import CancelCall, PledgeCall, ReceivableCall, ReleaseCall, TransferCall
from tallystick.chain.records import Append, Inclusion
from tallystick.errors import TransactionFailed
from tallystick.protocol import log, merkle
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.receivable import (
    LogProof,
    PledgeTerms,
    ReleaseTerms,
    TransferTerms,
    cancellation_digest,
)
from tallystick.protocol.signing import GROUP_ORDER
from tallystick.protocol.types import ZERO32, Address, Hash, PartyId, Timestamp, to_hex

Terms = PledgeTerms | TransferTerms | ReleaseTerms


def word(label: str) -> Any:
    """A 32-byte value that is different for each ``label``, as any of the protocol's kinds of bytes."""
    return keccak256(label.encode())


NAMES = ("supplier", "other supplier", "financier", "other financier")
KEYS = {party(name): Actor(f"key of the {name}") for name in NAMES}
SECOND_KEYS = {party(name): Actor(f"second key of the {name}") for name in NAMES}
SUPPLIER, OTHER_SUPPLIER, FINANCIER, OTHER_FINANCIER = KEYS
NOBODY = PartyId(ZERO32)
INVOICE, OTHER_INVOICE, LATE_INVOICE, ABSENT_INVOICE = map(word, ("invoice", "other invoice", "late invoice", "absent"))
FINGERPRINT, OTHER_FINGERPRINT = word("fingerprint"), word("other fingerprint")
RECEIVABLES = (INVOICE, OTHER_INVOICE, LATE_INVOICE, ABSENT_INVOICE)
FINGERPRINTS = (FINGERPRINT, OTHER_FINGERPRINT)

_SHARED = {*KEYS, *RECEIVABLES, *FINGERPRINTS, NOBODY} | {
    actor.address for actor in (*KEYS.values(), *SECOND_KEYS.values(), OPERATOR, OTHER_OPERATOR, STRANGER, REGISTRAR)
}
_HEX = re.compile(r"0x[0-9a-f]{40,64}")


@dataclass(frozen=True)
class Batch:
    """A sealed batch: its operator and number, and the entries (evidence id, signatures) of each log it touches."""

    operator: Address
    batch_id: int
    logs: dict[PartyId, list[tuple[Any, bytes]]]

    @property
    def appends(self) -> list[Append]:
        return [
            Append(subject, log.subject_root(subject, entries), len(entries))
            for subject, entries in sorted(self.logs.items())
        ]

    def prove(self, subject: PartyId, receivable: bytes) -> LogProof:
        """Where ``receivable`` stands in the log of ``subject``; if it does not, where the first entry stands."""
        subject = subject if subject in self.logs else SUPPLIER
        entries = self.logs[subject]
        index = next((i for i, (evidence_id, _) in enumerate(entries) if evidence_id == receivable), 0)
        leaves = [log.entry_leaf(subject, i, *entry) for i, entry in enumerate(entries)]
        subjects = [log.append_leaf(item.subject, item.root, item.count) for item in self.appends]
        return LogProof(
            self.operator,
            self.batch_id,
            index,
            log.signatures_hash(subject, entries[index][1]),
            len(entries),
            merkle.prove(leaves, index),
            merkle.prove(subjects, sorted(self.logs).index(subject)),
        )


def entries(*evidence_ids: bytes) -> list[tuple[Any, bytes]]:
    return [(evidence_id, evidence_id * 2 + b"\x1b") for evidence_id in evidence_ids]


FIRST_LOGS = {
    SUPPLIER: entries(word("contract"), INVOICE, OTHER_INVOICE),
    OTHER_SUPPLIER: entries(INVOICE),
    FINANCIER: entries(word("contract"), word("payment")),
}
LATER_LOGS = {SUPPLIER: entries(LATE_INVOICE, word("delivery")), OTHER_FINANCIER: entries(word("delivery"))}


@dataclass
class Market:
    """A rig on which the parties are admitted and the first batch is sealed.

    It remembers all terms that were ever signed on it, and the names of the pledges ``made``.
    """

    rig: Rig
    batches: list[Batch] = field(default_factory=list)
    pledges: list[PledgeTerms] = field(default_factory=list)
    transfers: list[TransferTerms] = field(default_factory=list)
    made: list[Hash] = field(default_factory=list)
    names: dict[bytes, str] = field(default_factory=dict)

    def open(self) -> None:
        members = [(member, actor.address) for member, actor in KEYS.items()]
        self.rig.chain.admit(REGISTRAR.address, REGISTRAR.sign, members)
        self.seal(OPERATOR, FIRST_LOGS)

    def seal(self, operator: Actor, logs: dict[PartyId, list[tuple[Any, bytes]]]) -> None:
        batch = Batch(operator.address, self.rig.chain.next_batch(operator.address, None), logs)
        seal(self.rig.chain, operator, batch.appends)
        self.batches.append(batch)

    def digest(self, terms: Terms) -> Hash:
        """What is signed under ``terms`` here; known by its number from now on."""
        digest = terms.digest(self.rig.chain.deployment.receivables_domain)
        self.names.setdefault(digest, f"{type(terms).__name__} {len(self.names)}")
        return digest

    def cancellation(self, terms: PledgeTerms | TransferTerms, member: PartyId) -> bytes:
        return cancellation_digest(self.rig.chain.deployment.receivables_domain, member, self.digest(terms))

    def relay(self, call: ReceivableCall) -> Inclusion:
        inclusion = self.rig.chain.change_receivable(STRANGER.address, STRANGER.sign, call)
        assert inclusion.succeeded
        return inclusion

    def outcome(self, step: Callable[[Market], object], at: Timestamp) -> str:
        """ "done", or the sentence that says why not, without the purpose before it, with the names of this market."""
        self.rig.set_next_timestamp(at)
        try:
            step(self)
        except TransactionFailed as error:
            return _HEX.sub(
                lambda match: str(self.named(bytes.fromhex(match[0][2:]))), error.message.rpartition(": ")[2]
            )
        return "done"

    def named(self, value: object) -> object:
        """``value`` as it is told of every chain alike: an authorisation by its name, a stray account as such."""
        if not isinstance(value, bytes) or value in _SHARED:
            return to_hex(value) if isinstance(value, bytes) else value
        return self.names.get(value, f"another value of {len(value)} bytes")

    def observed(self) -> object:
        """All that a reader can see of the register, without block numbers and hashes."""
        chain = self.rig.chain
        final = chain.final_block()
        changes = chain.pledge_changes(0, final.number)
        for receivable in RECEIVABLES:
            own = [change for change in changes if change.event.receivable == receivable]
            assert chain.pledge_changes(0, final.number, receivable=receivable) == own
        return (
            {name: chain.pledge(Hash(digest), final) for digest, name in self.names.items()},
            [
                self.named(chain.last_pledge(supplier, receivable, final))
                for supplier in KEYS
                for receivable in RECEIVABLES
            ],
            [
                self.named(chain.last_pledge_of_fingerprint(supplier, fingerprint, final))
                for supplier in KEYS
                for fingerprint in FINGERPRINTS
            ],
            [
                (type(change.event).__name__, [*map(self.named, astuple(change.event))], change.block.timestamp)
                for change in changes
            ],
        )

    # signing

    def pledge(self, terms: PledgeTerms, proof: LogProof, *signers: Actor) -> PledgeCall:
        """The call that pledges under ``terms``, signed by the first keys of both, or by ``signers``."""
        first, second = signers or (KEYS[terms.supplier], KEYS[terms.financier])
        digest = self.digest(terms)
        self.pledges.append(terms)
        return PledgeCall(terms, proof, first.sign(digest), second.sign(digest))

    def transfer(self, terms: TransferTerms, *signers: Actor) -> TransferCall:
        first, second = signers or (KEYS[terms.giver], KEYS[terms.taker])
        digest = self.digest(terms)
        self.transfers.append(terms)
        return TransferCall(terms, first.sign(digest), second.sign(digest))

    def release(self, terms: ReleaseTerms, *signers: Actor) -> ReleaseCall:
        (signer,) = signers or (KEYS[terms.financier],)
        return ReleaseCall(terms, signer.sign(self.digest(terms)))

    def cancel(self, terms: PledgeTerms | TransferTerms, member: PartyId, *signers: Actor) -> CancelCall:
        (signer,) = signers or (KEYS[member],)
        return CancelCall(terms, member, signer.sign(self.cancellation(terms, member)))


@contextmanager
def open_market(kind: str) -> Iterator[Market]:
    """A market on a fresh rig of ``kind``, on which the parties are admitted and the first batch is sealed."""
    with open_rig(kind) as rig:
        market = Market(rig)
        market.open()
        yield market


def high_s(signature: bytes) -> bytes:
    """The other signature of the same key over the same digest, which every elliptic curve has."""
    s = GROUP_ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


MISSPELLINGS: Sequence[Callable[[bytes], bytes]] = (
    high_s,
    lambda signature: signature[:64],
    lambda signature: signature + b"\x00",
    lambda signature: b"",
    lambda signature: signature[:64] + bytes([signature[64] - 27]),
    lambda signature: bytes(64) + signature[64:],
    lambda signature: (5).to_bytes(32, "big") + signature[32:],
    lambda signature: signature[:32] + bytes(32) + signature[64:],
    lambda signature: b"\xff" * 32 + signature[32:],
)
"""A signature as it may not be spelled: high s, 64 or 66 bytes or none, v of 0 or 1, r or s out of range."""

"""A register of pledged receivables to ask, without any chain: who asks, under which terms, with whose signatures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from protocol.world import START, Actor, actor
from tallystick.protocol.evidence import Domain
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.pledges import Event, PledgeBook, Refusal, Surroundings
from tallystick.protocol.receivable import LogProof, PledgeTerms, ReleaseTerms, TransferTerms, cancellation_digest
from tallystick.protocol.signing import sign
from tallystick.protocol.types import ZERO32, Hash, PartyId, Timestamp

DOMAIN = Domain(31_337, keccak256(b"receivables")[:20])  # type: ignore[arg-type]
SUPPLIER, OTHER_SUPPLIER = actor("supplier"), actor("other supplier")
FINANCIER, OTHER_FINANCIER = actor("financier"), actor("other financier")
STRANGER = actor("stranger")
ACTORS = {who.party: who for who in (SUPPLIER, OTHER_SUPPLIER, FINANCIER, OTHER_FINANCIER)}
PROOF = LogProof(STRANGER.address, 0, 0, Hash(ZERO32), 1, (), ())


def word(label: str) -> Any:
    """A 32-byte value that is different for each ``label``, as any of the protocol's kinds of bytes."""
    return keccak256(label.encode())


INVOICE, OTHER_INVOICE, FINGERPRINT, OTHER_FINGERPRINT = map(word, ("invoice", "other invoice", "print", "other print"))


@dataclass
class Register:
    """A book whose changes are asked for at the time ``now``; what was accepted stands in ``events`` too."""

    now: int = START
    book: PledgeBook = field(default_factory=PledgeBook)
    events: list[Event] = field(default_factory=list)
    revoked: set[PartyId] = field(default_factory=set)
    sealed: bool = True
    in_log: bool = True

    def ask(self, change: str, *arguments: Any) -> Event | Refusal:
        around = Surroundings(
            DOMAIN,
            Timestamp(self.now),
            is_signer=lambda party, signer: party not in self.revoked and ACTORS[party].address == signer,
            is_sealed=lambda proof: self.sealed,
            stands_in_log=lambda supplier, receivable, proof: self.in_log,
        )
        answer: Event | Refusal = getattr(self.book, change)(*arguments, around)
        if not isinstance(answer, Refusal):
            self.book.apply(answer)
            self.events.append(answer)
        return answer

    def pledge(self, terms: PledgeTerms, *signers: Actor) -> Event | Refusal:
        by = signers or (ACTORS[terms.supplier], ACTORS[terms.financier])
        return self.ask("pledge", terms, PROOF, *(signed(terms, who) for who in by))

    def transfer(self, terms: TransferTerms, *signers: Actor) -> Event | Refusal:
        by = signers or (ACTORS[terms.giver], ACTORS[terms.taker])
        return self.ask("transfer", terms, *(signed(terms, who) for who in by))

    def release(self, terms: ReleaseTerms, signer: Actor | None = None) -> Event | Refusal:
        return self.ask("release", terms, signed(terms, signer or ACTORS[terms.financier]))

    def cancel(
        self, terms: PledgeTerms | TransferTerms, party: PartyId, signer: Actor | None = None
    ) -> Event | Refusal:
        digest = cancellation_digest(DOMAIN, party, terms.digest(DOMAIN))
        return self.ask("cancel", terms, party, sign(digest, (signer or ACTORS[party]).key))

    def active(self) -> list[Hash]:
        return [name for name, pledge in self.book.pledges.items() if pledge.is_active(Timestamp(self.now))]


def signed(terms: PledgeTerms | TransferTerms | ReleaseTerms, who: Actor) -> bytes:
    return sign(terms.digest(DOMAIN), who.key)


def terms_of(**changes: Any) -> PledgeTerms:
    base: dict[str, Any] = {
        "supplier": SUPPLIER.party,
        "receivable": INVOICE,
        "fingerprint": FINGERPRINT,
        "financier": FINANCIER.party,
        "expires_at": START + 1_000,
        "deadline": START + 100,
        "nonce": word("nonce"),
    }
    return PledgeTerms(**base | changes)


def transfer_of(name: Hash, **changes: Any) -> TransferTerms:
    ids: dict[str, Any] = {"pledge": name, "giver": FINANCIER.party, "taker": OTHER_FINANCIER.party}
    return TransferTerms(**ids | {"deadline": START + 500, "nonce": word("nonce")} | changes)


def release_of(name: Hash, **changes: Any) -> ReleaseTerms:
    base: dict[str, Any] = {"pledge": name, "financier": FINANCIER.party, "deadline": START + 500}
    return ReleaseTerms(**base | {"nonce": word("nonce")} | changes)


def refused(answer: Event | Refusal, error: str, **values: bytes | int) -> bool:
    """Whether ``answer`` is the refusal ``error``, saying at least ``values``."""
    return isinstance(answer, Refusal) and answer.error == error and values.items() <= answer.values.items()

"""The register of pledged receivables as a pure state machine: what the contract accepts, and what its events rebuild.

Rules:

- a change is asked for (``pledge``, ``transfer``, ``release``, ``cancel``) and answered by the event that the contract
  emits, or by the ``Refusal`` that it reverts with: same checks, in the same order;
- ``apply`` is all that changes the book, so that a replay of the chain's events gives the same book.

Example::

    answer = book.release(terms, signature, surroundings)
    if not isinstance(answer, Refusal):
        book.apply(answer)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tallystick.errors import BadSignature
from tallystick.protocol import signing
from tallystick.protocol.evidence import Domain
from tallystick.protocol.receivable import (
    LogProof,
    Pledge,
    PledgeTerms,
    ReleaseTerms,
    TransferTerms,
    cancellation_digest,
)
from tallystick.protocol.types import ZERO32, Address, EvidenceId, Hash, PartyId, Timestamp

_NO_PLEDGE = Hash(ZERO32)
_NEVER = Timestamp(0)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The contract's custom ``error`` with its ``values`` by parameter name."""

    error: str
    values: Mapping[str, bytes | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pledged:
    """Event: a receivable was pledged; ``pledge`` names the pledge and is the authorisation both closed."""

    receivable: EvidenceId
    fingerprint: Hash
    supplier: PartyId
    pledge: Hash
    financier: PartyId
    pledged_at: Timestamp
    expires_at: Timestamp

    @property
    def at(self) -> Timestamp:
        """Time of its block."""
        return self.pledged_at


@dataclass(frozen=True, slots=True)
class Transferred:
    """Event: a pledge went from one financier to another."""

    receivable: EvidenceId
    fingerprint: Hash
    supplier: PartyId
    pledge: Hash
    authorisation: Hash
    giver: PartyId
    taker: PartyId
    transferred_at: Timestamp

    @property
    def at(self) -> Timestamp:
        """Time of its block."""
        return self.transferred_at


@dataclass(frozen=True, slots=True)
class Released:
    """Event: a financier holds a pledge no more."""

    receivable: EvidenceId
    fingerprint: Hash
    supplier: PartyId
    pledge: Hash
    authorisation: Hash
    financier: PartyId
    released_at: Timestamp

    @property
    def at(self) -> Timestamp:
        """Time of its block."""
        return self.released_at


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Event: a party took back its part in terms that were not used."""

    receivable: EvidenceId
    fingerprint: Hash
    supplier: PartyId
    authorisation: Hash
    party: PartyId
    cancelled_at: Timestamp

    @property
    def at(self) -> Timestamp:
        """Time of its block."""
        return self.cancelled_at


Event = Pledged | Transferred | Released | Cancelled


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the contract asks of others at block time ``now``: the registry's signers and the ledger's logs."""

    domain: Domain
    now: Timestamp
    is_signer: Callable[[PartyId, Address], bool]
    is_sealed: Callable[[LogProof], bool]
    """Whether the proof's batch is sealed."""
    stands_in_log: Callable[[PartyId, EvidenceId, LogProof], bool]


@dataclass(slots=True)
class PledgeBook:
    """All that the contract stores."""

    pledges: dict[Hash, Pledge] = field(default_factory=dict)
    last: dict[tuple[PartyId, EvidenceId], Hash] = field(default_factory=dict)
    last_of_fingerprint: dict[tuple[PartyId, Hash], Hash] = field(default_factory=dict)
    closed_at: dict[tuple[PartyId, Hash], Timestamp] = field(default_factory=dict)

    def apply(self, event: Event) -> None:
        """Let ``event``, which follows on all before it, have happened."""
        match event:
            case Pledged():
                self.pledges[event.pledge] = Pledge(
                    event.supplier,
                    event.receivable,
                    event.fingerprint,
                    event.financier,
                    event.pledged_at,
                    event.expires_at,
                    _NEVER,
                )
                self.last[event.supplier, event.receivable] = event.pledge
                self.last_of_fingerprint[event.supplier, event.fingerprint] = event.pledge
                self.closed_at[event.supplier, event.pledge] = event.pledged_at
                self.closed_at[event.financier, event.pledge] = event.pledged_at
            case Transferred():
                self.pledges[event.pledge] = replace(self.pledges[event.pledge], financier=event.taker)
                self.closed_at[event.giver, event.authorisation] = event.transferred_at
                self.closed_at[event.taker, event.authorisation] = event.transferred_at
            case Released():
                self.pledges[event.pledge] = replace(self.pledges[event.pledge], released_at=event.released_at)
                self.closed_at[event.financier, event.authorisation] = event.released_at
            case Cancelled():
                self.closed_at[event.party, event.authorisation] = event.cancelled_at

    # asking

    def taken_since(self, supplier: PartyId, receivable: EvidenceId, fingerprint: Hash, at: Timestamp) -> Timestamp:
        """Since when ``receivable``, or another of the same ``fingerprint``, of ``supplier`` is pledged; 0: free."""
        return self._active_since(self.last.get((supplier, receivable)), at) or self._active_since(
            self.last_of_fingerprint.get((supplier, fingerprint)), at
        )

    def pledge(
        self,
        terms: PledgeTerms,
        proof: LogProof,
        supplier_signature: bytes,
        financier_signature: bytes,
        around: Surroundings,
    ) -> Pledged | Refusal:
        """What becomes of pledging under ``terms``."""
        refusal = self._check_pledge(terms, around.now) or _check_in_log(terms, proof, around)
        if refusal is not None:
            return refusal
        name = terms.digest(around.domain)
        for party, signature in ((terms.supplier, supplier_signature), (terms.financier, financier_signature)):
            if (refusal := self._authorise(party, name, terms.deadline, signature, around)) is not None:
                return refusal
        ids = (terms.receivable, terms.fingerprint, terms.supplier, name, terms.financier)
        return Pledged(*ids, around.now, terms.expires_at)

    def transfer(
        self, terms: TransferTerms, giver_signature: bytes, taker_signature: bytes, around: Surroundings
    ) -> Transferred | Refusal:
        """What becomes of transferring under ``terms``."""
        held = self._held_by(terms.pledge, terms.giver, around.now)
        if isinstance(held, Refusal):
            return held
        if terms.taker == ZERO32:
            return Refusal("ZeroParty")
        if terms.taker == held.supplier:
            return Refusal("FinancierIsSupplier", {"party": terms.taker})
        if terms.taker == terms.giver:
            return Refusal("FinancierUnchanged", {"pledge": terms.pledge, "financier": terms.giver})
        authorisation = terms.digest(around.domain)
        for party, signature in ((terms.giver, giver_signature), (terms.taker, taker_signature)):
            if (refusal := self._authorise(party, authorisation, terms.deadline, signature, around)) is not None:
                return refusal
        ids = (held.receivable, held.fingerprint, held.supplier, terms.pledge, authorisation)
        return Transferred(*ids, terms.giver, terms.taker, around.now)

    def release(self, terms: ReleaseTerms, signature: bytes, around: Surroundings) -> Released | Refusal:
        """What becomes of releasing under ``terms``."""
        held = self._held_by(terms.pledge, terms.financier, around.now)
        if isinstance(held, Refusal):
            return held
        authorisation = terms.digest(around.domain)
        refusal = self._authorise(terms.financier, authorisation, terms.deadline, signature, around)
        if refusal is not None:
            return refusal
        ids = (held.receivable, held.fingerprint, held.supplier, terms.pledge, authorisation)
        return Released(*ids, terms.financier, around.now)

    def cancel(
        self, terms: PledgeTerms | TransferTerms, party: PartyId, signature: bytes, around: Surroundings
    ) -> Cancelled | Refusal:
        """What becomes of ``party`` taking back its part in ``terms``."""
        authorisation = terms.digest(around.domain)
        if isinstance(terms, PledgeTerms):
            ids = (terms.receivable, terms.fingerprint, terms.supplier)
            concerned = (terms.supplier, terms.financier)
        else:
            known = self.pledges.get(terms.pledge)
            if known is None:
                return Refusal("UnknownPledge", {"pledge": terms.pledge})
            ids = (known.receivable, known.fingerprint, known.supplier)
            concerned = (terms.giver, terms.taker)
        if party not in concerned:
            return Refusal("NotConcerned", {"authorisation": authorisation, "party": party})
        digest = cancellation_digest(around.domain, party, authorisation)
        refusal = self._close(party, authorisation, digest, signature, around)
        return refusal or Cancelled(*ids, authorisation, party, around.now)

    def _check_pledge(self, terms: PledgeTerms, now: Timestamp) -> Refusal | None:
        if terms.receivable == ZERO32:
            return Refusal("ZeroReceivable")
        if terms.fingerprint == ZERO32:
            return Refusal("ZeroFingerprint")
        if ZERO32 in (terms.supplier, terms.financier):
            return Refusal("ZeroParty")
        if terms.financier == terms.supplier:
            return Refusal("FinancierIsSupplier", {"party": terms.supplier})
        if terms.expires_at <= now:
            return Refusal("ExpiryNotAhead", {"expiresAt": terms.expires_at, "timestamp": now})
        if since := self._active_since(self.last.get((terms.supplier, terms.receivable)), now):
            return Refusal("ReceivableTaken", {"receivable": terms.receivable, "pledgedAt": since})
        if since := self._active_since(self.last_of_fingerprint.get((terms.supplier, terms.fingerprint)), now):
            return Refusal("FingerprintTaken", {"fingerprint": terms.fingerprint, "pledgedAt": since})
        return None

    def _held_by(self, name: Hash, financier: PartyId, now: Timestamp) -> Pledge | Refusal:
        """The active pledge ``name``, if ``financier`` holds it."""
        held = self.pledges.get(name)
        if held is None:
            return Refusal("UnknownPledge", {"pledge": name})
        if held.released_at:
            return Refusal("PledgeReleased", {"pledge": name, "releasedAt": held.released_at})
        if now >= held.expires_at:
            return Refusal("PledgeExpired", {"pledge": name, "expiresAt": held.expires_at})
        if held.financier != financier:
            return Refusal("NotHolder", {"pledge": name, "party": financier})
        return held

    def _authorise(
        self, party: PartyId, authorisation: Hash, deadline: Timestamp, signature: bytes, around: Surroundings
    ) -> Refusal | None:
        if around.now > deadline:
            times = {"deadline": deadline, "timestamp": around.now}
            return Refusal("AuthorisationExpired", {"authorisation": authorisation, **times})
        return self._close(party, authorisation, authorisation, signature, around)

    def _close(
        self, party: PartyId, authorisation: Hash, digest: Hash, signature: bytes, around: Surroundings
    ) -> Refusal | None:
        if before := self.closed_at.get((party, authorisation), _NEVER):
            return Refusal("AuthorisationClosed", {"party": party, "authorisation": authorisation, "closedAt": before})
        try:
            signer = signing.recover(digest, signature)
        except BadSignature:
            return _bad_signature(signature)
        if not around.is_signer(party, signer):
            return Refusal("NotSigner", {"party": party, "signer": signer})
        return None

    def _active_since(self, name: Hash | None, at: Timestamp) -> Timestamp:
        found = self.pledges.get(name or _NO_PLEDGE)
        return found.pledged_at if found is not None and found.is_active(at) else _NEVER


def _check_in_log(terms: PledgeTerms, proof: LogProof, around: Surroundings) -> Refusal | None:
    batch: dict[str, bytes | int] = {"operator": proof.operator, "batchId": proof.batch_id}
    if not around.is_sealed(proof):
        return Refusal("BatchNotSealed", batch)
    if not around.stands_in_log(terms.supplier, terms.receivable, proof):
        return Refusal("NotInLog", {"supplier": terms.supplier, "receivable": terms.receivable, **batch})
    return None


def _bad_signature(signature: bytes) -> Refusal:
    """Which of OpenZeppelin's errors a ``signature`` of no key gives."""
    if len(signature) != signing.SIGNATURE_SIZE:
        return Refusal("ECDSAInvalidSignatureLength", {"length": len(signature)})
    s = signature[32:64]
    if int.from_bytes(s, "big") > signing.GROUP_ORDER // 2:
        return Refusal("ECDSAInvalidSignatureS", {"s": s})
    return Refusal("ECDSAInvalidSignature")

"""A receivable: the fingerprint of its invoice, and what is signed to pledge, transfer and release it.

Rules (the Solidity twin is ``contracts/src/ReceivableRegistry.sol``):

- a receivable is named by the evidence id of its INVOICE, and belongs to the party that issued it;
- what is signed is EIP-712 typed data in the domain of the ReceivableRegistry; its digest names the authorisation, and
  that of ``PledgeTerms`` names the pledge;
- ``fingerprint`` is the same for every evidence of one invoice, whatever its bytes, and can't be guessed without the
  registrar's network key.

Example: ``PledgeTerms(...).digest(Domain(chain_id, receivables))``.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from dataclasses import dataclass

from tallystick.errors import MalformedInput
from tallystick.protocol import canonical, fields
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Domain
from tallystick.protocol.hashing import keccak256, word
from tallystick.protocol.types import Address, EvidenceId, Hash, PartyId, Timestamp, clip, to_hex

PLEDGE_TYPEHASH = keccak256(
    b"Pledge(bytes32 supplier,bytes32 receivable,bytes32 fingerprint,bytes32 financier,uint64 expiresAt,"
    b"uint64 deadline,bytes32 nonce)"
)
TRANSFER_TYPEHASH = keccak256(b"Transfer(bytes32 pledge,bytes32 from,bytes32 to,uint64 deadline,bytes32 nonce)")
RELEASE_TYPEHASH = keccak256(b"Release(bytes32 pledge,bytes32 financier,uint64 deadline,bytes32 nonce)")
CANCELLATION_TYPEHASH = keccak256(b"Cancellation(bytes32 party,bytes32 authorisation)")

_FINGERPRINT_CONTEXT = "tallystick receivable fingerprint 1"


@dataclass(frozen=True, slots=True)
class InvoiceIdentity:
    """What makes two documents one invoice: who bills whom, under which number, when, and how much.

    ``issue_date`` is ``YYYY-MM-DD``, ``currency`` an ISO 4217 code, ``amount`` a decimal string (docs/protocol.md,
    section 6).
    """

    seller: PartyId
    buyer: PartyId
    number: str
    issue_date: str
    currency: str
    amount: str

    def fingerprint(self, network_key: bytes) -> Hash:
        """The keyed hash of this invoice under ``network_key`` (32 bytes): 32 bytes.

        HMAC-SHA256 over the canonical JSON of the normalised values. It begins with ``[``, as no party's
        ``scheme:identifier`` does, so that the one key serves both.

        Raises:
            MalformedInput: the date, currency or amount is not of its form.
        """
        for name, value, form in (
            ("issueDate", self.issue_date, fields.FORMS["issueDate"]),
            ("currency", self.currency, fields.FORMS["currency"]),
            ("payableAmount", self.amount, fields.FORMS["payableAmount"]),
        ):
            if (want := form(value)) is not None:
                raise MalformedInput(f"{name}: expected {want}, got {clip(value)}.")
        normalised: list[Json] = [
            *(_FINGERPRINT_CONTEXT, to_hex(self.seller), to_hex(self.buyer), normalise_number(self.number)),
            *(self.issue_date, self.currency, normalise_amount(self.amount)),
        ]
        return Hash(hmac.digest(network_key, canonical.encode(normalised), hashlib.sha256))


def normalise_number(number: str) -> str:
    """``number`` as a person reads it: letters and digits alone, without case or width (Unicode NFKC, case folding).

    ``INV-2026/001``, ``inv 2026 001`` and the same in full-width characters are one number. One without any letter or
    digit stays as it is.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", number).casefold())
    # what stood apart may compose once the separators between are gone
    return unicodedata.normalize("NFKC", "".join(filter(str.isalnum, folded))) or folded


def normalise_amount(amount: str) -> str:
    """The shortest spelling of the decimal string ``amount``: no zeros behind, no bare point."""
    return amount.rstrip("0").rstrip(".") if "." in amount else amount


@dataclass(frozen=True, slots=True)
class PledgeTerms:
    """``supplier`` pledges ``receivable`` to ``financier`` until ``expires_at``; used by ``deadline``, in seconds."""

    supplier: PartyId
    receivable: EvidenceId
    fingerprint: Hash
    financier: PartyId
    expires_at: Timestamp
    deadline: Timestamp
    nonce: bytes

    def words(self) -> tuple[bytes, ...]:
        """The members as ABI words, in the order of the type."""
        ids = (self.supplier, self.receivable, self.fingerprint, self.financier)
        return (*ids, word(self.expires_at), word(self.deadline), self.nonce)

    def digest(self, domain: Domain) -> Hash:
        """What both sign, and the name of the pledge: 32 bytes."""
        return _digest(domain, PLEDGE_TYPEHASH, self.words())


@dataclass(frozen=True, slots=True)
class TransferTerms:
    """``pledge`` goes from financier ``giver`` to financier ``taker``; to be used by ``deadline``, in seconds."""

    pledge: Hash
    giver: PartyId
    taker: PartyId
    deadline: Timestamp
    nonce: bytes

    def words(self) -> tuple[bytes, ...]:
        """The members as ABI words, in the order of the type."""
        return (self.pledge, self.giver, self.taker, word(self.deadline), self.nonce)

    def digest(self, domain: Domain) -> Hash:
        """What both sign: 32 bytes."""
        return _digest(domain, TRANSFER_TYPEHASH, self.words())


@dataclass(frozen=True, slots=True)
class ReleaseTerms:
    """``financier`` holds ``pledge`` no more; to be used by ``deadline``, in seconds."""

    pledge: Hash
    financier: PartyId
    deadline: Timestamp
    nonce: bytes

    def words(self) -> tuple[bytes, ...]:
        """The members as ABI words, in the order of the type."""
        return (self.pledge, self.financier, word(self.deadline), self.nonce)

    def digest(self, domain: Domain) -> Hash:
        """What the financier signs: 32 bytes."""
        return _digest(domain, RELEASE_TYPEHASH, self.words())


def cancellation_digest(domain: Domain, party: PartyId, authorisation: Hash) -> Hash:
    """What ``party`` signs to take back ``authorisation`` before it is used: 32 bytes."""
    return _digest(domain, CANCELLATION_TYPEHASH, (party, authorisation))


@dataclass(frozen=True, slots=True)
class LogProof:
    """Where a receivable stands in its supplier's log: entry ``index`` of ``count`` in a batch, with both paths."""

    operator: Address
    batch_id: int
    index: int
    signatures_hash: Hash
    count: int
    entry_proof: tuple[bytes, ...]
    subject_proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Pledge:
    """A pledge as the chain keeps it for ever; times in seconds, ``released_at`` 0 is not released."""

    supplier: PartyId
    receivable: EvidenceId
    fingerprint: Hash
    financier: PartyId
    pledged_at: Timestamp
    expires_at: Timestamp
    released_at: Timestamp

    def is_active(self, at: Timestamp) -> bool:
        """Whether it holds in a block of time ``at``."""
        return self.released_at == 0 and at < self.expires_at


def _digest(domain: Domain, typehash: bytes, words: tuple[bytes, ...]) -> Hash:
    return Hash(domain.digest(keccak256(typehash + b"".join(words))))

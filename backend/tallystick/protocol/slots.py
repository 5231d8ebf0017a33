"""Which storage slots of the contracts hold what a verifier relies upon.

Rules: the layout is solc's (``contracts/README.md``), pinned by a test against the compiler's own output; a mapping's
value stands at ``keccak256(abi.encode(key, slot of the mapping))``.
"""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.errors import MalformedInput
from tallystick.protocol.hashing import keccak256, word
from tallystick.protocol.receivable import Pledge
from tallystick.protocol.types import Address, EvidenceId, Hash, PartyId, SignerWindow, Timestamp

LEDGER_REGISTRY_SLOT = word(0)
"""EvidenceLedger: the address of its PartyRegistry."""
LEDGER_HEAD_MAPPING = 1
"""EvidenceLedger: party => head."""
LEDGER_BATCH_ROOT_MAPPING = 3
"""EvidenceLedger: operator => batch id => batch root; slot 2 holds how many batches each operator sealed."""
REGISTRY_ROLE_MAPPING = 0
"""PartyRegistry: OpenZeppelin AccessControl, role => (account => bool, admin role)."""
REGISTRY_ADMITTED_MAPPING = 1
"""PartyRegistry: party => time of its admission."""
REGISTRY_WINDOW_MAPPING = 2
"""PartyRegistry: party => signer => window."""
REGISTRY_OPERATOR_MAPPING = 3
"""PartyRegistry: account => whether it may seal."""
REGISTRAR_ROLE = keccak256(b"REGISTRAR_ROLE")
RECEIVABLES_LEDGER_SLOT = word(0)
"""ReceivableRegistry: the address of its EvidenceLedger."""
RECEIVABLES_PLEDGE_MAPPING = 1
"""ReceivableRegistry: name => pledge, ``PLEDGE_WORDS`` slots."""
RECEIVABLES_LAST_PLEDGE_MAPPING = 2
"""ReceivableRegistry: supplier => receivable => name of the newest pledge."""
RECEIVABLES_LAST_OF_FINGERPRINT_MAPPING = 3
"""ReceivableRegistry: supplier => fingerprint => name of the newest pledge."""
PLEDGE_WORDS = 5


def head_slot(subject: PartyId) -> bytes:
    """EvidenceLedger: where the head of ``subject`` stands."""
    return keccak256(subject + word(LEDGER_HEAD_MAPPING))


def batch_root_slot(operator: Address, batch_id: int) -> bytes:
    """EvidenceLedger: where the root of batch ``batch_id`` of ``operator`` stands; zero: not sealed."""
    return keccak256(word(batch_id) + keccak256(bytes(12) + operator + word(LEDGER_BATCH_ROOT_MAPPING)))


def window_slot(party: PartyId, signer: Address) -> bytes:
    """PartyRegistry: where the window of ``signer`` for ``party`` stands."""
    return keccak256(bytes(12) + signer + keccak256(party + word(REGISTRY_WINDOW_MAPPING)))


def role_slot(role: bytes, account: Address) -> bytes:
    """PartyRegistry: where it stands whether ``account`` has ``role``."""
    return keccak256(bytes(12) + account + keccak256(role + word(REGISTRY_ROLE_MAPPING)))


def admitted_slot(party: PartyId) -> bytes:
    """PartyRegistry: where the time of the admission of ``party`` stands; zero: never."""
    return keccak256(party + word(REGISTRY_ADMITTED_MAPPING))


def operator_slot(account: Address) -> bytes:
    """PartyRegistry: where it stands whether ``account`` may seal."""
    return keccak256(bytes(12) + account + word(REGISTRY_OPERATOR_MAPPING))


def decode_window(value: int) -> SignerWindow:
    """The window that a slot's ``value`` packs: ``addedAt`` in the low 64 bits, ``revokedAt`` in the next."""
    return SignerWindow(Timestamp(value & (2**64 - 1)), Timestamp((value >> 64) & (2**64 - 1)))


def last_pledge_slot(supplier: PartyId, receivable: EvidenceId) -> bytes:
    """ReceivableRegistry: where the name of the newest pledge of ``supplier``'s ``receivable`` stands; zero: none."""
    return keccak256(receivable + keccak256(supplier + word(RECEIVABLES_LAST_PLEDGE_MAPPING)))


def last_pledge_of_fingerprint_slot(supplier: PartyId, fingerprint: Hash) -> bytes:
    """ReceivableRegistry: where the name of ``supplier``'s newest pledge of an invoice with ``fingerprint`` stands."""
    return keccak256(fingerprint + keccak256(supplier + word(RECEIVABLES_LAST_OF_FINGERPRINT_MAPPING)))


def pledge_slots(name: Hash) -> tuple[bytes, ...]:
    """ReceivableRegistry: where the words of the pledge called ``name`` stand, in the order of ``parse_pledge``."""
    first = int.from_bytes(keccak256(name + word(RECEIVABLES_PLEDGE_MAPPING)), "big")
    return tuple(word((first + i) % 2**256) for i in range(PLEDGE_WORDS))


def parse_pledge(words: Sequence[int]) -> Pledge | None:
    """The pledge that the values ``words`` of its slots hold: four ids, and three times of 64 bits, the earliest low.

    None where all are zero: there is no such pledge.

    Raises:
        MalformedInput: what the contract never writes: another number of words, bits above the times, or a pledge
            that was never made.
    """
    if len(words) != PLEDGE_WORDS:
        raise MalformedInput(f"pledge: expected {PLEDGE_WORDS} words, got {len(words)}.")
    if not any(words):
        return None
    times = words[-1]
    pledged_at, expires_at, released_at = (Timestamp(times >> shift & (2**64 - 1)) for shift in (0, 64, 128))
    if times >> 192 or not pledged_at:
        raise MalformedInput(f"pledge: expected three times of 64 bits, the first not zero, got 0x{times:064x}.")
    supplier, receivable, fingerprint, financier = (word(value) for value in words[:4])
    ids = (PartyId(supplier), EvidenceId(receivable), Hash(fingerprint), PartyId(financier))
    return Pledge(*ids, pledged_at, expires_at, released_at)

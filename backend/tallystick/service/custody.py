"""Parties that keep their own keys: what they are to sign, and the evidence that comes back signed.

::

    draft --typed data--> wallet --signature--> submitted, checked, kept

Rules:

- nothing is kept until it is signed: the typed data and the disclosures that belong to it come back with the signature;
- what would be refused with a signature is refused before anybody is asked for one;
- a signature may have ``v`` as 0 or 1, as some wallets write it; it is kept with 27 or 28, the one spelling there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tallystick.errors import BadSignature, Misfit, NotFound, UsageError
from tallystick.intake.drafts import Draft
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Evidence
from tallystick.protocol.signing import SIGNATURE_SIZE
from tallystick.protocol.typed_data import typed_data
from tallystick.protocol.types import EvidenceId, PartyId, to_hex
from tallystick.service import record
from tallystick.service.accept import Acceptance
from tallystick.service.context import Context
from tallystick.service.once import AT_WILL, Once
from tallystick.store.records import EvidenceRecord, EvidenceState


@dataclass(frozen=True, slots=True)
class ToSign:
    """What ``party`` is to sign: the typed data, the evidence id that it hashes to, and its content's disclosures."""

    evidence_id: EvidenceId
    party: PartyId
    typed_data: Mapping[str, Json]
    disclosures: tuple[str, ...]


def ask(context: Context, draft: Draft) -> ToSign:
    """What the issuer of ``draft`` is to sign; nothing is kept.

    Raises:
        TallystickError: what stands against the draft, as ``record`` would say it.
    """
    if draft.countersigned:
        raise UsageError("countersigned: expected none on a draft that is signed elsewhere.", todo="Leave it out.")
    with context.store.transaction(read_only=True) as transaction:
        made = record.unsigned(context, record.resolve(context, transaction, draft))
        Acceptance(context, transaction).check_unsigned(made)
    return _to_sign(context, made, made.evidence.issuer)


def ask_countersignature(context: Context, evidence_id: EvidenceId) -> ToSign:
    """What the counterparty of the CONTRACT ``evidence_id`` is to sign: the very same struct.

    Raises:
        NotFound: no such evidence. Misfit: it awaits no signature.
    """
    with context.store.transaction(read_only=True) as transaction:
        found = transaction.evidence([evidence_id]).get(evidence_id)
    if found is None:
        raise NotFound(f"evidence {to_hex(evidence_id)}: not known here.", todo="Check the id.")
    if found.state is not EvidenceState.AWAITING_COUNTERSIGNATURE:
        raise Misfit(f"evidence {to_hex(evidence_id)}: expected one that awaits a signature, it is {found.state}.")
    return _to_sign(context, found, found.evidence.counterparty)


def submit(
    context: Context, evidence: Evidence, signatures: bytes, disclosures: Sequence[str], once: Once = AT_WILL
) -> EvidenceRecord:
    """Keep ``evidence`` that its issuer signed, with its content's ``disclosures``; looks at the chain for new signers.

    Raises:
        TallystickError: what stands against it, as for every evidence.
    """
    made = one_spelling(signatures)
    return record.with_newest_signers(context, lambda: record.submit(context, evidence, made, disclosures, once))


def countersign(context: Context, evidence_id: EvidenceId, signature: bytes, once: Once = AT_WILL) -> EvidenceRecord:
    """Complete the CONTRACT ``evidence_id`` with its counterparty's ``signature``. Raises as ``record.countersign``."""
    return record.countersign(context, evidence_id, one_spelling(signature), once)


def one_spelling(signatures: bytes) -> bytes:
    """``signatures`` of 65 bytes each with ``v`` 27 or 28 where a wallet wrote 0 or 1. Source: EIP-155, EIP-191.

    Raises:
        BadSignature: a length that no number of signatures has, such as a contract wallet's (EIP-1271).
    """
    if not signatures or len(signatures) % SIGNATURE_SIZE or len(signatures) > 2 * SIGNATURE_SIZE:
        raise BadSignature(
            f"signature: expected 65 bytes r||s||v, or 130 of both sides, got {len(signatures)}.",
            todo="Sign with an account that has a key: the ledger takes no contract wallets (EIP-1271).",
        )
    parts = [signatures[i : i + SIGNATURE_SIZE] for i in range(0, len(signatures), SIGNATURE_SIZE)]
    return b"".join(part[:64] + bytes([part[64] + 27 if part[64] in (0, 1) else part[64]]) for part in parts)


def _to_sign(context: Context, made: EvidenceRecord, party: PartyId) -> ToSign:
    told = typed_data(made.evidence, context.chain.deployment.domain)
    return ToSign(made.evidence_id, party, told, made.disclosures)

"""The operator's promise for what is accepted: signed here where its key is, else left to a worker."""

from __future__ import annotations

from collections.abc import Iterable

from tallystick.protocol.evidence import MAX_TIME
from tallystick.protocol.receipt import Receipt, signatures_digest
from tallystick.protocol.types import EvidenceId, Timestamp
from tallystick.service.context import Context
from tallystick.store.records import EvidenceRecord, EvidenceState, ReceiptRecord


def sign_receipts(context: Context, records: Iterable[EvidenceRecord]) -> dict[EvidenceId, ReceiptRecord]:
    """The operator's receipts, taken now, for those of ``records`` that are accepted, by evidence id.

    None where this process leaves it to a worker.

    Raises:
        NotFound: the keystore has no key of the operator.
    """
    if not context.works:
        return {}
    domain, operator = context.chain.deployment.domain, context.operator
    received_at = context.clock.now()
    seal_by = Timestamp(min(received_at + context.limits.seal_within_seconds, MAX_TIME))
    signed = {}
    for record in records:
        if record.state is EvidenceState.PENDING:
            receipt = Receipt(record.evidence_id, signatures_digest(record.signatures), received_at, seal_by)
            signature = context.keys.sign(operator, receipt.digest(domain))
            signed[record.evidence_id] = ReceiptRecord(received_at, seal_by, operator, signature)
    return signed

"""Tradelines with the evidence of every figure: what a history says, each number with the links it comes from.

Rules: the figures are those of the report, word for word; a link is the path of an evidence in the API, and under
pseudonyms the evidence's pseudonym, which leads nowhere. What was hidden or erased is counted with each tradeline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tallystick.credit import report as credit_report
from tallystick.credit.dates import utc_date
from tallystick.credit.money import format_amount
from tallystick.credit.sources import merged, sources
from tallystick.credit.states import InvoiceState, PaymentState, Role
from tallystick.protocol.entry import Entry
from tallystick.protocol.evidence import other_side
from tallystick.protocol.types import BlockRef, EvidenceId, PartyId, to_hex
from tallystick.service.context import Context
from tallystick.service.report import Reader, erased_json
from tallystick.service.showing import Showing

EVIDENCE_PATH = "/v1/evidence/"


def tradelines(
    context: Context, block: BlockRef, party: PartyId, showing: Showing, *, linked: bool = True
) -> dict[str, Any]:
    """The tradelines of ``party`` as of the final ``block``, as far as ``showing`` shows its log."""
    with context.store.transaction(read_only=True) as transaction:
        history = Reader(context, block, showing).read(transaction, party)
        erased = {one.evidence: one for one in transaction.erased_in_log(party, block.number)}
    report = credit_report.derive(party, history.entries, block, withheld=history.withheld)
    told: dict[str, Any] = credit_report.to_json(report)
    day = utc_date(block.timestamp)
    prefix = EVIDENCE_PATH if linked else ""
    lines, found = [], []
    for line, figures in zip(report.tradelines, told["tradelines"], strict=True):
        from_evidence = sources(line, day)
        found.append((line, from_evidence))
        behind = [one for one in history.entries if other_side(party, one.evidence) == line.counterparty]
        lines.append(
            {
                **figures,
                "hiddenFields": sum(entry.hidden for entry in behind),
                "erasedEntries": sum(entry.evidence_id in erased for entry in behind),
                "invoices": [_invoice(invoice, prefix) for invoice in line.invoices],
                "payments": [_payment(payment, prefix) for payment in line.payments],
                "sources": _links(from_evidence, prefix),
            }
        )
    totals = {
        member: {
            currency: {
                **figures,
                "sources": _links(
                    merged(part for line, part in found if line.role is role and line.currency == currency), prefix
                ),
            }
            for currency, figures in told[member].items()
        }
        for member, role in (("asBuyer", Role.BUYER), ("asSeller", Role.SELLER))
    }
    return {
        "party": told["party"],
        "asOf": told["asOf"],
        "definitions": told["definitions"],
        "complete": told["complete"],
        **totals,
        "tradelines": lines,
        "hidden": _hidden(history.entries, prefix),
        "erased": erased_json(erased.values()),
    }


def _invoice(invoice: InvoiceState, prefix: str) -> dict[str, Any]:
    def amount(value: Any) -> str:
        return format_amount(value, invoice.currency)

    return {
        "evidence": f"{prefix}{to_hex(invoice.evidence)}",
        "currentVersion": f"{prefix}{to_hex(invoice.current_version)}",
        "number": invoice.number,
        "status": invoice.status.value,
        "evidenceClass": invoice.evidence_class.value,
        "issueDate": invoice.issue_date.isoformat(),
        "dueDate": invoice.due_date.isoformat(),
        "paidDate": None if invoice.paid_date is None else invoice.paid_date.isoformat(),
        "daysToTerms": invoice.days_to_terms,
        "amount": amount(invoice.amount),
        "creditedAmount": amount(invoice.credited),
        "paidAmount": amount(invoice.paid),
        "writtenOffAmount": amount(invoice.written_off),
        "openAmount": amount(invoice.open_amount),
        "paidBy": [f"{prefix}{to_hex(one.evidence)}" for one in invoice.receipts],
        "creditedBy": [f"{prefix}{to_hex(one.evidence)}" for one in invoice.credits],
        "writtenOffBy": [f"{prefix}{to_hex(one.evidence)}" for one in invoice.write_offs],
    }


def _payment(payment: PaymentState, prefix: str) -> dict[str, Any]:
    return {
        "evidence": f"{prefix}{to_hex(payment.evidence)}",
        "valueDate": payment.value_date.isoformat(),
        "amount": format_amount(payment.amount, payment.currency),
        "appliedAmount": format_amount(payment.applied, payment.currency),
        "counts": payment.counts,
    }


def _links(found: Mapping[str, Iterable[EvidenceId]], prefix: str) -> dict[str, list[str]]:
    return {name: [f"{prefix}{to_hex(one)}" for one in ids] for name, ids in sorted(found.items())}


def _hidden(entries: Iterable[Entry], prefix: str) -> list[dict[str, Any]]:
    """The entries that hide fields: what figures may rest on without showing it."""
    return [
        {"evidence": f"{prefix}{to_hex(entry.evidence_id)}", "fields": entry.hidden}
        for entry in entries
        if entry.hidden
    ]

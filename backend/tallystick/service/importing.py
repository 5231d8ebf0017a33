"""Import a receivables ledger: every line becomes an invoice and its payment, as evidence of the supplier.

Rules:

- a customer who is a party with a contract gets evidence that names it; any other line is self-reported;
- with simulated counterparties every customer becomes a managed party: it countersigns a contract, acknowledges each
  invoice, and disputes those that the ledger calls disputed, to withdraw before it pays;
- a line is recorded whole or not at all, and once: importing a file again records what is not there yet, which for an
  invoice that was open is its payment;
- the payment is the supplier's statement of money received: against its own interest, hence it stands by itself.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tallystick.intake.receivables import Receivable
from tallystick.protocol import content
from tallystick.protocol.binding import party_id
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import ZERO32, DealId, EvidenceId, PartyId, Timestamp, to_hex
from tallystick.service.accept import Acceptance
from tallystick.service.context import Context, Progress, silent
from tallystick.service.parties import NewParty, add_parties
from tallystick.service.ports import Transaction
from tallystick.service.record import Statement, numbered_key, open_deals, sign_statement
from tallystick.store.records import EvidenceRecord, Identifier, PartyRecord

LINES_A_TRANSACTION = 200
LEDGER_OWNER = Identifier("ERP", "LEDGER-OWNER")
"""Whose ledger is imported where nobody is named."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did: lines recorded, lines that were there already, evidence made, and customers added.

    ``differing`` are the rows of lines that were there already with another amount, currency or date: nothing of them
    was changed, for a correction is the supplier's to state. ``settled`` are the lines that were there already as open,
    and of which the payment was recorded now.
    ``unstated_disputes`` are disputed lines whose dispute is the customer's to state, so that it was not recorded.
    """

    recorded: int
    known: int
    differing: tuple[int, ...]
    settled: int
    evidence: int
    customers_added: int
    unstated_disputes: int


def import_receivables(
    context: Context,
    supplier: PartyRecord,
    lines: Sequence[Receivable],
    customer_scheme: str,
    *,
    simulate_counterparties: bool = False,
    progress: Progress = silent,
) -> ImportResult:
    """Record ``lines`` of ``supplier``'s ledger; customers are named by ``customer_scheme`` and the ledger's number.

    Raises:
        TallystickError: a line was refused; the lines before it, in whole transactions, are recorded.
    """
    added = 0
    if simulate_counterparties:
        added = _add_customers(context, lines, customer_scheme, progress)
        _open_deals(context, supplier, lines, customer_scheme)
    recorded = settled = evidence = unstated = 0
    differing: list[int] = []
    for start in range(0, len(lines), LINES_A_TRANSACTION):
        chunk = lines[start : start + LINES_A_TRANSACTION]
        with context.store.transaction() as transaction:
            importer = _Importer(context, transaction, supplier, customer_scheme, simulate_counterparties)
            fresh = importer.unknown(chunk)
            for line in fresh:
                importer.add(line)
            differing += importer.differing(chunk)
            settled += importer.settle(chunk)
            importer.acceptance.keep()
        recorded += len(fresh)
        evidence += importer.evidence
        unstated += importer.unstated_disputes
        progress("recorded", start + len(chunk), len(lines))
    return ImportResult(recorded, len(lines) - recorded, tuple(differing), settled, evidence, added, unstated)


def preview_receivables(
    context: Context, supplier: PartyRecord | None, lines: Sequence[Receivable], customer_scheme: str
) -> ImportResult:
    """What ``import_receivables`` would do with ``lines``, without simulated counterparties: nothing is recorded.

    ``supplier`` is None where it would be made first: it has no invoices yet.
    """
    known = settled = evidence = unstated = 0
    differing: list[int] = []
    with context.store.transaction(read_only=True) as transaction:
        for start in range(0, len(lines), LINES_A_TRANSACTION):
            fresh: Sequence[Receivable] = lines[start : start + LINES_A_TRANSACTION]
            if supplier is not None:
                importer = _Importer(context, transaction, supplier, customer_scheme, simulate=False)
                chunk, fresh = fresh, importer.unknown(fresh)
                known += len(chunk) - len(fresh)
                differing += importer.differing(chunk)
                settled += len(importer.unsettled(chunk))
            evidence += sum(1 if line.settled is None else 2 for line in fresh)
            unstated += sum(line.disputed for line in fresh)
    return ImportResult(len(lines) - known, known, tuple(differing), settled, evidence + settled, 0, unstated)


def _add_customers(context: Context, lines: Sequence[Receivable], scheme: str, progress: Progress) -> int:
    customers = dict.fromkeys(line.customer for line in lines)
    with context.store.transaction() as transaction:
        missing = [c for c in customers if transaction.party(party_id(context.network_key, scheme, c)) is None]
    members = [NewParty(f"Customer {customer}", (Identifier(scheme, customer),)) for customer in missing]
    if members:
        add_parties(context, members, progress)
    return len(members)


def _open_deals(context: Context, supplier: PartyRecord, lines: Sequence[Receivable], scheme: str) -> None:
    """One countersigned contract with every customer that has none yet, on the terms of its first invoice."""
    first = {line.customer: line for line in reversed(lines)}
    with context.store.transaction() as transaction:
        acceptance = Acceptance(context, transaction)
        for customer, line in first.items():
            party = transaction.party(party_id(context.network_key, scheme, customer))
            assert party is not None, "the customers were added before"
            if open_deals(transaction, supplier.party, party.party):
                continue
            fields: dict[str, Json] = {
                "contractNumber": f"AR-{customer}",
                "issuerRole": "supplier",
                "currency": line.currency,
                "paymentTermsDays": (line.due_date - line.issue_date).days,
                "effectiveDate": line.issue_date.isoformat(),
            }
            statement = Statement(
                Kind.CONTRACT,
                supplier,
                party,
                DealId(context.entropy.bytes(32)),
                EvidenceId(ZERO32),
                fields,
                _midnight(line.issue_date),
                countersigned=True,
            )
            acceptance.add(sign_statement(context, statement))
        acceptance.keep()


class _Importer:
    """Turns lines into evidence within one transaction."""

    def __init__(
        self, context: Context, transaction: Transaction, supplier: PartyRecord, scheme: str, simulate: bool
    ) -> None:
        self.acceptance = Acceptance(context, transaction)
        self.evidence = 0
        self.unstated_disputes = 0
        self._context = context
        self._transaction = transaction
        self._supplier = supplier
        self._scheme = scheme
        self._simulate = simulate
        self._known: Mapping[str, EvidenceId] = {}
        self._deals: dict[str, tuple[PartyRecord | None, DealId]] = {}

    def unknown(self, lines: Sequence[Receivable]) -> list[Receivable]:
        """Those of ``lines`` whose invoice is not recorded yet."""
        keys = {self._key(line): line for line in lines}
        self._known = self._transaction.evidence_by_document(keys)
        return [line for key, line in keys.items() if key not in self._known]

    def differing(self, lines: Sequence[Receivable]) -> list[int]:
        """The rows of those of ``lines`` that were known, but bill something else than was recorded."""
        known = {self._known[key]: line for line in lines if (key := self._key(line)) in self._known}
        return sorted(
            known[record.evidence_id].row
            for record in self._transaction.evidence(known).values()
            if not _bills_the_same(content.parse_all(record.disclosures), known[record.evidence_id])
        )

    def settle(self, lines: Sequence[Receivable]) -> int:
        """Record the payments of those of ``lines`` that were known as open before; returns how many."""
        unsettled = self.unsettled(lines)
        for line, invoice in unsettled:
            customer = self._transaction.party(invoice.evidence.counterparty)
            self._pay(line, customer, invoice.evidence.deal, invoice)
        return len(unsettled)

    def unsettled(self, lines: Sequence[Receivable]) -> list[tuple[Receivable, EvidenceRecord]]:
        """Those of ``lines`` that were known as open before and are paid, with their invoices."""
        paid = {self._known[key]: line for line in lines if line.settled and (key := self._key(line)) in self._known}
        invoices = self._transaction.evidence(paid)
        references = {
            numbered_key(
                Kind.PAYMENT, _payment_reference(line), self._supplier.party, invoices[name].evidence.counterparty
            ): name
            for name, line in paid.items()
        }
        there = self._transaction.evidence_by_document(references)
        return [(paid[name], invoices[name]) for reference, name in references.items() if reference not in there]

    def _key(self, line: Receivable) -> str:
        return numbered_key(Kind.INVOICE, line.invoice_number, self._supplier.party, PartyId(ZERO32))

    def add(self, line: Receivable) -> None:
        """The evidence of one line, in the order in which it came about."""
        customer, deal = self._deal(line)
        invoice = self._state(Kind.INVOICE, customer, deal, None, self._invoice_fields(line, customer), line.issue_date)
        if customer is not None and self._simulate:
            self._answer(line, customer, deal, invoice)
        elif line.disputed:
            self.unstated_disputes += 1
        self._pay(line, customer, deal, invoice)

    def _pay(self, line: Receivable, customer: PartyRecord | None, deal: DealId, invoice: EvidenceRecord) -> None:
        """The payment in full of ``invoice``, where the line tells of one."""
        if line.settled is None:
            return
        fields: dict[str, Json] = {
            "paymentReference": _payment_reference(line),
            "valueDate": line.settled.isoformat(),
            "currency": line.currency,
            "amount": line.amount,
            "allocations": [{"invoice": to_hex(invoice.evidence_id), "amount": line.amount}],
        }
        self._state(Kind.PAYMENT, customer, deal, None, fields, line.settled)

    def _answer(self, line: Receivable, customer: PartyRecord, deal: DealId, invoice: EvidenceRecord) -> None:
        """What the simulated customer says to the invoice."""
        if line.disputed:
            fields: dict[str, Json] = {
                "reasonCode": "OTH",
                "disputedAmount": line.amount,
                "currency": line.currency,
            }
            dispute = self._state(Kind.DISPUTE, self._supplier, deal, invoice, fields, line.issue_date, by=customer)
            resolved = line.settled or line.due_date
            withdrawn: dict[str, Json] = {"outcome": "withdrawn"}
            self._state(Kind.RESOLUTION, self._supplier, deal, dispute, withdrawn, resolved, by=customer)
        self._state(Kind.ACKNOWLEDGEMENT, self._supplier, deal, invoice, {}, line.issue_date, by=customer)

    def _invoice_fields(self, line: Receivable, customer: PartyRecord | None) -> dict[str, Json]:
        fields: dict[str, Json] = {
            "invoiceNumber": line.invoice_number,
            "issueDate": line.issue_date.isoformat(),
            "dueDate": line.due_date.isoformat(),
            "currency": line.currency,
            "payableAmount": line.amount,
        }
        return fields if customer is not None else {**fields, "customer": f"{self._scheme}:{line.customer}"}

    def _deal(self, line: Receivable) -> tuple[PartyRecord | None, DealId]:
        """The customer and the deal with it, or nobody and no deal where the line is self-reported."""
        if line.customer not in self._deals:
            party = self._transaction.party(party_id(self._context.network_key, self._scheme, line.customer))
            deals = [] if party is None else open_deals(self._transaction, self._supplier.party, party.party)
            self._deals[line.customer] = (party, deals[0]) if deals else (None, DealId(ZERO32))
        return self._deals[line.customer]

    def _state(
        self,
        kind: Kind,
        counterparty: PartyRecord | None,
        deal: DealId,
        parent: EvidenceRecord | None,
        fields: Mapping[str, Json],
        day: datetime.date,
        *,
        by: PartyRecord | None = None,
    ) -> EvidenceRecord:
        parent_id = EvidenceId(ZERO32) if parent is None else parent.evidence_id
        issuer = self._supplier if by is None else by
        statement = Statement(kind, issuer, counterparty, deal, parent_id, fields, _midnight(day))
        made = sign_statement(self._context, statement)
        self.acceptance.add(made)
        self.evidence += 1
        return made


def _payment_reference(line: Receivable) -> str:
    return f"AR-{line.invoice_number}"


def _bills_the_same(recorded: Mapping[str, Json], line: Receivable) -> bool:
    return (
        Decimal(str(recorded["payableAmount"])) == Decimal(line.amount)
        and recorded["currency"] == line.currency
        and recorded["issueDate"] == line.issue_date.isoformat()
        and recorded["dueDate"] == line.due_date.isoformat()
    )


def _midnight(day: datetime.date) -> Timestamp:
    return Timestamp(int(datetime.datetime.combine(day, datetime.time(), datetime.UTC).timestamp()))

"""From entries to states (docs/definitions.md, section 12): contracts, invoices, and which payments count."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from independent.corrections import Entry, Log, Note
from independent.currencies import MINOR_UNITS
from independent.primitives import ZERO
from independent.settling import Settling
from independent.statements import CONTRACT, INVOICE, PAYMENT
from independent.states import Invoice, Part, Payment, hexed, is_id, lowered, worse


def _by_id(fields: dict[str, Any] | None) -> dict[str, Fraction]:
    found: dict[str, Fraction] = {}
    for each in fields["allocations"] if fields else ():
        found[each["invoice"]] = found.get(each["invoice"], Fraction(0)) + Fraction(each["amount"])
    return found


class Dealings:
    """The invoices and payments of a log on a day."""

    def __init__(self, entries: list[Entry], day: date, note: Note) -> None:
        self.day, self.note = day, note
        self.log = Log(entries, note)
        self.contracts: list[tuple[Entry, bytes]] = []
        self.invoices: list[Invoice] = []
        self.payments: list[Payment] = []
        self.named: dict[str, Invoice] = {}
        for entry in self.log.said(CONTRACT):
            self._contract(entry)
        for entry in self.log.said(INVOICE):
            self._invoice(entry)
        self._numbers()
        for entry in self.log.said(PAYMENT):
            self._payment(entry)
        self._pair()
        for payment in self.payments:
            self._allocate(payment)
        settling = Settling(self.log, note)
        for invoice in self.invoices:
            settling.settle(invoice)

    # --- contracts and invoices

    def _contract(self, entry: Entry) -> None:
        life = self.log.life(self.log.homes[entry.id])
        if life.versions:
            supplies = entry.fields["issuerRole"] == "supplier"
            self.contracts.append((entry, entry.said.issuer if supplies else entry.said.counterparty))

    def _invoice(self, entry: Entry) -> None:
        life = self.log.life(self.log.homes[entry.id])
        if not life.versions:
            return
        found = Invoice(life, life.last.fields)
        self.invoices.append(found)
        for each in [life.home.entry, *life.home.members, *(note.entry for note in life.home.notes)]:
            self.named[hexed(each.id)] = found
        found.raised += [at for back, at in life.taken_back if worse(found.terms, back.fields)]
        currency = found.terms["currency"]
        if currency not in MINOR_UNITS:
            self.note("unknownCurrency", entry.id, f"currency {currency} is not in ISO 4217")
        for home in life.home.notes:
            credit = self.log.life(home)
            if lowered(credit):
                found.raised.append(credit.last_corrected)
            if credit.holds is None:
                continue
            terms = credit.holds.fields
            if terms["currency"] == currency:
                day = date.fromisoformat(terms["issueDate"])
                found.credits.append(Part(day, credit.last.id, Decimal(terms["creditAmount"])))
            else:
                text = f"credit note in {terms['currency']} on an invoice in {currency}: no effect"
                self.note("otherCurrency", credit.last.id, text)

    def _numbers(self) -> None:
        same: dict[tuple[bytes, str], list[bytes]] = {}
        for each in self.invoices:
            if not each.life.cancelled and "invoiceNumber" in each.terms:
                same.setdefault((each.seller, each.terms["invoiceNumber"]), []).append(each.life.home.entry.id)
        for (_, number), found in same.items():
            for name in found if len(found) > 1 else ():
                quoted = f"'{number}'"[:80]
                self.note("duplicateInvoiceNumber", name, f"{len(found)} invoices of one issuer have number {quoted}")

    # --- payments

    def _payment(self, entry: Entry) -> None:
        life = self.log.life(self.log.homes[entry.id])
        if not life.versions:
            return
        terms = life.last.fields
        creditor = self._creditor(entry, terms)
        if creditor is None:
            text = "neither an allocation nor a contract says which side is the creditor"
            self.note("unknownDirection", entry.id, text)
            return
        if creditor == entry.said.issuer and life.home.members:
            now = _by_id(life.holds.fields if life.holds else None)
            for once in life.once:
                for name, amount in _by_id(once).items():
                    if name in self.named and amount > now.get(name, 0):
                        self.named[name].raised.append(life.last_corrected)
        if life.cancelled:
            return
        if terms["currency"] not in MINOR_UNITS:
            self.note("unknownCurrency", life.last.id, f"currency {terms['currency']} is not in ISO 4217")
        (debtor,) = set(entry.said.parties) - {creditor}
        self.payments.append(Payment(life, creditor, debtor, terms))

    def _creditor(self, entry: Entry, terms: dict[str, Any]) -> bytes | None:
        sides = set(entry.said.parties)
        if ZERO in sides:
            return entry.said.issuer
        for each in terms["allocations"]:
            invoice = self.named.get(each["invoice"])
            if invoice and {invoice.seller, invoice.buyer} == sides:
                return invoice.seller
        for contract, supplier in self.contracts:
            if contract.said.deal == entry.said.deal and set(contract.said.parties) == sides:
                return supplier
        return None

    def _pair(self) -> None:
        known = {hexed(name): each for each in self.payments for name in each.life.ids}
        for one in self.payments:
            named = one.terms.get("samePayment")
            other = known.get(named) if is_id(named) else None
            if other is None or one.is_receipt == other.is_receipt or one.sum != other.sum:
                continue
            receipt = one if one.is_receipt else other
            if receipt.value_date <= self.day and one.twin is None and other.twin is None:
                one.twin, other.twin = other, one

    def _allocate(self, payment: Payment) -> None:
        said: list[int] = []
        if not payment.is_receipt:
            seen = self.log.acknowledged(payment.id, payment.creditor, payment.terms["amount"])
            payment.counts = seen is not None and payment.twin is None
            said = [] if payment.twin else [payment.life.last.seq]
        else:
            payment.counts = True
            if payment.debtor != ZERO:
                seen = self.log.acknowledged(payment.id, payment.debtor, payment.terms["amount"])
                said = [] if seen is None else [seen]
                if payment.twin and set(payment.twin.stated) == set(payment.stated):
                    said.append(payment.twin.life.last.seq)
        if payment.value_date > self.day:
            payment.counts = False
            text = f"value date {payment.value_date} is after the as-of date {self.day}"
            self.note("futurePayment", payment.id, text)
        for invoice, amount in self._fitting(payment):
            if said:
                invoice.debtor_said.append((max(said), amount))
            if payment.counts:
                invoice.money.append((payment.value_date, payment.id, amount, payment))

    def _fitting(self, payment: Payment) -> Iterator[tuple[Invoice, Decimal]]:
        left, currency = Decimal(payment.terms["amount"]), payment.terms["currency"]
        for name, amount in payment.stated:
            invoice = self.named.get(name)
            if invoice is None:
                self.note("unknownInvoice", payment.id, f"allocated to {name}, which is no invoice of this log")
            elif (invoice.seller, invoice.buyer) != (payment.creditor, payment.debtor):
                self.note("foreignInvoice", payment.id, f"allocated to {name}, owed by or to another party")
            elif invoice.terms["currency"] != currency:
                text = f"payment in {currency}, invoice {name} in {invoice.terms['currency']}"
                self.note("otherCurrency", payment.id, text)
            else:
                if amount > left:
                    paid = payment.terms["amount"]
                    text = f"allocations add up to more than the {paid} paid; {amount} is cut to {left}"
                    self.note("allocatedBeyondPayment", payment.id, text)
                    amount = left
                left -= amount
                if amount:
                    yield invoice, amount

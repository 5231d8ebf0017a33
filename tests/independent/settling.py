"""Disputes, and what credits, payments and write-offs take of an invoice (docs/definitions.md, section 12)."""

from decimal import Decimal
from fractions import Fraction

from independent.corrections import Life, Log, Note
from independent.primitives import ZERO
from independent.statements import ACKNOWLEDGEMENT, DISPUTE, RESOLUTION, WRITE_OFF
from independent.states import NOTHING, Invoice, Part, credit_of, day_of, lowered, worse


class Settling:
    """Works out the state of invoices, one by one."""

    def __init__(self, log: Log, note: Note) -> None:
        self.log, self.note = log, note

    def _disputes(self, invoice: Invoice) -> set[str]:
        """Whether one is `open`, and whether one `cancelled` the invoice; credits go to the invoice."""
        found: set[str] = set()
        for dispute in self.log.answering(DISPUTE, invoice.life.ids):
            invoice.ever_disputed = True
            life = self.log.life(self.log.homes[dispute.id])
            outcomes = {"withdrawn"} if life.cancelled else set()
            if life.cancelled:
                invoice.withdrawn.append(life.last_corrected)
            given: list[tuple[Decimal, int, Part]] = []
            for entry in self.log.answering(RESOLUTION, {dispute.id}):
                resolution = self.log.life(self.log.homes[entry.id])
                if entry.said.issuer == invoice.seller and lowered(resolution):
                    invoice.raised.append(resolution.last_corrected)
                at = self._effective(resolution, invoice)
                if at is None:
                    continue
                terms = resolution.last.fields
                outcomes.add(terms["outcome"])
                if terms["outcome"] == "withdrawn":
                    invoice.withdrawn.append(at)
                if terms["outcome"] == "credited":
                    amount = credit_of(RESOLUTION, terms)
                    part = Part(day_of(entry.said.occurred_at), resolution.last.id, amount)
                    given.append((amount, -entry.seq, part))
            if given:
                invoice.credits.append(max(given, key=lambda each: each[:2])[2])
            found |= {"cancelled"} & outcomes
            found |= set() if outcomes else {"open"}
        return found

    def _effective(self, resolution: Life, invoice: Invoice) -> int | None:
        if resolution.holds is None:
            return None
        terms, name = resolution.holds.fields, resolution.last.id
        outcome, amount = terms["outcome"], None
        if outcome == "credited":
            amount, currency, wanted = terms["creditAmount"], terms["currency"], invoice.terms["currency"]
            if currency != wanted:
                text = f"credit in {currency} on an invoice in {wanted}: no effect"
                self.note("otherCurrency", name, text)
                return None
        bears = invoice.buyer if outcome == "withdrawn" else invoice.seller
        if resolution.issuer == bears:
            return resolution.last.seq
        at = self.log.acknowledged(name, bears, amount)
        if at is None:
            text = f"{outcome} is in its issuer's own interest and counts when the other side acknowledges it"
            self.note("notAcknowledged", name, text)
        return at

    def settle(self, invoice: Invoice) -> None:
        disputes = self._disputes(invoice)
        cancelled = invoice.life.cancelled or "cancelled" in disputes
        left = NOTHING if cancelled else invoice.amount
        stated, invoice.credits = sorted(invoice.credits, key=lambda each: (each.day, each.id)), []
        for credit in [] if cancelled else stated:
            if credit.amount > left:
                told = f"the invoiced {invoice.terms['payableAmount']}; {credit.amount} is cut to {left}"
                self.note("creditedBeyondInvoice", credit.id, f"credits add up to more than {told}")
            left = self._take(invoice.credits, credit, left)
        invoice.effective = left
        for day, name, amount, payment in sorted(invoice.money, key=lambda each: each[:3]):
            if amount > left:
                text = f"{amount} allocated where {left} was left of the invoice; the excess is unapplied"
                self.note("allocatedBeyondInvoice", name, text)
            before = left
            left = self._take(invoice.receipts, Part(day, name, amount), left)
            payment.taken += Fraction(before) - Fraction(left)
            if before and not left:
                invoice.paid_date = day
        unpaid = left
        for write_off in self._write_offs(invoice) if left else ():
            left = self._take(invoice.write_offs, write_off, left)
        invoice.open = left
        for applies, status in (
            (cancelled, "cancelled"),
            ("open" in disputes, "disputed"),
            (not invoice.effective, "credited"),
            (not unpaid, "settled"),
            (left, "open"),
            (True, "written off"),
        ):
            if applies:
                invoice.status = status
                break
        invoice.word = self._word(invoice)
        acknowledging = {each.said.issuer for each in self.log.answering(ACKNOWLEDGEMENT, invoice.life.ids)}
        invoice.witnessed = bool(acknowledging - {invoice.seller, invoice.buyer})

    def _take(self, into: list[Part], part: Part, left: Decimal) -> Decimal:
        """What is left when `part` has taken what it can; what is zero takes nothing."""
        amount = left if part.amount > left else part.amount
        if not amount:
            return left
        into.append(Part(part.day, part.id, amount, part.insolvency))
        return left - amount

    def _write_offs(self, invoice: Invoice) -> list[Part]:
        found = []
        for entry in self.log.answering(WRITE_OFF, invoice.life.ids):
            life = self.log.life(self.log.homes[entry.id])
            if life.holds is None:
                continue
            terms, wanted = life.holds.fields, invoice.terms["currency"]
            if terms["currency"] != wanted:
                text = f"write-off in {terms['currency']} of an invoice in {wanted}: no effect"
                self.note("otherCurrency", life.last.id, text)
                continue
            reason = terms.get("reason", "").casefold()
            insolvency = "insolven" in reason or "bankrupt" in reason
            found.append(Part(day_of(entry.said.occurred_at), life.last.id, Decimal(terms["amount"]), insolvency))
        return sorted(found, key=lambda each: (each.day, each.id))

    def _word(self, invoice: Invoice) -> str:
        """By whose word it stands (section 5)."""
        if invoice.status == "disputed":
            return "disputed"
        if invoice.buyer == ZERO:
            return "selfReported"
        versions, raised = invoice.life.versions, max([-1, *invoice.raised])
        last_worse = 0
        for number in range(1, len(versions)):
            if worse(versions[number].fields, versions[number - 1].fields):
                last_worse = number
        for version in versions[last_worse:]:
            if self.log.acknowledged(version.id, invoice.buyer, str(invoice.effective), raised) is not None:
                return "mutual"
        if last_worse:
            raised = max(raised, versions[last_worse].seq)
        said = sum((Fraction(amount) for _, amount in invoice.debtor_said), Fraction(0))
        paid = said >= Fraction(invoice.effective) and any(at > raised for at, _ in invoice.debtor_said)
        return "mutual" if paid or any(at > raised for at in invoice.withdrawn) else "asserted"

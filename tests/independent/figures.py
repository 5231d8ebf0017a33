"""The figures of a set of invoices and payments in one currency (docs/definitions.md, sections 3 to 5 and 13)."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

from independent.currencies import MINOR_UNITS
from independent.states import Invoice, Part, Payment

ANCHORS = ((-30, 100), (-20, 90), (0, 80), (15, 70), (22, 60), (30, 50), (60, 40), (90, 30), (120, 20), (180, 1))
AGES = (("current", 0), ("d1to30", 30), ("d31to60", 60), ("d61to90", 90))
NO_EXPERIENCE = "no invoice is settled or past due"
NO_VALUE = "nothing was invoiced"


def total(amounts: Iterable[Decimal | Fraction | int]) -> Fraction:
    return sum((Fraction(amount) for amount in amounts), Fraction(0))


def amount_text(amount: Fraction, currency: str) -> str:
    places = MINOR_UNITS.get(currency, 2)
    while amount * 10**places % 1:
        places += 1
    digits = str(int(amount * 10**places)).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


def ratio_text(value: Fraction) -> str:
    rounded = round(value * 10_000)  # a fraction is rounded half to even, exactly
    digits = str(abs(rounded)).rjust(5, "0")
    return f"{'-' if rounded < 0 else ''}{digits[:-4]}.{digits[-4:]}"


def score(days: int) -> Fraction:
    if days <= ANCHORS[0][0]:
        return Fraction(ANCHORS[0][1])
    for (before, high), (after, low) in pairwise(ANCHORS):
        if days <= after:
            return high + Fraction(low - high) * (days - before) / (after - before)
    return Fraction(ANCHORS[-1][1])


class Experience:
    """A settled invoice, or one past due and not settled."""

    def __init__(self, invoice: Invoice, paid: date) -> None:
        self.days, self.weight = (paid - invoice.due).days, Fraction(invoice.effective)


def experiences(invoices: list[Invoice], day: date) -> list[Experience]:
    found = []
    for invoice in invoices:
        if invoice.status == "settled":
            assert invoice.paid_date is not None
            found.append(Experience(invoice, invoice.paid_date))
        elif invoice.status in ("open", "written off") and invoice.due < day:
            found.append(Experience(invoice, day))
    return found


def high_credit(invoices: list[Invoice], day: date) -> tuple[Fraction, date] | None:
    changes: dict[date, Fraction] = {}

    def change(on: date, amount: Fraction) -> None:
        changes[on] = changes.get(on, Fraction(0)) + amount

    for invoice in invoices:
        first = min(invoice.issued, day)
        change(first, Fraction(invoice.amount))
        for part in [*invoice.credits, *invoice.receipts, *invoice.write_offs]:
            change(min(max(part.day, first), day), -Fraction(part.amount))
    days = sorted(changes)
    balances = list(accumulate(changes[on] for on in days))
    highest = max(balances, default=Fraction(0))
    return (highest, days[balances.index(highest)]) if highest > 0 else None


class Figures:
    """The object of one currency, with a reason for each null."""

    def __init__(self, currency: str) -> None:
        self.currency, self.reasons = currency, dict[str, str]()
        self.found: dict[str, Any] = {}

    def count(self, name: str, items: list[Any]) -> None:
        self.found[name] = len(items)

    def amount(self, name: str, amounts: Iterable[Decimal | Fraction]) -> Fraction:
        amount = total(amounts)
        self.found[name] = self.text(amount)
        return amount

    def text(self, amount: Fraction) -> str:
        return amount_text(amount, self.currency)

    def ratio(self, name: str, above: Fraction | int, below: Fraction | int, reason: str) -> None:
        if below:
            self.found[name] = ratio_text(Fraction(above) / below)
        else:
            self.null(name, reason)

    def null(self, name: str, reason: str) -> None:
        self.found[name], self.reasons[name] = None, reason

    def whole(self) -> dict[str, Any]:
        return {**self.found, "reasons": self.reasons}


def figures(all_invoices: list[Invoice], payments: list[Payment], currency: str, day: date) -> dict[str, Any]:
    made = Figures(currency)
    cancelled = [each for each in all_invoices if each.status == "cancelled"]
    invoices = [each for each in all_invoices if each.status != "cancelled"]
    disputed = [each for each in invoices if each.status == "disputed"]
    clear = [each for each in invoices if each.status != "disputed"]
    made.count("invoiceCount", invoices)
    made.count("cancelledCount", cancelled)
    invoiced = made.amount("invoicedAmount", (each.amount for each in invoices))
    _payments(made, payments)

    def parts(which: Callable[[Invoice], list[Part]]) -> list[Part]:
        return [part for each in invoices for part in which(each)]

    credited = made.amount("creditedAmount", (part.amount for part in parts(lambda each: each.credits)))
    made.amount("paidAmount", (part.amount for part in parts(lambda each: each.receipts)))
    losses = parts(lambda each: each.write_offs)
    written_off = made.amount("writtenOffAmount", (part.amount for part in losses))
    diluted = credited + total(part.amount for part in losses if not part.insolvency)
    made.ratio("dilutionRate", diluted, invoiced, NO_VALUE)
    made.ratio("writeOffRate", written_off, invoiced, NO_VALUE)

    _days(made, invoices, day)
    ever = [each for each in invoices if each.ever_disputed]
    made.count("disputedCount", ever)
    made.count("disputedOpenCount", disputed)
    made.amount("disputedOpenAmount", (each.open for each in disputed))
    made.ratio("disputeRateByCount", len(ever), len(invoices), "no invoice")
    made.ratio("disputeRateByValue", total(each.amount for each in ever), invoiced, NO_VALUE)

    _owed(made, clear, day)
    highest = high_credit(invoices, day)
    if highest is None:
        made.null("highCredit", "nothing was owed at the end of any day" if invoiced else NO_VALUE)
    else:
        made.found["highCredit"] = {"amount": made.text(highest[0]), "date": highest[1].isoformat()}
    _words(made, invoices, invoiced)
    made.found["trend"] = _trend(invoices, currency, day)
    return made.whole()


def _payments(made: Figures, payments: list[Payment]) -> None:
    counting = [each for each in payments if each.counts]
    claims = [each for each in payments if not each.counts and (each.is_receipt or not each.twin)]
    made.amount("unappliedAmount", (Fraction(each.terms["amount"]) - each.taken for each in counting))
    made.amount("claimedAmount", (Fraction(each.terms["amount"]) for each in claims))


def _days(made: Figures, invoices: list[Invoice], day: date) -> None:
    settled = [each for each in invoices if each.status == "settled"]
    known = experiences(invoices, day)
    weight, count = total(each.weight for each in known), len(known)
    made.count("settledCount", settled)
    made.count("experienceCount", known)
    for name, least in (("daysBeyondTerms", 0), ("daysToTerms", None)):
        days = [each.days if least is None else max(least, each.days) for each in known]
        weighted = total(each.weight * many for each, many in zip(known, days, strict=True))
        made.ratio(f"{name}Weighted", weighted, weight, NO_EXPERIENCE)
        made.ratio(f"{name}Mean", sum(days), count, NO_EXPERIENCE)
    in_time = [each for each in known if each.days <= 0]
    made.ratio("onTimeRateByCount", len(in_time), count, NO_EXPERIENCE)
    made.ratio("onTimeRateByValue", total(each.weight for each in in_time), weight, NO_EXPERIENCE)
    taken = sum((each.paid_date - each.issued).days for each in settled if each.paid_date)
    made.ratio("averageDaysToPay", taken, len(settled), "no invoice is settled")
    scored = total(each.weight * score(each.days) for each in known)
    too_few = "fewer than 3 invoices are settled or past due"
    made.ratio("paymentIndex", scored, weight if count >= 3 else 0, too_few)


def _owed(made: Figures, clear: list[Invoice], day: date) -> None:
    opened = made.amount("openAmount", (each.open for each in clear))
    made.amount("overdueAmount", (each.open for each in clear if each.due < day))
    ages = dict.fromkeys([*(name for name, _ in AGES), "d91plus"], Fraction(0))
    for each in clear:
        past = (day - each.due).days
        ages[next((name for name, last in AGES if past <= last), "d91plus")] += Fraction(each.open)
    made.found["ageing"] = {name: made.text(amount) for name, amount in ages.items()}
    sales = total(each.effective for each in clear if day - timedelta(days=90) < each.issued <= day)
    made.ratio("daysSalesOutstanding", opened * 90, sales, f"{NO_VALUE} in the 90 days up to the as-of date")


def _words(made: Figures, invoices: list[Invoice], invoiced: Fraction) -> None:
    if invoiced:
        shares = {
            word: total(each.amount for each in invoices if each.word == word)
            for word in ("mutual", "asserted", "disputed", "selfReported")
        }
        made.found["evidence"] = {word: ratio_text(share / invoiced) for word, share in shares.items()}
    else:
        made.null("evidence", NO_VALUE)
    made.ratio("witnessedShare", total(each.amount for each in invoices if each.witnessed), invoiced, NO_VALUE)


def _trend(invoices: list[Invoice], currency: str, day: date) -> list[dict[str, Any]]:
    quarters: dict[str, list[Invoice]] = {}
    for each in invoices:
        quarters.setdefault(f"{each.due.year:04}-Q{(each.due.month - 1) // 3 + 1}", []).append(each)
    found = []
    for name, due in sorted(quarters.items()):
        made, known = Figures(currency), experiences(due, day)
        made.found["quarter"] = name
        made.count("invoiceCount", due)
        invoiced = made.amount("invoicedAmount", (each.amount for each in due))
        weight = total(each.weight for each in known)
        late = total(each.weight * each.days for each in known if each.days > 0)
        made.ratio("daysBeyondTermsWeighted", late, weight, NO_EXPERIENCE)
        in_time = total(each.weight for each in known if each.days <= 0)
        made.ratio("onTimeRateByValue", in_time, weight, NO_EXPERIENCE)
        ever = total(each.amount for each in due if each.ever_disputed)
        made.ratio("disputeRateByValue", ever, invoiced, NO_VALUE)
        found.append(made.whole())
    return found

"""Matching: which invoices a payment pays, by what it says of itself; what is not sure goes to a work list.

Rules, the first that finds anything decides:

1. structured remittance: creditor references and document numbers, each block with its own share of the sum;
2. a document number, or the reference that the invoice asks for, as a whole token of the unstructured text;
3. the end-to-end id, where it is, or holds, what an invoice asks for;
4. the exact open sum of one invoice, from a payer known by an identifier. Names only suggest.

And then:

- an invoice gets at most what is open of it; payments take in the order of day and key, whatever the order of input;
- one invoice paid short stays open for the rest; what is over stays unallocated; shares that the payer states hold;
- several invoices that are paid short without shares, or anything that fits twice, is never guessed.

Pure: the same payments and invoices, in any order, give the same matching.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from tallystick.intake.bank.cases import (
    CONFIDENCE,
    OTHER_CURRENCY_LESS,
    THRESHOLD,
    Allocation,
    Candidate,
    Match,
    Matching,
    Note,
    OpenInvoice,
    Paid,
    Reason,
    Rule,
    Unmatched,
)
from tallystick.intake.bank.hints import each_normal
from tallystick.intake.bank.naming import MAX_CANDIDATES, NO_KEYS, Keys, Named, Names, in_both, some_of
from tallystick.intake.bank.records import Amount

_ZERO = Decimal(0)
_NO_FACTS: Mapping[str, str] = {}


def match(paid: Iterable[Paid], invoices: Iterable[OpenInvoice], threshold: int = THRESHOLD) -> Matching:
    """Each of ``paid`` with the ``invoices`` that it pays, or on the work list with what speaks for what.

    Keys of payments and of invoices are unique; a match below ``threshold`` (0 to 100) is only suggested.
    """
    matcher = _Matcher(list(invoices), threshold)
    ordered = sorted(paid, key=lambda each: (each.day, each.key))
    silent = [each for each in ordered if not matcher.match_named(each)]
    matcher.match_by_amount(silent)
    order = {each.key: at for at, each in enumerate(ordered)}
    return Matching(
        tuple(sorted(matcher.matches, key=lambda found: order[found.paid.key])),
        tuple(sorted(matcher.work, key=lambda found: order[found.paid.key])),
    )


class _Matcher:
    def __init__(self, invoices: Sequence[OpenInvoice], threshold: int) -> None:
        self.matches: list[Match] = []
        self.work: list[Unmatched] = []
        self._threshold = threshold
        self._invoices = {invoice.key: invoice for invoice in sorted(invoices, key=lambda each: each.key)}
        self._left = {key: invoice.open_amount for key, invoice in self._invoices.items()}
        self._names = Names(self._invoices)
        self._by_open: dict[tuple[str, Decimal], Keys] = defaultdict(dict)
        self._by_name: dict[tuple[str, str], Keys] = defaultdict(dict)
        self._open: dict[str, Keys] = defaultdict(dict)
        for key, invoice in self._invoices.items():
            if invoice.open_amount:
                self._open[invoice.currency][key] = None
                self._by_open[invoice.currency, invoice.open_amount][key] = None
                for name in each_normal(invoice.names):
                    self._by_name[invoice.currency, name][key] = None

    # ---- payments that name invoices ------------------------------------------------------------------------------

    def match_named(self, paid: Paid) -> bool:
        """Match ``paid`` by what it names, or put it on the work list; False where it names no invoice."""
        named = self._names.read(paid)
        if named.problem is not None:
            self._put(paid, named.problem, {**named.candidates, **named.found})
            return True
        if not named.found:
            if not named.unknown:
                return False
            facts = {"names": ", ".join(named.unknown)}
            self._put(paid, Reason.UNKNOWN_REFERENCE, self._suggestions(paid), facts)
            return True
        self._allocate(paid, named)
        return True

    def _allocate(self, paid: Paid, named: Named) -> None:
        """Allocate ``paid`` to the invoices that it names, unless something speaks against it."""
        invoices = [self._invoices[key] for key in sorted(named.found)]
        currencies = {invoice.currency for invoice in invoices}
        amount = paid.in_currency(next(iter(currencies))) if len(currencies) == 1 else None
        if amount is None:
            facts = {"currencies": ", ".join(sorted(currencies))}
            self._put(paid, Reason.OTHER_CURRENCY, named.found, facts)
            return
        currency = currencies.pop()
        if (problem := self._speaks_against(paid, invoices)) is not None:
            self._put(paid, problem, named.found)
            return
        if named.unknown:
            self._put(paid, Reason.UNKNOWN_REFERENCE, named.found, {"names": ", ".join(named.unknown)})
            return
        parts, reason = self._parts(amount, invoices, named)
        if parts is None:
            left = sum((self._left[invoice.key] for invoice in invoices), _ZERO)
            stated = sum(named.stated.values(), _ZERO)
            facts = {
                "paid": f"{amount:f} {currency}",
                "open": f"{left:f} {currency}",
                "stated": f"{stated:f} {currency}",
            }
            self._put(paid, reason, named.found, facts)
            return
        agrees = sum((self._left[key] for key in parts), _ZERO) == amount
        less = 0 if currency == paid.amount.currency else OTHER_CURRENCY_LESS
        sure = {key: self._confidence(named.found[key], agrees) - less for key in parts}
        if min(sure.values()) < self._threshold:
            self._put(paid, Reason.UNSURE, {key: (named.found[key][0], sure[key]) for key in parts})
            return
        allocations = tuple(Allocation(key, part, named.found[key][0], sure[key]) for key, part in parts.items())
        self._make(paid, Amount(amount, currency), invoices[0].payer, allocations)

    @staticmethod
    def _confidence(found: tuple[Rule, int], agrees: bool) -> int:
        return max(found[1], CONFIDENCE[Rule.AMOUNT_AND_PARTY]) if agrees else found[1]

    def _speaks_against(self, paid: Paid, invoices: Sequence[OpenInvoice]) -> Reason | None:
        payers = {invoice.payer for invoice in invoices}
        if len(payers) > 1:
            return Reason.SEVERAL_PAYERS
        shown = self._names.of_payer(paid)
        if shown and not any(self._invoices[key].payer in payers for keys in shown for key in keys):
            return Reason.OTHER_PAYER
        if not any(self._left[invoice.key] for invoice in invoices):
            return Reason.NOTHING_OPEN
        return None

    def _parts(
        self, amount: Decimal, invoices: Sequence[OpenInvoice], named: Named
    ) -> tuple[dict[str, Decimal] | None, Reason]:
        """What each invoice gets of ``amount``, or None and why that can't be said."""
        left = {invoice.key: self._left[invoice.key] for invoice in invoices}
        if len(left) == 1:  # all of it is for that one: what the payer took off leaves the rest open
            (key,) = left
            return {key: min(amount, left[key], named.stated.get(key, amount))}, Reason.NO_MATCH
        if named.stated:
            if set(named.stated) != set(left) or sum(named.stated.values(), _ZERO) != amount:
                return None, Reason.SHARES_DIFFER
            parts = {key: min(part, left[key]) for key, part in sorted(named.stated.items())}
            positive = {key: part for key, part in parts.items() if part}
            return (positive, Reason.NO_MATCH) if positive else (None, Reason.NOTHING_OPEN)
        total = sum(left.values(), _ZERO)
        if total > amount:
            return None, Reason.SHORT_FOR_SEVERAL
        if total < amount and not all(left.values()):
            return None, Reason.NOTHING_OPEN
        return {key: part for key, part in left.items() if part}, Reason.NO_MATCH

    def _take(self, key: str, amount: Decimal) -> None:
        """Take ``amount`` from what is open of the invoice ``key``."""
        if not amount:
            return
        invoice = self._invoices[key]
        self._by_open[invoice.currency, invoice.open_amount].pop(key, None)
        self._left[key] -= amount
        if not self._left[key]:
            self._open[invoice.currency].pop(key, None)
            for name in each_normal(invoice.names):
                self._by_name[invoice.currency, name].pop(key, None)

    def _make(self, paid: Paid, amount: Amount, payer: str | None, allocations: tuple[Allocation, ...]) -> None:
        notes = []
        discount = sum((share.discount.value for share in paid.shares if share.discount is not None), _ZERO)
        for allocation in allocations:
            self._take(allocation.invoice, allocation.amount)
        short = sum((self._left[allocation.invoice] for allocation in allocations), _ZERO)
        unallocated = amount.value - sum((allocation.amount for allocation in allocations), _ZERO)
        if short:
            reason = Reason.DISCOUNT if short == discount else Reason.SHORT
            notes.append(Note(reason, {"short": f"{short:f} {amount.currency}"}))
        if unallocated:
            notes.append(Note(Reason.OVERPAID, {"over": f"{unallocated:f} {amount.currency}"}))
        self.matches.append(Match(paid, amount, payer, allocations, unallocated, tuple(notes)))

    # ---- payments that name none ----------------------------------------------------------------------------------

    def match_by_amount(self, silent: Sequence[Paid]) -> None:
        """Match payments that name nothing by their exact sum and the payer's identifier, where nothing else fits."""
        owed: dict[tuple[str, Decimal, str], Keys] = defaultdict(dict)
        for key, invoice in self._invoices.items():
            if left := self._left[key]:
                for identifier in each_normal(invoice.identifiers):
                    owed[invoice.currency, left, identifier][key] = None
        offered: dict[tuple[str, Decimal, str], Keys] = defaultdict(dict)
        for paid in silent:
            for identifier in each_normal(paid.identifiers):
                offered[paid.amount.currency, paid.amount.value, identifier][paid.key] = None
        rule = Rule.AMOUNT_AND_PARTY
        for paid in silent:
            sum_ = paid.amount.currency, paid.amount.value
            keys = some_of(owed.get((*sum_, identifier), NO_KEYS) for identifier in each_normal(paid.identifiers))
            found = dict.fromkeys(keys, (rule, CONFIDENCE[rule]))
            if len(keys) > 1:
                self._put(paid, Reason.AMBIGUOUS, found)
                continue
            payers = [] if not keys else each_normal(self._invoices[keys[0]].identifiers)
            if len(some_of(offered.get((*sum_, identifier), NO_KEYS) for identifier in payers)) > 1:
                self._put(paid, Reason.CONTENDED, found)
            elif keys and CONFIDENCE[rule] >= self._threshold:
                allocation = Allocation(keys[0], paid.amount.value, rule, CONFIDENCE[rule])
                self._make(paid, paid.amount, self._invoices[keys[0]].payer, (allocation,))
            else:
                suggested = {**self._suggestions(paid), **found}
                reason = Reason.NO_MATCH if self._open.get(paid.amount.currency) else Reason.NO_INVOICE
                self._put(paid, Reason.UNSURE if suggested else reason, suggested)

    def _suggestions(self, paid: Paid) -> dict[str, tuple[Rule, int]]:
        """The open invoices of the same sum, and those of whoever is called as the payer is: some of each."""
        currency, of_sum, of_name = paid.amount.currency, Rule.SAME_AMOUNT, Rule.SAME_NAME
        same_sum = self._by_open.get((currency, paid.amount.value), NO_KEYS)
        same_name = [self._by_name.get((currency, name), NO_KEYS) for name in each_normal(paid.names)]
        suggested: dict[str, tuple[Rule, int]] = {}
        both = some_of(in_both(keys, same_sum) for keys in same_name)
        suggested |= dict.fromkeys(both, (of_sum, CONFIDENCE[of_sum] + CONFIDENCE[of_name]))
        for rule, groups in ((of_sum, [same_sum]), (of_name, same_name)):
            others = some_of((key for key in keys if key not in suggested) for keys in groups)
            suggested |= dict.fromkeys(others, (rule, CONFIDENCE[rule]))
        return suggested

    def _put(
        self, paid: Paid, reason: Reason, found: Mapping[str, tuple[Rule, int]], facts: Mapping[str, str] = _NO_FACTS
    ) -> None:
        ranked = sorted(found.items(), key=lambda item: (-item[1][1], item[0]))
        candidates = tuple(Candidate(key, rule, sure) for key, (rule, sure) in ranked[:MAX_CANDIDATES])
        self.work.append(Unmatched(paid, reason, candidates, facts))

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
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain, islice
from typing import TypeAlias

from tallystick.intake.bank.cases import (
    CONFIDENCE,
    OTHER_CURRENCY_LESS,
    THRESHOLD,
    WEAK_NUMBER,
    Allocation,
    Candidate,
    Match,
    Matching,
    Note,
    OpenInvoice,
    Paid,
    Reason,
    Rule,
    Share,
    Unmatched,
)
from tallystick.intake.bank.hints import is_weak, meanings, normal, phrases, spellings, weak_meanings
from tallystick.intake.bank.records import Amount

MAX_CANDIDATES = 5
SHORTEST_REFERENCE = 4
"""Characters from which a creditor reference stands for itself: 1 is what programs fill in; the Finnish have 4."""
_ZERO = Decimal(0)
_NO_FACTS: Mapping[str, str] = {}
_Keys: TypeAlias = dict[str, None]
"""Keys of invoices, each once, in their order."""
_NO_KEYS: _Keys = {}


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


@dataclass(slots=True)
class _Named:
    """What one payment names: by invoice the rule, how sure it is, and the share that the payer states."""

    found: dict[str, tuple[Rule, int]] = field(default_factory=dict)
    phrase: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By invoice the words that name it, where it was found by words."""
    stated: dict[str, Decimal] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    problem: Reason | None = None
    candidates: dict[str, tuple[Rule, int]] = field(default_factory=dict)

    def note(self, invoice: str, rule: Rule, confidence: int) -> None:
        if invoice not in self.found or self.found[invoice][1] < confidence:
            self.found[invoice] = (rule, confidence)


class _Matcher:
    def __init__(self, invoices: Sequence[OpenInvoice], threshold: int) -> None:
        self.matches: list[Match] = []
        self.work: list[Unmatched] = []
        self._threshold = threshold
        self._invoices = {invoice.key: invoice for invoice in sorted(invoices, key=lambda each: each.key)}
        self._left = {key: invoice.open_amount for key, invoice in self._invoices.items()}
        self._by_phrase: dict[tuple[str, ...], _Keys] = defaultdict(dict)
        self._by_asked: dict[tuple[str, ...], _Keys] = defaultdict(dict)
        self._by_reference: dict[str, _Keys] = defaultdict(dict)
        self._by_identifier: dict[str, _Keys] = defaultdict(dict)
        self._by_open: dict[tuple[str, Decimal], _Keys] = defaultdict(dict)
        self._by_name: dict[tuple[str, str], _Keys] = defaultdict(dict)
        self._open: dict[str, _Keys] = defaultdict(dict)
        for key, invoice in self._invoices.items():
            for phrase in spellings(invoice.number or ""):
                self._by_phrase[phrase][key] = None
            for phrase in {phrase for reference in invoice.references for phrase in spellings(reference)}:
                self._by_asked[phrase][key] = None
            joined = {normal(name) for name in (invoice.number or "", *invoice.references)}
            for spelled in {*joined, *(each.lstrip("0") for each in joined if each.isdigit())} - {""}:
                self._by_reference[spelled][key] = None
            for identifier in _normal(invoice.identifiers):
                self._by_identifier[identifier][key] = None
            if invoice.open_amount:
                self._open[invoice.currency][key] = None
                self._by_open[invoice.currency, invoice.open_amount][key] = None
                for name in _normal(invoice.names):
                    self._by_name[invoice.currency, name][key] = None

    # ---- what a payment names -------------------------------------------------------------------------------------

    def match_named(self, paid: Paid) -> bool:
        """Match ``paid`` by what it names, or put it on the work list; False where it names no invoice."""
        named = self._read(paid)
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

    def _read(self, paid: Paid) -> _Named:
        named = _Named()
        for share in paid.shares:
            self._read_share(paid, share, named)
        if named.found or named.problem is not None or named.unknown:
            return named
        said = sorted(phrases(paid.texts))
        for names in (self._by_phrase, self._by_asked):
            if not named.found and named.problem is None:
                self._name(paid, said, names, Rule.NUMBER_IN_TEXT, named)
        if not named.found and named.problem is None and paid.end_to_end is not None:
            said = sorted({*phrases([paid.end_to_end]), (normal(paid.end_to_end),)})
            self._name(paid, said, self._by_phrase, Rule.END_TO_END_ID, named)
            sure = WEAK_NUMBER if is_weak(paid.end_to_end) else CONFIDENCE[Rule.END_TO_END_ID]
            for key in self._fitting(paid, self._by_reference.get(normal(paid.end_to_end), _NO_KEYS)):
                named.note(key, Rule.END_TO_END_ID, sure)
        self._drop_parts_of_longer(named)
        return named

    def _read_share(self, paid: Paid, share: Share, named: _Named) -> None:
        """Add what one block of structured remittance names; what it takes off for a credit note names no invoice."""
        if share.credited is not None and share.amount is None:
            return
        by_number: set[str] = set()
        for number in share.numbers:
            keys = self._fitting(paid, self._by_phrase.get((normal(number),), _NO_KEYS))
            if len(keys) > 1:
                self._ambiguous(named, keys, Rule.DOCUMENT_NUMBER)
                return
            by_number.update(keys)
        by_reference: set[str] = set()
        sure = CONFIDENCE[Rule.STRUCTURED_REFERENCE]
        if share.reference is not None:
            narrower = by_number or self._told(paid)
            by_reference = self._referenced(paid, meanings(share.reference), narrower)
            if len(normal(share.reference)) < SHORTEST_REFERENCE:
                sure = WEAK_NUMBER
            if not by_reference:
                by_reference = self._referenced(paid, weak_meanings(share.reference), narrower)
                sure = WEAK_NUMBER
            if len(by_reference) > 1:
                self._ambiguous(named, sorted(by_reference), Rule.STRUCTURED_REFERENCE)
                return
        if by_number and by_reference and by_number != by_reference:
            named.problem = Reason.CONTRADICTORY
            named.candidates |= dict.fromkeys(by_number, (Rule.DOCUMENT_NUMBER, CONFIDENCE[Rule.DOCUMENT_NUMBER]))
            rule = Rule.STRUCTURED_REFERENCE
            named.candidates |= dict.fromkeys(by_reference, (rule, CONFIDENCE[rule]))
            return
        found = by_reference or by_number
        for key in by_reference:
            named.note(key, Rule.STRUCTURED_REFERENCE, sure)
        for key in by_number:
            named.note(key, Rule.DOCUMENT_NUMBER, CONFIDENCE[Rule.DOCUMENT_NUMBER])
        if not found or len(by_number) not in (0, len(share.numbers)):
            named.unknown += [*share.numbers, *([share.reference] if share.reference else [])]
        if share.amount is not None and len(found) == 1:
            (key,) = found
            if share.amount.currency != self._invoices[key].currency:
                return
            named.stated[key] = named.stated.get(key, _ZERO) + share.amount.value

    def _told(self, paid: Paid) -> set[str]:
        """The invoices whose number stands in the text of ``paid``."""
        return {key for phrase in phrases(paid.texts) for key in self._by_phrase.get(phrase, ())}

    def _referenced(self, paid: Paid, numbers: Iterable[str], narrower: Collection[str]) -> set[str]:
        """The invoices that ask for one of ``numbers``: of several, as one customer's may, those in ``narrower``."""
        found: set[str] = set()
        for number in numbers:
            keys = self._by_reference.get(number, _NO_KEYS)
            named = dict.fromkeys(sorted(key for key in narrower if key in keys)) if len(keys) > 1 else keys
            found.update(self._fitting(paid, named or keys))
        return found

    def _name(
        self,
        paid: Paid,
        said: Iterable[tuple[str, ...]],
        names: Mapping[tuple[str, ...], _Keys],
        rule: Rule,
        named: _Named,
    ) -> None:
        for phrase in said:
            keys = self._fitting(paid, names.get(phrase, _NO_KEYS))
            if len(keys) > 1:
                self._ambiguous(named, keys, rule)
            for key in keys:
                named.note(key, rule, WEAK_NUMBER if is_weak("".join(phrase)) else CONFIDENCE[rule])
                named.phrase.setdefault(key, phrase)

    def _ambiguous(self, named: _Named, keys: Iterable[str], rule: Rule) -> None:
        named.problem = Reason.AMBIGUOUS
        named.candidates |= dict.fromkeys(keys, (rule, CONFIDENCE[rule]))

    def _drop_parts_of_longer(self, named: _Named) -> None:
        """``INV 2026 001`` names the invoice of that number, not also one that is called ``2026``."""
        whole = {key: _phrases_of(self._invoices[key]) for key in named.found}
        for key, own in sorted(named.phrase.items()):
            others = (phrase for other, phrases_of in whole.items() if other != key for phrase in phrases_of)
            if any(_is_within(own, other) for other in others):
                del named.found[key]

    def _fitting(self, paid: Paid, keys: _Keys) -> list[str]:
        """Those of ``keys`` that ``paid`` may mean: of several, only those of the payer whom an identifier shows.

        Of many, some: none of them is meant.
        """
        if len(keys) < 2:
            return list(keys)
        of_payer = (self._by_identifier.get(identifier, _NO_KEYS) for identifier in _normal(paid.identifiers))
        return _some(_both(keys, own) for own in of_payer) or _some([keys])

    # ---- what it pays ---------------------------------------------------------------------------------------------

    def _allocate(self, paid: Paid, named: _Named) -> None:
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
        shown = [self._by_identifier[each] for each in _normal(paid.identifiers) if each in self._by_identifier]
        if shown and not any(self._invoices[key].payer in payers for keys in shown for key in keys):
            return Reason.OTHER_PAYER
        if not any(self._left[invoice.key] for invoice in invoices):
            return Reason.NOTHING_OPEN
        return None

    def _parts(
        self, amount: Decimal, invoices: Sequence[OpenInvoice], named: _Named
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
            for name in _normal(invoice.names):
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

    # ---- what says nothing ----------------------------------------------------------------------------------------

    def match_by_amount(self, silent: Sequence[Paid]) -> None:
        """Match payments that name nothing by their exact sum and the payer's identifier, where nothing else fits."""
        owed: dict[tuple[str, Decimal, str], _Keys] = defaultdict(dict)
        for key, invoice in self._invoices.items():
            if left := self._left[key]:
                for identifier in _normal(invoice.identifiers):
                    owed[invoice.currency, left, identifier][key] = None
        offered: dict[tuple[str, Decimal, str], _Keys] = defaultdict(dict)
        for paid in silent:
            for identifier in _normal(paid.identifiers):
                offered[paid.amount.currency, paid.amount.value, identifier][paid.key] = None
        rule = Rule.AMOUNT_AND_PARTY
        for paid in silent:
            sum_ = paid.amount.currency, paid.amount.value
            keys = _some(owed.get((*sum_, identifier), _NO_KEYS) for identifier in _normal(paid.identifiers))
            found = dict.fromkeys(keys, (rule, CONFIDENCE[rule]))
            if len(keys) > 1:
                self._put(paid, Reason.AMBIGUOUS, found)
                continue
            payers = [] if not keys else _normal(self._invoices[keys[0]].identifiers)
            if len(_some(offered.get((*sum_, identifier), _NO_KEYS) for identifier in payers)) > 1:
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
        same_sum = self._by_open.get((currency, paid.amount.value), _NO_KEYS)
        same_name = [self._by_name.get((currency, name), _NO_KEYS) for name in _normal(paid.names)]
        suggested: dict[str, tuple[Rule, int]] = {}
        both = _some(_both(keys, same_sum) for keys in same_name)
        suggested |= dict.fromkeys(both, (of_sum, CONFIDENCE[of_sum] + CONFIDENCE[of_name]))
        for rule, groups in ((of_sum, [same_sum]), (of_name, same_name)):
            others = _some((key for key in keys if key not in suggested) for keys in groups)
            suggested |= dict.fromkeys(others, (rule, CONFIDENCE[rule]))
        return suggested

    def _put(
        self, paid: Paid, reason: Reason, found: Mapping[str, tuple[Rule, int]], facts: Mapping[str, str] = _NO_FACTS
    ) -> None:
        ranked = sorted(found.items(), key=lambda item: (-item[1][1], item[0]))
        candidates = tuple(Candidate(key, rule, sure) for key, (rule, sure) in ranked[:MAX_CANDIDATES])
        self.work.append(Unmatched(paid, reason, candidates, facts))


def _some(groups: Iterable[Iterable[str]]) -> list[str]:
    """The first keys of ``groups``, each once, as many as are shown: of more, none is meant."""
    return list(
        islice(dict.fromkeys(chain.from_iterable(islice(keys, MAX_CANDIDATES) for keys in groups)), MAX_CANDIDATES)
    )


def _both(one: _Keys, other: _Keys) -> Iterator[str]:
    """The keys in ``one`` and ``other``."""
    few, many = sorted((one, other), key=len)
    return (key for key in few if key in many)


def _normal(names: Iterable[str]) -> list[str]:
    """``names`` as one run each, in order, each once."""
    return sorted({normal(name) for name in names} - {""})


def _phrases_of(invoice: OpenInvoice) -> set[tuple[str, ...]]:
    """The words by which a text may name ``invoice``: its number, and what it asks the payer to state."""
    return {phrase for name in (invoice.number or "", *invoice.references) for phrase in spellings(name)}


def _is_within(inner: tuple[str, ...], outer: tuple[str, ...]) -> bool:
    """Whether the runs ``inner`` stand side by side within the longer ``outer``."""
    size = len(inner)
    return 0 < size < len(outer) and any(outer[at : at + size] == inner for at in range(len(outer) - size + 1))

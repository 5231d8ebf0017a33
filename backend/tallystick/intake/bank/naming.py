"""What a payment names: the invoices that its remittance, its text or its end-to-end id tells of.

What is taken off for a credit note names no invoice. Of several that have what is told, the payer's are meant, where an
identifier shows who pays; if several are left, none is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain, islice
from typing import TypeAlias

from tallystick.intake.bank.cases import CONFIDENCE, WEAK_NUMBER, OpenInvoice, Paid, Reason, Rule, Share
from tallystick.intake.bank.hints import each_normal, is_weak, meanings, normal, phrases, spellings, weak_meanings

MAX_CANDIDATES = 5
SHORTEST_REFERENCE = 4
"""Characters from which a creditor reference stands for itself: 1 is what programs fill in; the Finnish have 4."""
Keys: TypeAlias = dict[str, None]
"""Keys of invoices, each once, in their order."""
NO_KEYS: Keys = {}
_ZERO = Decimal(0)


@dataclass(slots=True)
class Named:
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

    def suggest(self, invoices: Iterable[str], rule: Rule, problem: Reason) -> None:
        """None of ``invoices`` is named for sure, for ``problem``."""
        self.problem = problem
        self.candidates |= dict.fromkeys(invoices, (rule, CONFIDENCE[rule]))


class Names:
    """Invoices by what a payment may say of them."""

    def __init__(self, invoices: Mapping[str, OpenInvoice]) -> None:
        self._invoices = invoices
        self._by_phrase: dict[tuple[str, ...], Keys] = defaultdict(dict)
        self._by_asked: dict[tuple[str, ...], Keys] = defaultdict(dict)
        self._by_reference: dict[str, Keys] = defaultdict(dict)
        self._by_identifier: dict[str, Keys] = defaultdict(dict)
        for key, invoice in invoices.items():
            for phrase in spellings(invoice.number or ""):
                self._by_phrase[phrase][key] = None
            for phrase in {phrase for reference in invoice.references for phrase in spellings(reference)}:
                self._by_asked[phrase][key] = None
            joined = {normal(name) for name in (invoice.number or "", *invoice.references)}
            for spelled in {*joined, *(each.lstrip("0") for each in joined if each.isdigit())} - {""}:
                self._by_reference[spelled][key] = None
            for identifier in each_normal(invoice.identifiers):
                self._by_identifier[identifier][key] = None

    def of_payer(self, paid: Paid) -> list[Keys]:
        """The invoices of whoever an identifier shows to have paid, by each identifier that any has."""
        found = (self._by_identifier.get(identifier, NO_KEYS) for identifier in each_normal(paid.identifiers))
        return [keys for keys in found if keys]

    def read(self, paid: Paid) -> Named:
        """What ``paid`` names, by the first of the rules that finds anything."""
        named = Named()
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
            for key in self._fitting(paid, self._by_reference.get(normal(paid.end_to_end), NO_KEYS)):
                named.note(key, Rule.END_TO_END_ID, sure)
        self._drop_parts_of_longer(named)
        return named

    def _read_share(self, paid: Paid, share: Share, named: Named) -> None:
        """Add what one block of structured remittance names; what it takes off for a credit note names no invoice."""
        if share.credited is not None and share.amount is None:
            return
        by_number: set[str] = set()
        for number in share.numbers:
            keys = self._fitting(paid, self._by_phrase.get((normal(number),), NO_KEYS))
            if len(keys) > 1:
                named.suggest(keys, Rule.DOCUMENT_NUMBER, Reason.AMBIGUOUS)
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
                named.suggest(sorted(by_reference), Rule.STRUCTURED_REFERENCE, Reason.AMBIGUOUS)
                return
        if by_number and by_reference and by_number != by_reference:
            named.suggest(by_number, Rule.DOCUMENT_NUMBER, Reason.CONTRADICTORY)
            named.suggest(by_reference, Rule.STRUCTURED_REFERENCE, Reason.CONTRADICTORY)
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
            keys = self._by_reference.get(number, NO_KEYS)
            named = dict.fromkeys(sorted(key for key in narrower if key in keys)) if len(keys) > 1 else keys
            found.update(self._fitting(paid, named or keys))
        return found

    def _name(
        self,
        paid: Paid,
        said: Iterable[tuple[str, ...]],
        names: Mapping[tuple[str, ...], Keys],
        rule: Rule,
        named: Named,
    ) -> None:
        for phrase in said:
            keys = self._fitting(paid, names.get(phrase, NO_KEYS))
            if len(keys) > 1:
                named.suggest(keys, rule, Reason.AMBIGUOUS)
            for key in keys:
                named.note(key, rule, WEAK_NUMBER if is_weak("".join(phrase)) else CONFIDENCE[rule])
                named.phrase.setdefault(key, phrase)

    def _drop_parts_of_longer(self, named: Named) -> None:
        """``INV 2026 001`` names the invoice of that number, not also one that is called ``2026``."""
        whole = {key: _phrases_of(self._invoices[key]) for key in named.found}
        for key, own in sorted(named.phrase.items()):
            others = (phrase for other, phrases_of in whole.items() if other != key for phrase in phrases_of)
            if any(_is_within(own, other) for other in others):
                del named.found[key]

    def _fitting(self, paid: Paid, keys: Keys) -> list[str]:
        """Those of ``keys`` that ``paid`` may mean: of several, only those of the payer whom an identifier shows.

        Of many, some: none of them is meant.
        """
        if len(keys) < 2:
            return list(keys)
        return some_of(in_both(keys, own) for own in self.of_payer(paid)) or some_of([keys])


def some_of(groups: Iterable[Iterable[str]]) -> list[str]:
    """The first keys of ``groups``, each once, as many as are shown: of more, none is meant."""
    return list(
        islice(dict.fromkeys(chain.from_iterable(islice(keys, MAX_CANDIDATES) for keys in groups)), MAX_CANDIDATES)
    )


def in_both(one: Keys, other: Keys) -> Iterator[str]:
    """The keys in ``one`` and ``other``."""
    few, many = sorted((one, other), key=len)
    return (key for key in few if key in many)


def _phrases_of(invoice: OpenInvoice) -> set[tuple[str, ...]]:
    """The words by which a text may name ``invoice``: its number, and what it asks the payer to state."""
    return {phrase for name in (invoice.number or "", *invoice.references) for phrase in spellings(name)}


def _is_within(inner: tuple[str, ...], outer: tuple[str, ...]) -> bool:
    """Whether the runs ``inner`` stand side by side within the longer ``outer``."""
    size = len(inner)
    return 0 < size < len(outer) and any(outer[at : at + size] == inner for at in range(len(outer) - size + 1))

"""Where documents become statements: resolved against the books, signed, checked and noted, one after the other.

Rules:

- who states a document signs it: where their key is elsewhere, the document is held for them to import;
- a deal is that of the contract whose number the document names, else the only one between the two;
- what was added is in the books at once, so that the next document finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from tallystick.credit.dates import start_of
from tallystick.errors import MalformedInput
from tallystick.intake import stating
from tallystick.intake.documents import Document, TradeParty
from tallystick.intake.stating import Fields
from tallystick.protocol import content
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import ZERO32, DealId, EvidenceId, PartyId, Timestamp
from tallystick.service.accept import ACCEPTED, Acceptance
from tallystick.service.context import Context
from tallystick.service.documents.batch import Batch
from tallystick.service.documents.books import Books
from tallystick.service.documents.catalogue import names_asked
from tallystick.service.documents.kept import Kept
from tallystick.service.documents.naming import Names
from tallystick.service.documents.outcomes import NAMES, Reason, Status, Stop
from tallystick.service.ports import Transaction
from tallystick.service.record import Statement, complete, sign_statement
from tallystick.store.records import EvidenceRecord, PartyRecord


@dataclass(frozen=True, slots=True)
class Rules:
    """What the user decides for a whole import.

    ``terms_days`` are the days to pay where neither document nor contract says. ``allow_similar`` lets invoices be
    recorded whose values are those of another, and whose number is nearly its number. ``parties`` are those in whose
    name evidence may be signed; None: all whose keys are here. ``conceals``: whoever asks may see nothing of others,
    so that those are answered as if they were not there.
    """

    terms_days: int | None = None
    allow_similar: bool = False
    parties: frozenset[PartyId] | None = None
    conceals: bool = False


class Desk:
    """One import at work. ``books`` and what was ``made`` outlive the transactions that it takes."""

    def __init__(self, context: Context, about: Batch, rules: Rules) -> None:
        self.books = Books()
        self.about = about
        self.rules = rules
        self.made: set[EvidenceId] = set()
        """What this import made, contracts that it countersigned included, and no document has claimed yet."""
        self.shared: set[EvidenceId] = set()
        """What this import made of two documents, the second of which is yet to come."""
        self._context = context
        self._names = Names()
        self._own_names: set[str] = set()

    def within(self, transaction: Transaction) -> Acceptance:
        """Work within ``transaction`` from now on; the acceptance keeps what is stated."""
        self._transaction = transaction
        self._acceptance = Acceptance(self._context, transaction)
        self.books.within(transaction)
        return self._acceptance

    def prepare(self, documents: Iterable[Document]) -> None:
        """Look up at once what ``documents`` are going to ask for."""
        names: list[bytes] = []
        for document in documents:
            issuer, other = (self._likely(side) for side in stating.named(document))
            names += names_asked(document, issuer, other)
        self.books.look_up(names)

    def _likely(self, named: TradeParty) -> PartyId | None:
        with suppress(Stop):
            found = self._names.find(self._transaction, named)
            return None if found is None else found.party
        return None

    def fingerprint_key(self) -> bytes:
        """The key of the fingerprints of this ledger."""
        return self._context.network_key

    def issuer(self, named: TradeParty) -> PartyRecord:
        """The party that states a document. Raises ``Stop`` where it is unknown, or this import can't sign for it."""
        if self.rules.conceals:
            party = self._names.find_own(self._transaction, named, self.rules.parties or frozenset())
        else:
            party = self._names.need(self._transaction, named)
        if not party.signers:
            raise Stop(Status.HELD, Reason.NO_KEY, name=party.name)
        if not self.signs_for(party):
            raise Stop(Status.HELD, Reason.NOT_ASKED, name=party.name)
        self._own_names.add(party.name)
        return party

    def told(self, facts: Mapping[str, str], document: Document) -> Mapping[str, str]:
        """``facts`` about ``document`` without the names of others, where those are concealed."""
        if not self.rules.conceals:
            return facts
        known = self._own_names | {side.name for side in stating.named(document)}
        return {key: value if key not in NAMES or value in known else "?" for key, value in facts.items()}

    def signs_for(self, party: PartyRecord) -> bool:
        """Whether a key of ``party`` is here, and this import may use it."""
        return bool(party.signers) and (self.rules.parties is None or party.party in self.rules.parties)

    def conceals(self, party: PartyRecord) -> bool:
        """Whether nothing of ``party`` may be told to whoever asked for this import."""
        return self.rules.conceals and not self.signs_for(party)

    def party(self, named: TradeParty) -> PartyRecord:
        """The party that is ``named``. Raises ``Stop`` where it is unknown."""
        return self._names.need(self._transaction, named)

    def pair(self, issuer: TradeParty, counterparty: TradeParty) -> tuple[PartyRecord, PartyRecord]:
        """Who states a document and to whom. Raises ``Stop`` where one is unknown, or both are one."""
        one, other = self.issuer(issuer), self.party(counterparty)
        if one.party == other.party:
            raise Stop(Status.HELD, Reason.ONE_PARTY, name=one.name)
        return one, other

    def customer(self, named: TradeParty) -> PartyRecord | None:
        """The party that is ``named``, or None where nobody is registered as that, not even by name."""
        party = self._names.find(self._transaction, named)
        if party is None:
            self._names.refuse_namesake(self._transaction, named)
        return party

    def deal(self, one: PartyRecord, other: PartyRecord, numbers: Sequence[str | None]) -> Kept | None:
        """The contract between the two that a document with these ``numbers`` of orders and contracts belongs to.

        Raises:
            Stop: that contract awaits a signature, or there are several and none is named.
        """
        for number in numbers:
            named = None if number is None else self.books.contract(one.party, other.party, number)
            if named is not None and number is not None:
                if named.record.state not in ACCEPTED:
                    raise Stop(Status.WAITS, Reason.NOT_COUNTERSIGNED, number=number)
                return named
        agreed = self.books.agreed(one.party, other.party)
        if len({each.record.evidence.deal for each in agreed}) > 1:
            raise Stop(Status.HELD, Reason.SEVERAL_CONTRACTS, one=one.name, other=other.name, count=str(len(agreed)))
        return agreed[0] if agreed else None

    def need_deal(self, one: PartyRecord, other: PartyRecord, numbers: Sequence[str | None]) -> Kept:
        """As ``deal``. Raises ``Stop`` also where there is no contract."""
        found = self.deal(one, other, numbers)
        if found is None:
            raise Stop(Status.WAITS, Reason.NO_CONTRACT, one=one.name, other=other.name)
        return found

    def state(
        self,
        kind: Kind,
        issuer: PartyRecord,
        counterparty: PartyRecord | None,
        fields: Fields,
        day: str,
        *,
        deal: DealId | None,
        parent: EvidenceRecord | None = None,
        countersigned: bool = False,
    ) -> EvidenceRecord:
        """Sign and accept a statement that was made on ``day``; ``deal`` None opens a new one.

        Raises:
            TallystickError: what a verifier would hold against it.
        """
        at = start_of(date.fromisoformat(day))
        if at < 0:
            raise MalformedInput(f"expected a date of 1970 or later, got {day}.")
        statement = Statement(
            kind=kind,
            issuer=issuer,
            counterparty=counterparty,
            deal=DealId(self._context.entropy.bytes(32)) if deal is None else deal,
            parent=EvidenceId(ZERO32) if parent is None else parent.evidence_id,
            fields=fields,
            occurred_at=Timestamp(at),
            countersigned=countersigned,
        )
        made = sign_statement(self._context, statement)
        self._acceptance.add(made, fields)
        self.made.add(made.evidence_id)
        self.books.note(made, fields)
        return made

    def share(self, record: EvidenceRecord) -> list[EvidenceRecord]:
        """``record``, which the document at hand went into: made by it too, where this import made it."""
        if record.evidence_id in self.shared:
            self.shared.remove(record.evidence_id)
            self.made.add(record.evidence_id)
        return [record]

    def countersign(self, contract: EvidenceRecord) -> EvidenceRecord:
        """Sign ``contract``, which is kept and awaits it, for its counterparty. Raises what stands against it."""
        signed = complete(self._context, self._transaction, contract)
        self.made.add(signed.evidence_id)
        self.books.note(signed, content.parse_all(signed.disclosures))
        return signed

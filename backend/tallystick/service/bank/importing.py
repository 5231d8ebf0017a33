"""Import bank statements: what the bank booked becomes PAYMENT evidence of the party whose account it is.

Rules:

- a credit that pays an invoice of the party is its receipt: against its own interest, hence it counts at once; a debit
  that pays an invoice to the party is its claim, and counts when the supplier acknowledges it;
- a return or reversal corrects the payment that it takes back: cancels it, or replaces it by what is left;
- each booking is recorded once, however often and in whatever message it is told; nothing is recorded of what is not
  sure: it goes to the work list, with what it may be and what to do;
- bookings are taken day by day, payments of a day before its returns, so that what a return reopens can be paid anew;
- all of one import is recorded, or nothing; each is a job, with what became of every message;
- what is recorded was planned from all that is: where somebody records meanwhile, the import is planned anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

from tallystick.credit.money import exact_arithmetic
from tallystick.credit.states import Role
from tallystick.errors import WrongSigner
from tallystick.intake.bank.bookings import Booking, distinct_bookings
from tallystick.intake.bank.cases import Match, OpenInvoice, Reason, Unmatched
from tallystick.intake.bank.matching import match
from tallystick.intake.bank.paid import to_paid
from tallystick.intake.bank.records import Direction, Message
from tallystick.intake.documents import Source
from tallystick.intake.drafts import Draft
from tallystick.protocol.types import EvidenceId, PartyId, to_hex
from tallystick.service.bank.drafting import Returned, Taken
from tallystick.service.bank.ledger import Ledger, read_ledger
from tallystick.service.context import Context
from tallystick.service.documents.desk import Rules
from tallystick.service.documents.jobs import begin, end
from tallystick.service.documents.outcomes import Status
from tallystick.service.record import record_within, see_admissions, with_newest_signers
from tallystick.store.records import ImportedDocument, PartyRecord

DOCUMENT = "BankStatement"
"""What a bank message is called among imported documents."""


@dataclass(frozen=True, slots=True)
class WorkLine:
    """A booking for a person to look at; ``made`` says whether a payment was made of it all the same."""

    booking: Booking
    found: Unmatched
    made: bool


@dataclass(frozen=True, slots=True)
class Made:
    """Evidence of one booking: how it was ``matched``, or None for a return; ``evidence`` is empty in a dry run."""

    booking: Booking
    matched: Match | None
    drafts: tuple[Draft, ...]
    evidence: tuple[EvidenceId, ...] = ()


@dataclass(frozen=True, slots=True)
class BankImport:
    """What an import did, or in a dry run would do.

    ``known`` bookings were recorded before; ``not_booked`` entries are announcements; ``not_concerned`` are debits that
    pay no invoice recorded here (wages, fees, other suppliers), and what came back of these.
    """

    party: PartyRecord
    made: tuple[Made, ...]
    work: tuple[WorkLine, ...]
    known: int
    not_booked: int
    not_concerned: int
    invoices: dict[str, OpenInvoice]
    """Every invoice of the party by evidence id, as open as before the import."""
    names: dict[PartyId, str]
    job: str | None = None
    """The name under which the import is kept; None for a dry run."""


def import_statements(
    context: Context,
    party: PartyRecord,
    messages: Sequence[Message],
    *,
    dry_run: bool = False,
    organisation: str | None = None,
) -> BankImport:
    """Record the payments that ``messages``, about accounts of ``party``, tell of; in a ``dry_run`` only say which.

    ``organisation`` asks over HTTP.

    Raises:
        WrongSigner: no key of ``party`` is managed here.
        TallystickError: an evidence was refused; nothing of the import is recorded.
    """
    if not party.signers:
        raise WrongSigner(
            f"party {party.name}: no key of it is managed here.", todo="Import the statement where its key is."
        )
    see_admissions(context)
    with context.store.transaction(read_only=True) as transaction:
        newest, ledger = transaction.newest_of(party.party), read_ledger(transaction, party)
    plan = _plan(ledger, messages)
    if dry_run:
        return plan
    job = begin(context, Rules(parties=frozenset([party.party])), len(messages), [], organisation)
    done = with_newest_signers(context, lambda: _record(context, plan, newest, messages, job))
    end(context, job)
    return done


def _record(context: Context, plan: BankImport, newest: int, messages: Sequence[Message], job: str) -> BankImport:
    """Record what ``plan`` makes, and what became of ``messages``.

    It is planned anew, while nobody else can record, where the party's evidence goes beyond ``newest`` by now.
    """
    with context.store.transaction() as transaction:
        if transaction.newest_of(plan.party.party) != newest:
            plan = _plan(read_ledger(transaction, plan.party), messages)
        records = iter(record_within(context, transaction, [draft for each in plan.made for draft in each.drafts]))
        made = tuple(
            replace(each, evidence=tuple(next(records).evidence_id for _ in each.drafts)) for each in plan.made
        )
        transaction.add_imported(job, [_kept(message, made) for message in messages])
    return replace(plan, made=made, job=job)


def _kept(message: Message, made: Iterable[Made]) -> ImportedDocument:
    """What became of ``message``, as it is kept: the evidence of the bookings that were taken from it."""
    source = message.source or Source.of(message.identification, "application/xml", b"")
    evidence = [name for each in made if each.booking.source == message.source for name in each.evidence]
    return ImportedDocument(
        file=source.name,
        sha256=source.sha256,
        document=DOCUMENT,
        number=message.identification or None,
        status=(Status.RECORDED if evidence else Status.KNOWN).value,
        reason=None,
        detail=None,
        evidence=tuple(map(to_hex, evidence)),
    )


def _plan(ledger: Ledger, messages: Sequence[Message]) -> BankImport:
    """What an import of ``messages`` makes of ``ledger``, recording nothing."""
    before = {key: invoice for of_role in ledger.invoices.values() for key, invoice in of_role.items()}
    bookings = [booking for booking in distinct_bookings(messages) if booking.transaction.amount.value]
    fresh = [booking for booking in bookings if not booking.is_among(ledger.keys)]
    planner = _Planner(ledger)
    with exact_arithmetic():
        for day in _days(fresh):
            planner.take(day)
    entries = [entry for message in messages for each in message.statements for entry in each.entries]
    return BankImport(
        party=ledger.party,
        made=tuple(planner.made),
        work=tuple(sorted(planner.work, key=lambda line: (line.booking.day, line.booking.reference))),
        known=len(bookings) - len(fresh),
        not_booked=sum(not entry.is_booked for entry in entries),
        not_concerned=planner.not_concerned,
        invoices=before,
        names=ledger.names,
    )


def _days(bookings: Sequence[Booking]) -> Iterable[list[Booking]]:
    """``bookings`` in stretches that end with a day of returns: within one, the order of days changes no match."""
    stretch: list[Booking] = []
    for _, of_day in groupby(bookings, key=attrgetter("day")):
        today = list(of_day)
        stretch += today
        if any(booking.transaction.is_return for booking in today):
            yield stretch
            stretch = []
    if stretch:
        yield stretch


class _Planner:
    """Takes bookings, and notes in the ledger what each leads to."""

    def __init__(self, ledger: Ledger) -> None:
        self.made: list[Made] = []
        self.work: list[WorkLine] = []
        self.not_concerned = 0
        self._ledger = ledger
        self._taken = Taken(ledger)

    def take(self, bookings: Sequence[Booking]) -> None:
        """Plan the payments among ``bookings``, then the returns."""
        for direction, role in ((Direction.CREDIT, Role.SELLER), (Direction.DEBIT, Role.BUYER)):
            same = [each for each in bookings if each.transaction.direction is direction]
            self._pay([each for each in same if not each.transaction.is_return], role)
        for booking in bookings:
            if booking.transaction.is_return:
                self._give_back(booking)

    def _pay(self, bookings: Sequence[Booking], role: Role) -> None:
        invoices = self._ledger.invoices[role]
        if role is Role.BUYER and not any(invoice.open_amount for invoice in invoices.values()):
            self.not_concerned += len(bookings)
            return
        by_name = {booking.name: booking for booking in bookings}
        for booking in bookings:
            if booking.held_by is not None:
                self._put(booking, Unmatched(to_paid(booking), Reason.TOTALS_DIFFER, ()))
                del by_name[booking.name]
        matching = match([to_paid(booking) for booking in by_name.values()], invoices.values())
        for found in matching.matches:
            booking = by_name[found.paid.key]
            alike = self._taken.alike(booking, found)
            if alike is not None:
                self._put(booking, Unmatched(found.paid, Reason.PERHAPS_RECORDED, (), {"evidence": alike}))
                continue
            links = self._taken.links(booking, found) if role is Role.SELLER else {}
            if links and (claim := self._taken.spoken_for(found, links)) is not None:
                self._put(booking, Unmatched(found.paid, Reason.PERHAPS_RECORDED, (), {"evidence": claim}))
                continue
            self.made.append(Made(booking, found, self._taken.pay(booking, found, role, links)))
            for link in links.values():
                if link.several:
                    claims = ", ".join(claim.payment.parent for claim in link.several)
                    facts = {"claims": claims}
                    self._put(booking, Unmatched(found.paid, Reason.SEVERAL_CLAIMS, (), facts), made=True)
            for note in found.notes:
                self._put(booking, Unmatched(found.paid, note.reason, (), note.facts), made=True)
        for left in matching.work:
            if role is Role.BUYER and not left.candidates:
                self.not_concerned += 1
            else:
                self._put(by_name[left.paid.key], left)

    def _give_back(self, booking: Booking) -> None:
        comes_back = booking.transaction.direction is Direction.CREDIT
        role = Role.BUYER if comes_back else Role.SELLER
        outcome = self._taken.give_back(booking, role)
        if isinstance(outcome, Returned):
            self.made.append(Made(booking, None, outcome.drafts))
        elif comes_back and not self._ledger.invoices[Role.BUYER]:
            self.not_concerned += 1
        else:
            self._put(booking, Unmatched(to_paid(booking), outcome, ()))

    def _put(self, booking: Booking, found: Unmatched, *, made: bool = False) -> None:
        self.work.append(WorkLine(booking, found, made))

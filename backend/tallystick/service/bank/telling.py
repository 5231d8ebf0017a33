"""What an import of bank statements did as JSON, for programs at the command line and over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.intake.bank.bookings import Booking
from tallystick.intake.bank.paid import other_sides
from tallystick.intake.bank.records import Message
from tallystick.protocol.types import to_hex
from tallystick.service.bank.importing import BankImport, Made, WorkLine
from tallystick.service.bank.words import finding_says, todo, why


def other_name(booking: Booking) -> str:
    """What the bank calls the other side of ``booking``; empty where it does not."""
    return next((side.name for side in other_sides(booking.transaction) if side.name is not None), "")


def import_json(
    messages: Sequence[Message], done: BankImport, language: str = "en", *, dry_run: bool
) -> dict[str, object]:
    """What ``done`` came to of ``messages``; sentences in ``language``."""
    return {
        "party": to_hex(done.party.party),
        "dryRun": dry_run,
        "job": done.job,
        "statements": [
            {
                "file": None if message.source is None else message.source.name,
                "sha256": None if message.source is None else message.source.sha256,
                "kind": message.kind.value,
                "version": message.version,
                "id": statement.identification,
                "account": statement.account.number,
                "owner": statement.account.owner,
                "entries": len(statement.entries),
                "transactions": sum(len(entry.transactions) for entry in statement.entries),
                "totalsCompared": statement.totals_checked,
                "findings": [
                    {
                        "code": finding.code.value,
                        "entry": finding.entry,
                        "stated": finding.stated,
                        "found": finding.found,
                        "says": finding_says(finding, language),
                    }
                    for finding in statement.findings
                ],
            }
            for message in messages
            for statement in message.statements
        ],
        "recorded": [_made_json(made, done) for made in done.made],
        "known": done.known,
        "notBooked": done.not_booked,
        "notConcerned": done.not_concerned,
        "work": [_work_json(line, done, language) for line in done.work],
    }


def _booking_json(booking: Booking) -> dict[str, object]:
    amount = booking.transaction.amount
    return {
        "day": booking.day.isoformat(),
        "direction": booking.transaction.direction.value,
        "amount": f"{amount.value:f}",
        "currency": amount.currency,
        "reference": booking.reference,
        "endToEndId": booking.transaction.references.end_to_end,
        "otherSide": other_name(booking) or None,
    }


def _made_json(made: Made, done: BankImport) -> dict[str, object]:
    told = _booking_json(made.booking) | {
        "evidence": [to_hex(name) for name in made.evidence],
        "kinds": [draft.kind.name for draft in made.drafts],
    }
    if made.matched is None:
        return told
    return told | {
        "allocations": [
            {
                "invoice": allocation.invoice,
                "number": done.invoices[allocation.invoice].number,
                "amount": f"{allocation.amount:f}",
                "rule": allocation.rule.value,
                "confidence": allocation.confidence,
            }
            for allocation in made.matched.allocations
        ],
        "unallocated": f"{made.matched.unallocated:f}",
    }


def _work_json(line: WorkLine, done: BankImport, language: str) -> dict[str, object]:
    found = line.found
    return _booking_json(line.booking) | {
        "reason": found.reason.value,
        "recorded": line.made,
        "why": why(found.reason, found.facts, language),
        "todo": todo(found.reason, language),
        "candidates": [
            {
                "invoice": candidate.invoice,
                "number": done.invoices[candidate.invoice].number,
                "openAmount": f"{done.invoices[candidate.invoice].open_amount:f}",
                "currency": done.invoices[candidate.invoice].currency,
                "rule": candidate.rule.value,
                "confidence": candidate.confidence,
            }
            for candidate in found.candidates
        ],
    }

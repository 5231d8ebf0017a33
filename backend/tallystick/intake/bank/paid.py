"""From a booking to what is matched: whom it came from or went to, and what was said with it."""

from __future__ import annotations

from tallystick.intake.bank.bookings import Booking
from tallystick.intake.bank.cases import Paid, Share
from tallystick.intake.bank.records import Amount, Direction, Participant, Remittance, Transaction

_CREDIT_NOTES = frozenset({"CREN", "CRAP"})
"""Kinds of document that are no invoice: credit note, and one related to a financial adjustment."""


def to_paid(booking: Booking) -> Paid:
    """``booking`` as a payment to match: the other side of a credit is the debtor, that of a debit the creditor."""
    transaction = booking.transaction
    sides = other_sides(transaction)
    return Paid(
        key=booking.name,
        day=booking.day,
        amount=transaction.amount,
        others=_in_other_currencies(transaction),
        shares=tuple(share for block in transaction.remittances if (share := _share(block)) is not None),
        texts=transaction.unstructured,
        end_to_end=transaction.references.end_to_end,
        names=tuple(dict.fromkeys(side.name for side in sides if side.name is not None)),
        identifiers=tuple(dict.fromkeys(each.value for side in sides for each in side.identifiers)),
    )


def other_sides(transaction: Transaction) -> tuple[Participant, Participant]:
    """Who paid, or was paid, and for or by whom that was done. A return runs the other way than its payment did."""
    if (transaction.direction is Direction.CREDIT) != transaction.is_return:
        return transaction.debtor, transaction.ultimate_debtor
    return transaction.creditor, transaction.ultimate_creditor


def _in_other_currencies(transaction: Transaction) -> tuple[Amount, ...]:
    """The same sum as instructed or as counter value; with charges nobody knows what arrived of it."""
    if transaction.charges:
        return ()
    stated = (transaction.instructed, transaction.counter_value)
    return tuple(each for each in stated if each is not None and each.currency != transaction.amount.currency)


def _share(block: Remittance) -> Share | None:
    share = Share(
        numbers=tuple(each.number for each in block.documents if each.kind not in _CREDIT_NOTES),
        reference=block.reference,
        amount=block.remitted,
        credited=block.credited,
        discount=block.discount,
    )
    return None if share == Share() else share

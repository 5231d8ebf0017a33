"""A supplier that lets a lender look at its history, and whoever tries to note a look without leave."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from protocol.trade import OPERATOR, ROGUE
from protocol.world import NO_PARENT, Actor, Signed, World
from tallystick.protocol.access import access_deal
from tallystick.protocol.entry import Json, Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import PartyId, Timestamp

LAST_DAY = "2023-12-31"
AFTER = Timestamp(1_704_067_200)
"""The first second after the last day."""
GRANT: dict[str, Json] = {"grantee": "0x" + "ab" * 32, "validUntil": LAST_DAY, "accessScope": {"objects": ["history"]}}
LOOK: dict[str, Json] = {"accessedObject": "history", "accessedOn": "2023-11-20"}


class Access:
    """A supplier, its buyer, a lender and a stranger; the supplier's ``consent`` that the lender looks is sealed."""

    def __init__(self) -> None:
        self.world = World()
        self.supplier, self.buyer = self.world.join("supplier"), self.world.join("buyer")
        self.lender, self.stranger = self.world.join("lender"), self.world.join("stranger")
        self.consent = self.grant(self.supplier, self.lender)
        self.seal(self.consent)

    def grant(self, subject: Actor, recorder: Actor, fields: dict[str, Json] | None = None) -> Signed:
        """A consent of ``subject`` under which ``recorder`` notes what is looked at."""
        made = self.world.evidence(subject, None, Kind.CONSENT, GRANT if fields is None else fields)
        return self.changed(made, subject, deal=access_deal(subject.party, recorder.party))

    def look(self, by: Actor, consent: Signed, fields: dict[str, Json] | None = None, **changes: Any) -> Signed:
        """An ACCESS ``by`` somebody under ``consent``, on the day before now unless ``changes`` say otherwise."""
        made = self.world.evidence(by, None, Kind.ACCESS, LOOK if fields is None else fields, parent=consent)
        return self.changed(made, by, **changes) if changes else made

    def withdrawal(self, consent: Signed, by: Actor) -> Signed:
        return self.world.evidence(by, None, Kind.CONSENT, {}, parent=consent)

    def changed(self, made: Signed, by: Actor, **changes: Any) -> Signed:
        """``made`` with these members, signed anew."""
        return self.world.sign(replace(made.evidence, **changes), [by], made.disclosures)

    def seal(self, *batch: Signed) -> None:
        self.world.seal(OPERATOR, batch)

    def slip_in(self, *batch: Signed) -> None:
        """Seal into the supplier's log alone, as a rogue operator."""
        self.world.seal_as(ROGUE, {self.supplier.party: batch})

    def standings(self, party: PartyId | None = None) -> list[Standing]:
        return [entry.standing for entry in self.world.judged(party or self.supplier.party)]

    def last(self, party: PartyId | None = None) -> Standing:
        return self.standings(party)[-1]


def access_story() -> tuple[World, Actor]:
    """A log with every way in which an access can stand or be void, and whose it is."""
    access = Access()
    supplier, lender, stranger = access.supplier, access.lender, access.stranger
    other = access.grant(supplier, stranger)
    contract = access.world.contract(supplier, access.buyer)
    access.seal(contract, other, access.look(lender, access.consent))
    access.slip_in(
        access.look(lender, access.consent, occurred_at=Timestamp(AFTER - 1)),
        access.look(lender, access.consent, occurred_at=AFTER),
        access.look(stranger, access.consent),
        access.look(lender, other),
        access.look(lender, contract),
        access.look(lender, access.consent, counterparty=supplier.party),
        access.look(supplier, access.consent),
        access.look(lender, access.consent, {"accessedObject": "history"}),
        access.look(lender, access.consent, parent=NO_PARENT),
        access.look(lender, access.consent, deal=other.evidence.deal),
    )
    void = access.withdrawal(access.consent, stranger)
    withdrawal = access.withdrawal(access.consent, supplier)
    looked = access.look(lender, access.consent)
    access.slip_in(
        void,
        looked,
        access.world.evidence(supplier, None, Kind.CORRECTION, parent=access.consent),
        access.world.evidence(lender, None, Kind.ACKNOWLEDGEMENT, {}, parent=access.consent),
        access.world.evidence(lender, supplier, Kind.INVOICE, parent=access.consent),
        access.world.evidence(supplier, None, Kind.DISPUTE, parent=looked),
        withdrawal,
        access.look(lender, access.consent),
        access.look(lender, withdrawal),
        access.withdrawal(withdrawal, supplier),
        access.look(stranger, other),
        access.grant(supplier, lender, {"grantee": "0x" + "ab" * 32, "validUntil": LAST_DAY}),
        access.grant(supplier, lender, {**GRANT, "accessScope": {"everything": True}}),
    )
    return access.world, supplier

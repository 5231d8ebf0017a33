"""A supplier and a buyer with a contract, and others who are not part of it."""

from __future__ import annotations

from protocol.world import Signed, World, actor
from tallystick.protocol.entry import Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import PartyId

OPERATOR, ROGUE = actor("operator"), actor("rogue operator")


class Trade:
    """A supplier and a buyer with a contract sealed, and a stranger and a carrier who are parties too."""

    def __init__(self) -> None:
        self.world = World()
        self.supplier, self.buyer = self.world.join("supplier"), self.world.join("buyer")
        self.stranger, self.carrier = self.world.join("stranger"), self.world.join("carrier")
        self.contract = self.world.contract(self.supplier, self.buyer)
        self.world.seal(OPERATOR, [self.contract])

    def invoice(self, **more: object) -> Signed:
        return self.world.evidence(self.supplier, self.buyer, Kind.INVOICE, parent=self.contract, **more)  # type: ignore[arg-type]

    def seal(self, *batch: Signed) -> None:
        self.world.seal(OPERATOR, batch)

    def slip_in(self, *batch: Signed) -> None:
        """Seal into the supplier's log alone, as a rogue operator."""
        self.world.seal_as(ROGUE, {self.supplier.party: batch})

    def standings(self, party: PartyId | None = None) -> list[Standing]:
        return [entry.standing for entry in self.world.judged(party or self.supplier.party)]

    def last(self, party: PartyId | None = None) -> Standing:
        return self.standings(party)[-1]

"""Random histories: every kind, parent, signer, time and field, good ones and bad ones, sealed by honest and rogue.

Whatever is drawn, the bundle made of it is a true one: its standings are judged, its proof is proven. So a verifier
that judges otherwise is wrong, or the one that made it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from protocol.contents import FIELDS
from protocol.world import START, Actor, Signed, World, actor
from tallystick.protocol import content
from tallystick.protocol.access import access_deal
from tallystick.protocol.evidence import Evidence, Kind
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import DealId, EvidenceId, PartyId, Timestamp, to_hex

KINDS = [
    *range(1, 16),
    200,
    255,
    Kind.CONSENT,
    Kind.ACCESS,
    *([Kind.INVOICE] * 4),
    *([Kind.CORRECTION] * 3),
    *([Kind.ACKNOWLEDGEMENT] * 3),
]
ANSWERS = {
    Kind.CONTRACT: [Kind.DELIVERY, Kind.INVOICE, Kind.INVOICE, Kind.PAYMENT, Kind.CONSENT, Kind.CONTRACT],
    Kind.CONSENT: [Kind.DELIVERY, Kind.INVOICE, Kind.PAYMENT, Kind.ACKNOWLEDGEMENT, Kind.ACCESS, Kind.CONSENT],
    Kind.DELIVERY: [Kind.INVOICE, Kind.ACKNOWLEDGEMENT, Kind.DISPUTE, Kind.CORRECTION],
    Kind.INVOICE: [Kind.PAYMENT, Kind.ACKNOWLEDGEMENT, Kind.DISPUTE, Kind.DISPUTE, Kind.CORRECTION, Kind.WRITE_OFF],
    Kind.DISPUTE: [Kind.RESOLUTION, Kind.RESOLUTION, Kind.RESOLUTION, Kind.ACKNOWLEDGEMENT, Kind.CORRECTION],
    Kind.RESOLUTION: [Kind.CORRECTION, Kind.CORRECTION, Kind.ACKNOWLEDGEMENT],
    Kind.CORRECTION: [Kind.CORRECTION, Kind.CORRECTION, Kind.ACKNOWLEDGEMENT, Kind.DISPUTE],
}
"""Kinds that may answer each: most of what is drawn is as it should be, so that the rest has something to spoil."""
ZERO = bytes(32)
ODD: dict[str, list[Any]] = {
    "amount": ["0", "0.0", "00", "1.", "1.123456", "1.1234567", "1" * 18, "1" * 19, "-1", "", 5, None, "1e3", "١"],
    "date": ["2023-02-29", "2024-02-29", "0000-01-01", "0001-01-01", "9999-12-31", "2023-1-1", "20230101", 1, None],
    "text": ["", "a" * 4000, "a" * 4001, "𝄞" * 4000, "\t\n", "\r", "\x7f", "\x80", "é", 1, [], None],
    "paymentTermsDays": [0, 3650, 3651, -1, True, "30", None],
    "currency": ["EUR", "USD", "eur", "EURO", "EÜR", None, 1],
    "issuerRole": ["supplier", "buyer", "both", None, []],
    "outcome": ["withdrawn", "credited", "cancelled", "other", None, {}],
    "correctionType": ["replaced", "credited", "cancelled", "other", None, 1],
    "allocations": [
        [],
        [{"invoice": "0x" + "ab" * 32, "amount": "1.00"}],
        [{"invoice": "0x" + "AB" * 32, "amount": "1.00"}],
        [{"invoice": "0x" + "ab" * 32, "amount": "1.00", "note": ""}],
        [{"amount": "1.00"}],
        [1],
        {},
    ],
    "documents": [
        [],
        [{"sha256": "ab" * 32, "mediaType": "", "name": "", "size": 0}],
        [{"sha256": "ab" * 32, "mediaType": "a", "name": "b", "size": -1}],
        [{"sha256": "ab" * 32, "mediaType": "a", "name": "b", "size": True}],
        [{"sha256": "0x" + "ab" * 31, "mediaType": "a", "name": "b", "size": 1}],
        [{"sha256": "ab" * 32, "mediaType": None, "name": "b", "size": 1}],
        "none",
    ],
    "accessScope": [
        {},
        {"kinds": [3], "fields": ["amount"], "since": "2023-01-01", "objects": [], "identities": "ids"},
        {"kinds": [0]},
        {"kinds": [True]},
        {"counterparties": ["0x" + "AB" * 32]},
        {"until": "2023-02-29"},
        {"identities": "faces"},
        {"more": []},
        [],
    ],
    "grantee": ["0x" + "ab" * 32, "0x" + "AB" * 32, "", None],
    "accessedObject": ["history", "a b", "", "1", None],
    "anything": [None, True, -1, 2**53 - 1, "x", [[[]]], {"a": {"b": []}}],
}
NAMES = {
    **dict.fromkeys(("payableAmount", "taxAmount", "creditAmount", "disputedAmount", "acceptedAmount"), "amount"),
    **dict.fromkeys(("issueDate", "dueDate", "valueDate", "receivedDate", "expiryDate"), "date"),
    **dict.fromkeys(("validUntil", "accessedOn"), "date"),
    **dict.fromkeys(("note", "invoiceNumber", "creditNoteNumber", "reason", "reasonCode", "method"), "text"),
}
RAW = [
    "",
    "e30",
    "no disclosure",
    "WyJBQUFBQUFBQUFBQUFBQUFBQUFBQUFBIiwibmFtZSIsInh5Il1",
    "A" * 65_537,
    "\x00",
    "bnVsbA",
]


def random_world(rng: random.Random) -> tuple[World, Actor]:
    """A world of some fifteen evidences about a few parties, and whose log to show."""
    return _Draw(rng).play()


class _Draw:
    def __init__(self, rng: random.Random) -> None:
        self.rng, self.world = rng, World()
        self.parties = [self.world.join(role) for role in ("supplier", "buyer", "carrier", "stranger")]
        self.spare = [self.world.join(role, "spare key") for role in ("supplier", "buyer")]
        self.made: list[Signed] = []

    def play(self) -> tuple[World, Actor]:
        rng, world = self.rng, self.world
        supplier, buyer = self.parties[:2]
        first = world.contract(supplier, buyer)
        if rng.random() < 0.8:
            self.made.append(first)
            world.seal(actor("operator"), [first])
        for _ in range(rng.randrange(3, 7)):
            batch = [self._evidence() for _ in range(rng.randrange(1, 6))]
            if rng.random() < 0.3 and self.made:
                batch.append(rng.choice(self.made))
            self.made += batch
            rng.shuffle(batch)
            world.seal_as(
                actor(rng.choice(["operator", "rogue operator"])), {supplier.party: batch, buyer.party: batch}
            )
            if rng.random() < 0.15:
                world.revoke(rng.choice([*self.parties[2:], *self.spare]))
            world.now += rng.choice([0, 1, 3600])
        return world, rng.choice([supplier, supplier, supplier, buyer])

    def _evidence(self) -> Signed:
        rng, world = self.rng, self.world
        kind = rng.choice(KINDS)
        parent = rng.choice([None, *self.made[-8:], *self.made[-8:]]) if self.made else None
        if parent is not None and rng.random() < 0.8:
            kind = rng.choice(ANSWERS.get(Kind(parent.evidence.kind), KINDS) if parent.evidence.kind < 16 else KINDS)
        issuer, counterparty = self._sides(kind, parent)
        deal = DealId(keccak256(f"deal {rng.choice(['', '', 'other'])}".encode()))
        if kind == Kind.CONSENT and counterparty is None:
            deal = access_deal(issuer.party, rng.choice(self.parties).party)
        world.made += 1
        shown = self._disclosures(self._fields(kind, parent))
        evidence = Evidence(
            issuer=issuer.party,
            counterparty=counterparty.party if counterparty else PartyId(ZERO),
            kind=kind,
            deal=parent.evidence.deal if parent and rng.random() < 0.9 else deal,
            parent=parent.evidence_id if parent else EvidenceId(rng.choice([ZERO, ZERO, keccak256(b"nothing")])),
            content_root=content.content_root([content.digest(text) for text in shown]),
            occurred_at=Timestamp(rng.choice([0, START, 2**53 - 1])),
            issued_at=Timestamp(world.now + rng.choice([*[0] * 12, -world.now, 600, 601])),
        )
        signers = [issuer, *([counterparty] if kind == Kind.CONTRACT and counterparty else [])]
        if rng.random() < 0.06:
            signers = [rng.choice([*self.parties, *self.spare, actor("nobody")]) for _ in range(rng.randrange(3))]
        signed = world.sign(evidence, signers, shown)
        if rng.random() < 0.04:
            return replace(signed, signatures=rng.choice([b"", signed.signatures[:-1], bytes(65), bytes(130)]))
        return signed

    def _sides(self, kind: int, parent: Signed | None) -> tuple[Actor, Actor | None]:
        rng = self.rng
        if kind == Kind.ACCESS and rng.random() < 0.8:
            return rng.choice(self.parties), None
        if parent is not None and rng.random() < 0.88:
            sides = [self._who(parent.evidence.issuer), self._who(parent.evidence.counterparty)]
            answer = kind in (Kind.ACKNOWLEDGEMENT, Kind.DISPUTE)
            if answer != (rng.random() < (0.4 if kind in (Kind.PAYMENT, Kind.RESOLUTION) else 0.08)):
                sides.reverse()
            if sides[0] is not None:
                return sides[0], sides[1]
        issuer = rng.choice([*self.parties[:2] * 3, *self.parties])
        others = [each for each in [*self.parties[:2] * 3, *self.parties] if each.party != issuer.party]
        return issuer, rng.choice([None, *others])

    def _who(self, party: PartyId) -> Actor | None:
        return next((each for each in self.parties if each.party == party), None)

    def _fields(self, kind: int, parent: Signed | None) -> dict[str, Any]:
        rng = self.rng
        fields: dict[str, Any] = dict(FIELDS.get(kind, {}))
        if kind == Kind.CORRECTION and rng.random() < 0.6:
            corrected = parent.evidence.kind if parent else Kind.INVOICE
            fields = {"correctionType": rng.choice(["replaced", "replaced", "credited"])}
            fields |= FIELDS.get(rng.choice([corrected, corrected, Kind.INVOICE]), {})
            if rng.random() < 0.5:
                fields |= {
                    "creditNoteNumber": "C-1",
                    "issueDate": "2023-11-21",
                    "creditAmount": "1.00",
                    "currency": "EUR",
                }
                fields["dueDate"] = "2023-12-01"
        if kind == Kind.PAYMENT:
            fields |= self._money()
        if kind == Kind.CONSENT and rng.random() < 0.7:
            fields = {"grantee": "0x" + "ab" * 32, "validUntil": rng.choice(["2023-11-14", "2024-01-01"])}
            fields["accessScope"] = {}
        if kind == Kind.RESOLUTION and rng.random() < 0.5:
            fields = {"outcome": "credited", "creditAmount": "1.00", "currency": "EUR"}
        if "outcome" in fields and rng.random() < 0.4:
            fields["outcome"] = "credited"
        if rng.random() < 0.18:
            name = rng.choice([*NAMES, *(name for name in ODD if name not in ("date", "text")), *fields])
            fields[name] = rng.choice(ODD[NAMES.get(name, name if name in ODD else "anything")])
        if fields and rng.random() < 0.08:
            del fields[rng.choice(sorted(fields))]
        if rng.random() < 0.02:
            fields |= {f"more{number}": number for number in range(rng.choice([50, 70]))}
        return fields

    def _money(self) -> dict[str, Any]:
        """What a payment is for, and perhaps the payment that it is the same money as."""
        rng = self.rng
        billed = [each for each in self.made if each.evidence.kind == Kind.INVOICE]
        amounts = ["1250.00", "1250.00", "1000.00", "0.5"]
        to = [to_hex(rng.choice(billed).evidence_id) for _ in range(rng.randrange(3)) if billed]
        money: dict[str, Any] = {"allocations": [{"invoice": one, "amount": rng.choice(amounts)} for one in to]}
        stated = [each for each in self.made if each.evidence.kind == Kind.PAYMENT]
        if stated and rng.random() < 0.5:
            money["samePayment"] = to_hex(rng.choice(stated).evidence_id)
        return money

    def _disclosures(self, fields: dict[str, Any]) -> Sequence[str]:
        rng = self.rng
        salt = lambda size: rng.randbytes(size)  # noqa: E731
        names = sorted(fields)
        made = [text for at in range(0, len(names), 60) for text in self._made(fields, names[at : at + 60], salt)]
        if rng.random() < 0.03:
            made.append(rng.choice(RAW))
        if made and rng.random() < 0.02:
            made += self._made(fields, names[:1], salt)
        return sorted(set(made))

    @staticmethod
    def _made(fields: dict[str, Any], names: list[str], salt: Any) -> tuple[str, ...]:
        return content.make({name: fields[name] for name in names}, salt)

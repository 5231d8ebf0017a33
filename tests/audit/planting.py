"""Faults of every kind, planted in chain, archive and database of one ledger, each in a place of its own.

Each step plants one fault and says what an auditor must find: the code, and the evidence or the party that it names.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from audit.installation import Installation
from audit.rogue import Rogue, Signed, change, read_archive, sql, write_archive
from service.world import changed
from tallystick.chain.records import Append
from tallystick.intake.drafts import parse_draft
from tallystick.protocol import content
from tallystick.protocol.archive import ArchivedEntry
from tallystick.protocol.bundle import BundleEntry
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Kind
from tallystick.protocol.log import subject_root
from tallystick.protocol.signing import GROUP_ORDER
from tallystick.protocol.types import EvidenceId, Hash, PartyId, Timestamp
from tallystick.service import parties, record
from tallystick.service.audit.findings import Code, Finding
from tallystick.service.seal import seal
from tallystick.store.records import EvidenceRecord, Identifier, PartyRecord

CUSTOMERS = 48
"""How many customers the faults need: no two share one, so that no fault hides another."""
FILE_BYTES = 1
"""A file of the archive for each batch, so that one can be lost without the others."""

Planted = tuple[Code, bytes]
"""The code of a fault, and the evidence or party it is about."""

INVOICE: dict[str, Any] = {
    "invoiceNumber": "R-1",
    "issueDate": "2026-01-02",
    "dueDate": "2026-02-01",
    "currency": "USD",
    "payableAmount": "1250.00",
}


def named(finding: Finding) -> Planted:
    """What ``finding`` is about, as a planted fault says it."""
    return finding.code, (*finding.evidence, *finding.parties, b"")[0]


@dataclass
class Plot:
    """All faults of one ledger, under preparation."""

    home: Installation
    rogue: Rogue = field(init=False)
    customers: Sequence[PartyRecord] = field(init=False)
    planted: list[Planted] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rogue = Rogue(self.home)
        with self.home.context.store.transaction(read_only=True) as transaction:
            known = [party for party in transaction.parties() if party.party != self.home.owner.party]
        self.customers = sorted(known, key=lambda party: party.identifiers[0].value)
        assert len(self.customers) >= CUSTOMERS

    def expect(self, code: Code, about: bytes) -> None:
        self.planted.append((code, about))

    def contract(self, customer: PartyRecord) -> EvidenceRecord:
        """The contract of the supplier with ``customer``."""
        with self.home.context.store.transaction(read_only=True) as transaction:
            deal = transaction.deals_between(self.home.owner.party, customer.party)[0]
            found = transaction.contract_of(deal)
        assert found is not None
        return found

    def recorded(self, customer: PartyRecord, kind: Kind = Kind.INVOICE) -> list[EvidenceRecord]:
        """The evidence of ``kind`` between the supplier and ``customer`` that was recorded honestly."""
        with self.home.context.store.transaction(read_only=True) as transaction:
            return transaction.evidence_of_deal(self.contract(customer).evidence.deal, [kind])

    def invoice(self, customer: PartyRecord, number: str, **options: Any) -> Signed:
        """Another invoice of the supplier to ``customer``."""
        fields = {**INVOICE, "invoiceNumber": number}
        fields = {name: value for name, value in (fields | options.pop("fields", {})).items() if value is not None}
        contract = self.contract(customer)
        return self.rogue.sign(self.home.owner, customer, Kind.INVOICE, fields, parent=contract, **options)

    def profile(self, customer: PartyRecord, **options: Any) -> Signed:
        """Something that ``customer`` says of itself alone."""
        return self.rogue.sign(customer, None, Kind.PROFILE, {"note": "as it is"}, **options)

    def both(self, customer: PartyRecord, signed: Signed) -> dict[PartyId, list[Signed]]:
        return {self.home.owner.party: [signed], customer.party: [signed]}


def plant_on_chain(plot: Plot) -> None:
    """What a rogue operator seals, through the real contract."""
    rogue, c, owner = plot.rogue, plot.customers, plot.home.owner
    stranger = plot.home.keys.create("stranger")

    rogue.seal_appends([Append(c[0].party, Hash(os.urandom(32)), 3)])
    plot.expect(Code.WITHHELD, c[0].party)

    rogue.seal({c[1].party: [plot.profile(c[1])]}, shows=False)
    plot.expect(Code.WITHHELD, c[1].party)

    forged = plot.invoice(c[2], "R-2", signers=[stranger])
    rogue.seal(plot.both(c[2], forged))
    plot.expect(Code.SIGNER_INACTIVE, forged.evidence_id)

    good = plot.invoice(c[3], "R-3")
    misspelt = replace(good, signatures=good.signatures[:64] + bytes([29]))
    rogue.seal(plot.both(c[3], misspelt))
    plot.expect(Code.BAD_SIGNATURE, misspelt.evidence_id)

    good = plot.invoice(c[4], "R-4")
    s = GROUP_ORDER - int.from_bytes(good.signatures[32:64], "big")
    twin = good.signatures[:32] + s.to_bytes(32, "big") + bytes([55 - good.signatures[64]])
    malleable = replace(good, signatures=twin)
    rogue.seal(plot.both(c[4], malleable))
    plot.expect(Code.BAD_SIGNATURE, malleable.evidence_id)

    terms: dict[str, Json] = {
        "contractNumber": "R-5",
        "issuerRole": "supplier",
        "currency": "USD",
        "paymentTermsDays": 30,
    }
    alone = rogue.sign(owner, c[5], Kind.CONTRACT, terms, signers=[owner.signers[-1]])
    rogue.seal(plot.both(c[5], alone))
    plot.expect(Code.BAD_SIGNATURE, alone.evidence_id)

    old = c[6].signers[-1]
    parties.rotate_key(plot.home.context, c[6])
    parties.revoke_key(plot.home.context, c[6], old)
    late = plot.profile(c[6], signers=[old])
    rogue.seal({c[6].party: [late]})
    plot.expect(Code.SIGNER_INACTIVE, late.evidence_id)

    ahead = plot.invoice(c[7], "R-7", issued_ahead=10_000)
    rogue.seal(plot.both(c[7], ahead))
    plot.expect(Code.ISSUED_AHEAD, ahead.evidence_id)

    private = plot.profile(c[8])
    rogue.seal({c[8].party: [private], c[9].party: [private]})
    plot.expect(Code.FOREIGN, private.evidence_id)

    undated = plot.invoice(c[10], "R-10", fields={"dueDate": None})
    rogue.seal(plot.both(c[10], undated))
    plot.expect(Code.MALFORMED, undated.evidence_id)

    its_own = rogue.sign(owner, c[11], Kind.ACKNOWLEDGEMENT, {}, parent=plot.recorded(c[11])[0])
    rogue.seal(plot.both(c[11], its_own))
    plot.expect(Code.MISFIT, its_own.evidence_id)

    uncalled = rogue.sign(c[12], c[13], Kind.INVOICE, {**INVOICE, "invoiceNumber": "R-12"})
    rogue.seal({c[12].party: [uncalled], c[13].party: [uncalled]})
    plot.expect(Code.UNFOUNDED, uncalled.evidence_id)

    kept = plot.recorded(c[14], Kind.PAYMENT)[0]
    again = Signed(kept.evidence, kept.evidence_id, kept.signatures, kept.disclosures)
    rogue.seal(plot.both(c[14], again))
    plot.expect(Code.REPEATED, again.evidence_id)

    one_sided = plot.invoice(c[15], "R-15")
    rogue.seal({owner.party: [one_sided]})
    plot.expect(Code.NOT_IN_EVERY_LOG, one_sided.evidence_id)

    lonely = plot.profile(c[16])
    root = subject_root(c[16].party, [(lonely.evidence_id, lonely.signatures)])
    rogue.show(rogue.seal_appends([Append(c[16].party, root, 2)]), {c[16].party: [lonely]})
    plot.expect(Code.WITHHELD, c[16].party)

    sealed, shown = plot.profile(c[17]), plot.profile(c[17])
    rogue.show(rogue.seal({c[17].party: [sealed]}, shows=False), {c[17].party: [shown]})
    plot.expect(Code.ROOT, shown.evidence_id)

    first = plot.recorded(c[18])[0]
    number = str(content.parse_all(first.disclosures)["invoiceNumber"])
    second = plot.invoice(c[18], number)
    rogue.seal(plot.both(c[18], second))
    plot.expect(Code.DUPLICATE_INVOICE, min(first.evidence_id, second.evidence_id))


def plant_pledges(plot: Plot) -> None:
    """What another supplier, its buyer and a financier pledge, though the contract can't see what is wrong with it."""
    context, rogue = plot.home.context, plot.rogue
    members = [("Second supplier", "SECOND"), ("Its buyer", "BUYER-OF-SECOND"), ("Bank", "BANK")]
    news = [parties.NewParty(name, (Identifier("ERP", value),)) for name, value in members]
    supplier, buyer, bank = parties.add_parties(context, news)
    base: dict[str, Any] = {"issuer": "ERP:SECOND", "counterparty": "ERP:BUYER-OF-SECOND"}
    contract = {"contractNumber": "S-1", "issuerRole": "supplier", "currency": "USD", "paymentTermsDays": 30}
    drafts: list[dict[str, Any]] = [
        {**base, "kind": "CONTRACT", "label": "deal", "countersigned": True, "content": contract}
    ]
    for number in range(5):
        invoice = {
            **base,
            "kind": "INVOICE",
            "label": f"i{number}",
            "content": {**INVOICE, "invoiceNumber": f"S-{number}"},
        }
        drafts.append(changed(invoice, payableAmount=f"{100 + number}.00"))
    for number in range(4):
        answer = {"kind": "ACKNOWLEDGEMENT", "issuer": "ERP:BUYER-OF-SECOND", "counterparty": "ERP:SECOND"}
        drafts.append({**answer, "parent": f"@i{number}", "content": {}})
    made = record.record(context, [parse_draft(draft, "draft") for draft in drafts])
    seal(context)
    deal, *invoices = (one.evidence_id for one in made[:6])
    prints = [Hash(os.urandom(32)) for _ in range(5)]

    rogue.pledge(supplier, deal, prints[0], bank)
    plot.expect(Code.PLEDGE_OF_NO_INVOICE, deal)

    rogue.pledge(supplier, invoices[4], prints[1], bank)
    plot.expect(Code.PLEDGE_NOT_FINANCEABLE, invoices[4])

    rogue.release(rogue.pledge(supplier, invoices[0], prints[2], bank), bank)
    rogue.pledge(supplier, invoices[1], prints[2], bank)
    plot.expect(Code.PLEDGE_FINGERPRINT, min(invoices[:2]))

    rogue.pledge(buyer, invoices[2], prints[3], bank)
    plot.expect(Code.PLEDGE_OF_NO_INVOICE, invoices[2])

    rogue.pledge(supplier, invoices[3], prints[4], bank)  # as it must be


def plant_in_archive(plot: Plot) -> None:
    """What an archivist does who can make every name and the manifest fit, but not the chain."""
    home, c = plot.home, plot.customers
    home.export()
    manifest, items, bindings = read_archive(home)
    items += [(home.rogue, item) for item in plot.rogue.items]
    domain = home.context.chain.deployment.domain

    def victim(number: int) -> EvidenceId:
        return plot.recorded(c[number])[2].evidence_id

    def batch_of(evidence_id: EvidenceId) -> int:
        return next(i.batch_id for _, i in items if i.entry.evidence.evidence_id(domain) == evidence_id)

    missing, altered, dropped = victim(22), victim(25), victim(28)
    lost, damaged = batch_of(missing), batch_of(altered)
    items = [pair for pair in items if pair[1].entry.evidence.evidence_id(domain) != dropped]
    plot.expect(Code.WITHHELD, min(c[28].party, home.owner.party))

    def resigned(entry: BundleEntry) -> BundleEntry:
        return replace(entry, signatures=home.keys.sign(home.rogue, entry.evidence.evidence_id(domain)))

    items = change(items, victim(31), home, resigned)
    plot.expect(Code.ROOT, victim(31))

    def backdated(entry: BundleEntry) -> BundleEntry:
        before = Timestamp(entry.evidence.issued_at - 1)
        return replace(entry, evidence=replace(entry.evidence, issued_at=before))

    was = next(item.entry for _, item in items if item.entry.evidence.evidence_id(domain) == victim(34))
    items = change(items, victim(34), home, backdated)
    plot.expect(Code.ROOT, backdated(was).evidence.evidence_id(domain))

    def dearer(entry: BundleEntry) -> BundleEntry:
        fields = {**content.parse_all(entry.disclosures), "payableAmount": "1.00"}
        return replace(entry, disclosures=tuple(sorted(content.make(fields, home.context.entropy.bytes))))

    items = change(items, victim(37), home, dearer)
    plot.expect(Code.CONTENT, victim(37))

    extra = plot.profile(c[40])
    place = (c[40].party, 1_000)
    items.append((home.context.operator, ArchivedEntry(batch_of(victim(40)), (place,), extra.shown())))
    plot.expect(Code.SURPLUS, extra.evidence_id)

    def shy(entry: BundleEntry) -> BundleEntry:
        return replace(entry, disclosures=entry.disclosures[1:], hidden=(content.digest(entry.disclosures[0]),))

    items = change(items, victim(43), home, shy)
    plot.expect(Code.HIDDEN, victim(43))

    bindings = [replace(one, name="Somebody else") if one.party == c[46].party else one for one in bindings]
    plot.expect(Code.BINDING, c[46].party)

    made = write_archive(home, manifest, items, bindings, file_bytes=FILE_BYTES)
    files = {file.first_batch: file.content.name for file in made.entries if file.operator == home.context.operator}
    (home.archive / f"{files[lost]}.jsonl.gz").unlink()
    plot.expect(Code.ARCHIVE_MISSING, b"")
    path = home.archive / f"{files[damaged]}.jsonl.gz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    plot.expect(Code.ARCHIVE_ALTERED, b"")


def plant_in_database(plot: Plot) -> None:
    """What somebody does who can write to the database."""
    home, c = plot.home, plot.customers

    def victim(number: int) -> EvidenceRecord:
        return plot.recorded(c[number])[0]

    one = victim(19)
    flipped = bytes([one.signatures[0] ^ 1]) + one.signatures[1:]
    sql(home, "UPDATE evidence SET signatures = ? WHERE evidence_id = ?", flipped, one.evidence_id)
    plot.expect(Code.DATABASE_EVIDENCE, one.evidence_id)

    one = victim(20)
    fields = {**content.parse_all(one.disclosures), "payableAmount": "1.00"}
    smaller = orjson.dumps(sorted(content.make(fields, home.context.entropy.bytes))).decode()
    sql(home, "UPDATE evidence SET disclosures = ? WHERE evidence_id = ?", smaller, one.evidence_id)
    plot.expect(Code.DATABASE_EVIDENCE, one.evidence_id)

    one = victim(21)
    sql(home, "UPDATE evidence SET issued_at = issued_at + 1 WHERE evidence_id = ?", one.evidence_id)
    plot.expect(Code.DATABASE_EVIDENCE, one.evidence_id)

    one = victim(2)
    sql(home, "DELETE FROM batch_entry WHERE evidence_id = ? AND subject = ?", one.evidence_id, c[2].party)
    plot.expect(Code.DATABASE_MISSING, one.evidence_id)

    one = victim(3)
    sql(
        home,
        "INSERT INTO batch_entry SELECT operator, batch_id, ?, 1000, evidence_id FROM batch_entry "
        "WHERE evidence_id = ? AND subject = ?",
        c[3].party,
        one.evidence_id,
        c[3].party,
    )
    plot.expect(Code.DATABASE_SURPLUS, one.evidence_id)

    sql(home, "UPDATE append SET head = ? WHERE subject = ? AND ordinal = 0", os.urandom(32), c[4].party)
    plot.expect(Code.DATABASE_APPEND, c[4].party)

    sql(home, "DELETE FROM signer_change WHERE party = ? AND NOT added", c[6].party)
    plot.expect(Code.DATABASE_SIGNER, c[6].party)

    sql(home, "UPDATE party SET name = 'Somebody else' WHERE party = ?", c[7].party)
    plot.expect(Code.DATABASE_PARTY, c[7].party)


def plant_everything(home: Installation) -> list[Planted]:
    """Plant all faults; what an auditor must find, and nothing else."""
    plot = Plot(home)
    plant_on_chain(plot)
    plant_pledges(plot)
    plant_in_archive(plot)
    plant_in_database(plot)
    return plot.planted

"""Share a history: one file that anyone can check against one block hash.

Rules:

- the bundle is as of a final block, by default the newest; everything in it that can be proven is proven from that
  block's header;
- the holder chooses what to show (``showing.py``); names are the registrar's signed statements, so a home without the
  registrar's key shows ids alone;
- no history is too long: the file is written an append at a time. Held are the list of appends without their entries,
  the signers and the parties that occur, and what the report itself lists (``credit.parts``). An error ends the writing
  in the middle; what was written until then is no bundle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from tallystick.errors import ChainError
from tallystick.protocol import merkle
from tallystick.protocol.binding import PartyBinding
from tallystick.protocol.bundle import Bundle, BundleAppend, BundleEntry, BundleProof, Frame
from tallystick.protocol.bundle_stream import parse_bundle, write_bundle
from tallystick.protocol.entry import Standing
from tallystick.protocol.log import LogAppend, append_leaf
from tallystick.protocol.slots import LEDGER_REGISTRY_SLOT, REGISTRAR_ROLE, head_slot, role_slot, window_slot
from tallystick.protocol.stamps import Stamp
from tallystick.protocol.standing import Judge
from tallystick.protocol.types import ZERO32, Address, BlockRef, PartyId, SignerWindow
from tallystick.protocol.verdict import Progress
from tallystick.protocol.verify_log import pairs
from tallystick.service.as_of import find_block
from tallystick.service.context import Context
from tallystick.service.index import index
from tallystick.service.parties import bind
from tallystick.service.ports import Transaction
from tallystick.service.report import NEVER_ADDED, known_windows, log_append, unpack
from tallystick.service.showing import Showing, read_showing
from tallystick.service.spool import Spool
from tallystick.store.records import AppendRecord, EvidenceRecord, PartyRecord


def bundle(
    context: Context,
    party: PartyId,
    *,
    as_of: str | None = None,
    hide: Sequence[str] = (),
    names_others: bool = True,
    showing: Showing | None = None,
) -> tuple[Bundle, bytes]:
    """The bundle that an ``Export`` writes, held, and its bytes. Raises as that does."""
    data = b"".join(Export(context, party, as_of, hide, names_others=names_others, showing=showing).pieces())
    return parse_bundle(data), data


@dataclass
class Export:
    """A bundle of ``party``'s complete history as of ``as_of`` (``as_of.py``): ``pieces`` are its bytes.

    ``hide`` are choices of fields (``showing.py``); with ``names_others`` false, only the party itself is named.
    What is not an argument is known once all pieces are taken.
    """

    context: Context
    party: PartyId
    as_of: str | None = None
    hide: Sequence[str] = ()
    names_others: bool = True
    showing: Showing | None = None
    """What is shown, in the place of ``hide`` and ``names_others``: another's consent."""
    progress: Progress = lambda done, total: None
    timestamps: bool = False
    """Whether appends carry the kept time-stamps of their batches."""
    frame: Frame | None = None
    entries: int = 0
    hidden: int = 0
    """How many fields are hidden, of all entries."""
    stamped: int = 0
    """How many appends carry a time-stamp."""

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the file, piece by piece.

        Raises, and may do so after the first pieces:
            UsageError: no such block, or a choice of no effect. NotFound: a choice names an unknown party.
            ChainError: the node gives no state proofs (``eth_getProof``) for that block.
        """
        block = find_block(self.context, index(self.context).block, self.as_of)
        with Spool(self.party) as spool, self.context.store.transaction(read_only=True) as transaction:
            showing = self.showing or read_showing(transaction, self.hide, names_others=self.names_others)
            reading = LogReading(transaction, self.party, block, showing, spool)
            yield from write_bundle(lambda: self._frame(reading), self._count(reading))

    def _count(self, reading: LogReading) -> Iterator[BundleAppend]:
        appends = reading.transaction.appends(self.party, reading.block.number)
        total = sum(append.count for append in appends)
        for item in reading.appends(appends):
            self.entries += item.append.count
            self.hidden += sum(len(entry.hidden) for entry in item.entries or ())
            if self.timestamps:
                stamp = _stamp(reading.transaction, self.party, item.append, reading.block.number)
                self.stamped += stamp is not None
                item = replace(item, stamp=stamp)
            self.progress(self.entries, total)
            yield item

    def _frame(self, reading: LogReading) -> Frame:
        reading.showing.check_used()
        context, deployment = self.context, self.context.chain.deployment
        bindings = (
            ()
            if context.registrar is None
            else tuple(bind(context, record, reading.transaction) for record in reading.named())
        )
        unreported = Frame(
            chain_id=deployment.chain_id,
            registry=deployment.registry,
            ledger=deployment.ledger,
            subject=self.party,
            as_of=reading.block,
            proof=_prove(context, self.party, reading.block, reading.windows, bindings),
            windows=dict(sorted(reading.windows.items())),
            bindings=bindings,
        )
        self.frame = replace(unreported, report=reading.spool.report(unreported, reading.withheld))
        return self.frame


@dataclass
class LogReading:
    """The log of ``party`` while it is read append by append, judged, and kept in ``spool``."""

    transaction: Transaction
    party: PartyId
    block: BlockRef
    showing: Showing
    spool: Spool
    windows: dict[tuple[PartyId, Address], SignerWindow] = field(default_factory=dict)
    """Of whoever signed; zero where the chain never knew the signer."""
    withheld: int = 0
    _known: dict[PartyId, dict[tuple[PartyId, Address], SignerWindow]] = field(default_factory=dict)
    _parties: set[PartyId] = field(default_factory=set)

    def appends(self, appends: Sequence[AppendRecord]) -> Iterator[BundleAppend]:
        """Each of ``appends`` as it is shown."""
        judge = Judge(self.party, lambda *pair: self.windows[pair], self.spool.standing)
        for append, records in self._evidence_of(appends):
            if records is None:
                self.withheld += append.count
                judge.add(log_append(append), None)
                yield BundleAppend(log_append(append), None)
                continue
            shown = [self.showing.shown(self.party, record) for record in records]
            sealed = [unpack(record) for record in shown]
            self._find_windows(pairs(sealed))
            self.spool.expect(sealed)
            entries = judge.add(log_append(append), sealed)
            self.spool.add(entries)
            for entry in entries:
                self._parties |= {entry.evidence.issuer, entry.evidence.counterparty}
            standings = [entry.standing for entry in entries]
            yield BundleAppend(log_append(append), tuple(map(_bundle_entry, shown, standings)))

    def named(self) -> list[PartyRecord]:
        """The party and whoever it deals with, ascending, as far as they are shown and can be named."""
        others = sorted(({self.party} | self._parties) - {PartyId(ZERO32)})
        known = [self.transaction.party(other) for other in others if self.showing.names(self.party, other)]
        return [record for record in known if record is not None and record.identifiers]

    def _evidence_of(
        self, appends: Sequence[AppendRecord]
    ) -> Iterator[tuple[AppendRecord, Sequence[EvidenceRecord] | None]]:
        """``appends`` with the evidence behind each in index order, or None where not all of it is known here."""
        entries = self.transaction.log(self.party, self.block.number)
        entry = next(entries, None)
        for append in appends:
            records = []
            while entry is not None and entry.append.ordinal == append.ordinal:
                records.append(entry.record)
                entry = next(entries, None)
            yield append, records if len(records) == append.count else None

    def _find_windows(self, signed: Iterable[tuple[PartyId, Address]]) -> None:
        for party, signer in signed:
            if party not in self._known:
                self._known[party] = known_windows(self.transaction, [party], self.block)
            self.windows[party, signer] = self._known[party].get((party, signer), NEVER_ADDED)


def _bundle_entry(record: EvidenceRecord, standing: Standing) -> BundleEntry:
    """``record`` as a bundle shows it."""
    return BundleEntry(
        evidence=record.evidence,
        signatures=record.signatures,
        disclosures=tuple(sorted(record.disclosures)),
        hidden=tuple(sorted(record.hidden)),
        standing=standing,
    )


def _stamp(transaction: Transaction, party: PartyId, append: LogAppend, until_block: int) -> Stamp | None:
    """The kept time-stamp of the batch of ``append`` to the log of ``party``, with the path to its root."""
    kept = transaction.timestamps([(append.operator, append.batch_id)])
    if not kept:
        return None
    members = transaction.appends_of_batches(append.operator, append.batch_id, append.batch_id, until_block)
    tops = [append_leaf(member.subject, member.root, member.count) for member in members]
    at = [member.subject for member in members].index(party)
    return Stamp(merkle.prove(tops, at), kept[0].token)


def _prove(
    context: Context,
    party: PartyId,
    as_of: BlockRef,
    windows: Iterable[tuple[PartyId, Address]],
    bindings: Iterable[PartyBinding],
) -> BundleProof:
    """The proof of every slot that a bundle of ``party`` relies upon. Raises ``ChainError``."""
    deployment = context.chain.deployment
    registry_slots = [window_slot(of, signer) for of, signer in windows]
    registry_slots += {role_slot(REGISTRAR_ROLE, binding.signer(deployment.domain)) for binding in bindings}
    proof = context.chain.state_proof(
        as_of,
        {
            deployment.ledger: [LEDGER_REGISTRY_SLOT, head_slot(party)],
            deployment.registry: sorted(registry_slots),
        },
    )
    if proof.block != as_of:
        raise ChainError("state proof: the node proved another block than asked for.", todo="Try again.")
    return BundleProof(proof.header, proof.nodes)

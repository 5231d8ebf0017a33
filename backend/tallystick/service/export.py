"""Share a history that is too long to be held: the file of ``share.bundle``, written an append at a time.

Rules: the same bytes as ``share.bundle``; held are the list of appends without their entries, the signers and the
parties that occur, and what the report itself lists (``credit.parts``); an error ends the writing in the middle, so
what was written until then is no bundle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from tallystick.protocol import bundle_stream
from tallystick.protocol.bundle import BundleAppend, Frame
from tallystick.protocol.standing import Judge
from tallystick.protocol.types import ZERO32, Address, BlockRef, PartyId, SignerWindow
from tallystick.protocol.verify import pairs
from tallystick.service.as_of import find_block
from tallystick.service.context import Context
from tallystick.service.index import index
from tallystick.service.parties import bind
from tallystick.service.ports import Transaction
from tallystick.service.report import NEVER_ADDED, known_windows, log_append, unpack
from tallystick.service.share import bundle_entry, prove
from tallystick.service.showing import Showing, read_showing
from tallystick.service.spool import Spool
from tallystick.store.records import AppendRecord, EvidenceRecord, PartyRecord


@dataclass
class Export:
    """A bundle of ``party``'s history while it is written: ``pieces`` are its bytes, the rest is known after them.

    ``hide`` and ``names_others`` are those of ``share.bundle``.
    """

    context: Context
    party: PartyId
    as_of: str | None = None
    hide: Sequence[str] = ()
    names_others: bool = True
    frame: Frame | None = None
    entries: int = 0
    hidden: int = 0
    """How many fields are hidden, of all entries."""
    _windows: dict[tuple[PartyId, Address], SignerWindow] = field(default_factory=dict)
    _known: dict[PartyId, dict[tuple[PartyId, Address], SignerWindow]] = field(default_factory=dict)
    _parties: set[PartyId] = field(default_factory=set)
    _named: list[PartyRecord] = field(default_factory=list)
    _withheld: int = 0

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the file, piece by piece. Raises as ``share.bundle``, and may do so after the first pieces."""
        block = find_block(self.context, index(self.context).block, self.as_of)
        with Spool(self.party) as spool:
            yield from bundle_stream.write(lambda: self._frame(block, spool), self._appends(block, spool))

    def _appends(self, block: BlockRef, spool: Spool) -> Iterator[BundleAppend]:
        self._parties.add(self.party)
        with self.context.store.transaction(read_only=True) as transaction:
            showing = read_showing(transaction, self.hide, names_others=self.names_others)
            judge = Judge(self.party, lambda *pair: self._windows[pair], spool)
            for append, records in _by_append(transaction, self.party, block):
                yield self._append(transaction, block, spool, judge, showing, append, records)
            showing.check_used()
            shown = [other for other in sorted(self._parties) if showing.names(self.party, other)]
            known = [transaction.party(other) for other in shown]
            self._named = [record for record in known if record is not None and record.identifiers]

    def _append(
        self,
        transaction: Transaction,
        block: BlockRef,
        spool: Spool,
        judge: Judge,
        showing: Showing,
        append: AppendRecord,
        records: Sequence[EvidenceRecord] | None,
    ) -> BundleAppend:
        """``append`` as it is shown, once its entries are judged and spooled."""
        self.entries += append.count
        if records is None:
            self._withheld += append.count
            judge.add(log_append(append), None)
            return BundleAppend(log_append(append), None)
        kept = [showing.shown(self.party, record) for record in records]
        sealed = [unpack(record) for record in kept]
        for record in kept:
            self.hidden += len(record.hidden)
            self._parties |= {record.evidence.issuer, record.evidence.counterparty} - {PartyId(ZERO32)}
        for party, signer in pairs(sealed):
            if party not in self._known:
                self._known[party] = known_windows(transaction, [party], block)
            self._windows[party, signer] = self._known[party].get((party, signer), NEVER_ADDED)
        spool.expect(sealed)
        entries = judge.add(log_append(append), sealed)
        spool.add(entries)
        shown = (bundle_entry(record, entry.standing) for record, entry in zip(kept, entries, strict=True))
        return BundleAppend(log_append(append), tuple(shown))

    def _frame(self, block: BlockRef, spool: Spool) -> Frame:
        context, deployment = self.context, self.context.chain.deployment
        bindings = () if context.registrar is None else tuple(bind(context, record) for record in self._named)
        unreported = Frame(
            chain_id=deployment.chain_id,
            registry=deployment.registry,
            ledger=deployment.ledger,
            subject=self.party,
            as_of=block,
            proof=prove(context, self.party, block, self._windows, bindings),
            windows=dict(sorted(self._windows.items())),
            bindings=bindings,
        )
        self.frame = replace(unreported, report=spool.report(unreported, self._withheld))
        return self.frame


def _by_append(
    transaction: Transaction, party: PartyId, block: BlockRef
) -> Iterator[tuple[AppendRecord, Sequence[EvidenceRecord] | None]]:
    """The appends to the log of ``party`` with the evidence behind each, or None where not all of it is known here."""
    entries = transaction.log(party, block.number)
    entry = next(entries, None)
    for append in transaction.appends(party, block.number):
        records = []
        while entry is not None and entry.append.ordinal == append.ordinal:
            records.append(entry.record)
            entry = next(entries, None)
        yield append, records if len(records) == append.count else None

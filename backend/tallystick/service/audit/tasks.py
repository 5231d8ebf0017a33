"""The kinds of work that a crew does: check a file of an archive, judge the log of a party, compare a database with it.

Rule: what they give is plain values, to be sent between processes and kept in the workbook.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.protocol.archive import BatchFile
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Domain
from tallystick.protocol.pledges import Pledged
from tallystick.protocol.types import Address, BlockRef, Hash, PartyId, to_hex
from tallystick.service.audit.database import ComparedParty, Replayed, compare_party
from tallystick.service.audit.desk import Desk
from tallystick.service.audit.files import check_file
from tallystick.service.audit.findings import to_json
from tallystick.service.audit.logs import judge_log
from tallystick.store.workbook import CheckedItem, ProvenPlace


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """What checking one file gave: proven items with their places, and the rest as JSON for the workbook."""

    items: Sequence[CheckedItem]
    places: Sequence[ProvenPlace]
    result: dict[str, Json]


@dataclass(frozen=True, slots=True)
class FileTask:
    """Check a file of the archive numbered ``archive`` against what the chain sealed up to block ``until_block``."""

    archive: int
    encryption: str | None
    domain: Domain
    until_block: int

    def __call__(self, desk: Desk, file: BatchFile, /) -> CheckedFile:
        sealed: dict[int, dict[PartyId, tuple[int, Hash]]] = {}
        with desk.store.transaction(read_only=True) as transaction:
            span = (file.first_batch, file.last_batch, self.until_block)
            for append in transaction.appends_of_batches(file.operator, *span):
                sealed.setdefault(append.batch_id, {})[append.subject] = (append.count, append.root)

            def known_signer(party: PartyId, account: Address) -> bool:
                return any(one.signer == account for one in transaction.signers([party], self.until_block))

            check = check_file(desk.archives[self.archive], file, self.encryption, self.domain, sealed, known_signer)
        result: dict[str, Json] = {
            "findings": [to_json(finding) for finding in check.findings],
            "explained": None if check.explained is None else list(check.explained),
            "rootedOut": [[number, to_hex(subject)] for number, subject in check.rooted_out],
        }
        return CheckedFile(check.items, check.places, result)


@dataclass(frozen=True, slots=True)
class PartyTask:
    """Judge a party's log as of ``as_of``, given the pledges made of its receivables."""

    as_of: BlockRef

    def __call__(self, desk: Desk, work: tuple[PartyId, Sequence[Pledged]], /) -> dict[str, Json]:
        party, pledges = work
        with desk.store.transaction(read_only=True) as transaction:
            judged = judge_log(transaction, desk.workbook, party, self.as_of, pledges)
        return {
            "entries": judged.entries,
            "withheld": judged.withheld,
            "unproven": [[to_hex(append.operator), append.batch_id] for append in judged.unproven],
            "report": judged.report,
            "findings": [to_json(finding) for finding in judged.findings],
        }


@dataclass(frozen=True, slots=True)
class CompareTask:
    """Compare what the database numbered ``database`` keeps of a party with the replay; see ``compare_party``."""

    database: int
    as_of: BlockRef
    own: frozenset[Address]
    with_report: bool

    def __call__(self, desk: Desk, party: PartyId, /) -> ComparedParty:
        with (
            desk.databases[self.database].transaction(read_only=True) as theirs,
            desk.store.transaction(read_only=True) as transaction,
        ):
            replayed = Replayed(transaction, desk.workbook, self.as_of)
            return compare_party(theirs, replayed, self.own, party, with_report=self.with_report)

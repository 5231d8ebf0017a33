"""The index digest: one value that two installations compare which indexed the same chain and hold the same evidence.

- For each subject ascending, for each entry of its log in order, one line of canonical JSON (RFC 8785)
  ``[subject, seq, operator, batchId, index, evidenceId, signaturesHash, timestamp]``, ended by a line feed; an entry
  that its operator withholds has null in place of its evidence;
- the digest is the SHA-256 of all lines (protocol section 12).

Example: ``index_digest(transaction, cursor.block_number) == index_digest(replayed, cursor.block_number)``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tallystick.protocol import canonical
from tallystick.protocol.entry import Json
from tallystick.protocol.log import signatures_hash
from tallystick.protocol.types import Hash, PartyId, to_hex
from tallystick.service.ports import Transaction


def index_digest(transaction: Transaction, until_block: int) -> Hash:
    """The digest of all logs up to and including block number ``until_block``, 32 bytes."""
    digest = hashlib.sha256()
    for subject in transaction.subjects():
        for line in _lines(transaction, subject, until_block):
            digest.update(canonical.encode(line) + b"\n")
    return Hash(digest.digest())


def _lines(transaction: Transaction, subject: PartyId, until_block: int) -> Iterator[Json]:
    known = {(entry.append.ordinal, entry.index): entry.record for entry in transaction.log(subject, until_block)}
    for append in transaction.appends(subject, until_block):
        for index in range(append.count):
            record = known.get((append.ordinal, index))
            shown = (
                (None, None)
                if record is None
                else (to_hex(record.evidence_id), to_hex(signatures_hash(subject, record.signatures)))
            )
            seq = append.first_seq + index
            yield [to_hex(subject), seq, to_hex(append.operator), append.batch_id, index, *shown, append.timestamp]

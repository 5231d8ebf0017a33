"""Follow the chain: what final blocks say of parties' logs and signers, kept so that it can be asked for quickly.

Rules:

- only final blocks are indexed, so nothing here is ever taken back;
- the chain checks itself: an operator's batch ids run without a gap, and the batch root recomputed from the appends
  must be the sealed one. A node that leaves out a log is noticed, and nothing advances;
- what this installation sealed must be what it froze, subject by subject.
"""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.chain.records import SealedBatch, SignerChange
from tallystick.errors import ChainError, ChainInconsistent
from tallystick.protocol.log import LogAppend, batch_root, extend_head
from tallystick.protocol.types import ZERO32, Address, Timestamp, to_hex
from tallystick.service.batches import frozen_appends
from tallystick.service.context import Context, Progress, silent
from tallystick.service.ports import Transaction
from tallystick.store.records import AppendRecord, BatchState, Cursor, SignerRecord

BLOCKS_A_TIME = 2_000


def index(context: Context, progress: Progress = silent) -> Cursor:
    """Bring the index up to the newest final block; returns how far it is.

    Raises:
        ChainInconsistent: the node's answers contradict each other or what is indexed already; nothing is kept.
        ChainError: the contracts are so new that their block is not final yet.
        ChainUnreachable: no answer.
    """
    chain = context.chain
    target = chain.final_block()
    with context.store.transaction() as transaction:
        cursor = transaction.cursor()
    start = chain.deployment.block_number
    first = start if cursor is None else cursor.block_number + 1
    if cursor is not None:
        _check_same_chain(context, cursor)
    while first <= target.number:
        last = min(first + BLOCKS_A_TIME - 1, target.number)
        changes = chain.signer_changes(first, last)
        batches = chain.sealed_batches(first, last)
        block = target if last == target.number else chain.block(last)
        cursor = Cursor(block.number, block.hash, block.timestamp)
        with context.store.transaction() as transaction:
            _keep_signers(transaction, changes)
            for batch in batches:
                _keep_batch(transaction, context, batch)
            transaction.set_cursor(cursor)
        progress("indexed", last - start + 1, target.number - start + 1)
        first = last + 1
    if cursor is None:
        raise ChainError(
            f"deployment: expected its block {start} to be final, got block {target.number} as the newest final one.",
            todo="Wait until it is, then do the same again.",
        )
    return cursor


def _check_same_chain(context: Context, cursor: Cursor) -> None:
    block = context.chain.block(cursor.block_number)
    if block.hash != cursor.block_hash:
        raise ChainInconsistent(
            f"block {cursor.block_number}: indexed as final was {to_hex(cursor.block_hash)}, "
            f"the node now says {to_hex(block.hash)}.",
            todo="A final block never changes: check that the node is the one this home was made with, and not wiped.",
        )


def _keep_signers(transaction: Transaction, changes: Sequence[SignerChange]) -> None:
    for change in changes:
        if change.added:
            added, revoked = change.block.timestamp, Timestamp(0)
        else:
            known = [s for s in transaction.signers([change.party]) if s.signer == change.signer]
            if not known:
                raise ChainInconsistent(
                    f"signer {to_hex(change.signer)}: the node shows its revocation but never showed it added.",
                    todo="The node left out a log: try again, or use another node.",
                )
            added, revoked = known[0].added_at, change.block.timestamp
        transaction.put_signer(SignerRecord(change.party, change.signer, added, revoked))


def _keep_batch(transaction: Transaction, context: Context, batch: SealedBatch) -> None:
    expected = transaction.sealed_count(batch.operator)
    where = f"batch {batch.batch_id} of operator {to_hex(batch.operator)}"
    if batch.batch_id != expected:
        raise ChainInconsistent(
            f"{where}: expected batch {expected} next.", todo="The node left out a log: try again, or use another node."
        )
    recomputed = batch_root((append.subject, append.root, append.count) for append in batch.appends)
    if recomputed != batch.root:
        raise ChainInconsistent(
            f"{where}: its appends give root {to_hex(recomputed)}, the contract sealed {to_hex(batch.root)}.",
            todo="The node altered a log: use another node.",
        )
    _check_frozen(transaction, context.operator, batch, where)
    last = transaction.last_appends(append.subject for append in batch.appends)
    records = []
    for append in batch.appends:
        before = last.get(append.subject)
        made = LogAppend(batch.operator, batch.batch_id, append.count, append.root, batch.block.timestamp)
        records.append(
            AppendRecord(
                subject=append.subject,
                ordinal=0 if before is None else before.ordinal + 1,
                operator=batch.operator,
                batch_id=batch.batch_id,
                count=append.count,
                root=append.root,
                timestamp=batch.block.timestamp,
                block_number=batch.block.number,
                block_hash=batch.block.hash,
                first_seq=0 if before is None else before.first_seq + before.count,
                head=extend_head(ZERO32 if before is None else before.head, made),
            )
        )
    transaction.add_appends(records, batch.root)
    if batch.operator == context.operator:
        transaction.set_batch_state(batch.operator, batch.batch_id, BatchState.FINAL)


def _check_frozen(transaction: Transaction, operator: Address, batch: SealedBatch, where: str) -> None:
    """What this installation sealed is what it froze; another operator's batch can't be checked here."""
    if batch.operator != operator:
        return
    if frozen_appends(transaction, operator, batch.batch_id) != list(batch.appends):
        raise ChainInconsistent(
            f"{where}: the chain holds other roots than this home froze.",
            todo="Either this home was restored from a copy older than that batch: restore the newest one. Or another "
            "installation seals with the same operator key: stop it, each needs its own key.",
        )

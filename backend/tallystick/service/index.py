"""Follow the chain: what its blocks say of parties' logs and signers, kept so that it can be asked for quickly.

::

    cursor (final)        tip                          the node's newest block
        |                  |                                     |
    ----+--- every block --+--- by ranges up to the final one, then every block with its parent
                 \\
                  undone by a reorganisation: marked, never deleted

Rules:

- above the final block every header is kept, and each must name the one before it. Where the node's chain leaves
  ours, all above the last common block is undone in one transaction, which notes it for every evidence concerned;
- a node that knows less than we do is late, and no reason to undo anything; one that contradicts a final block is
  refused;
- the chain checks itself: an operator's batch ids run without a gap, the batch root recomputed from the appends must be
  the sealed one, and the contract must have taken as many batches of every operator as were shown. A node that leaves
  out a log is noticed, and nothing advances;
- what this installation sealed must be what it froze, subject by subject;
- whoever indexes the same chain into the same store at the same time does no harm: who comes second begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.chain.records import SealedBatch, SignerChange
from tallystick.errors import ChainError, ChainInconsistent
from tallystick.protocol.log import LogAppend, batch_root, extend_head
from tallystick.protocol.types import ZERO32, Address, BlockRef, Hash, to_hex
from tallystick.service.batches import frozen_appends
from tallystick.service.context import Context, Progress, silent
from tallystick.service.ports import Transaction
from tallystick.service.steps import (
    BLOCKS_A_TIME,
    UNFINAL_BLOCKS_A_TIME,
    Step,
    check_link,
    check_state,
    linked_headers,
    read,
    state_after,
)
from tallystick.store.records import AppendRecord, Cursor


class _Overtaken(Exception):
    """Somebody else indexed meanwhile: what was read no longer follows what is kept."""


@dataclass(frozen=True, slots=True)
class _Position:
    """What is kept: the newest final block and the newest block."""

    cursor: Cursor | None
    tip: BlockRef | None


def index(context: Context, progress: Progress = silent) -> Cursor:
    """Bring the index up to the node's newest block; returns how far it is final.

    Raises:
        ChainInconsistent: the node's answers contradict each other or what is indexed as final; nothing is kept.
        ChainError: the contracts are so new that their block is not final yet.
        ChainUnreachable: no answer.
    """
    while True:
        try:
            return _index(context, progress)
        except _Overtaken:
            continue


def _index(context: Context, progress: Progress) -> Cursor:
    chain = context.chain
    start = chain.deployment.block_number
    with context.store.transaction(read_only=True) as transaction:
        kept = _Position(transaction.cursor(), transaction.tip())
    final = _final_block(context, kept.cursor)
    ancestor = _common_block(context, kept)
    first = start if ancestor is None else ancestor.number + 1
    while first <= final.number:
        last = min(first + BLOCKS_A_TIME - 1, final.number)
        block = final if last == final.number else chain.block(last)
        check_link(context, ancestor, first, block)
        step = read(context, ancestor, first, [(block, None)])
        kept = _keep(context, kept, step, final)
        progress("indexed", last - start + 1, final.number - start + 1)
        ancestor, first = block, last + 1
    while ancestor is not None:
        headers = linked_headers(context, ancestor)
        if not headers:
            break
        step = read(context, ancestor, first, [(header.block, header.parent) for header in headers])
        kept = _keep(context, kept, step, final)
        ancestor, first = step.last, step.last.number + 1
        if len(headers) < UNFINAL_BLOCKS_A_TIME:
            break
    if kept.cursor is not None and ancestor is not None and kept.cursor.block_number < final.number:
        kept = _finalize(context, kept, final)
    if kept.cursor is None:
        raise ChainError(
            f"deployment: expected its block {start} to be final, got block {final.number} as the newest final one.",
            todo="Wait until it is, then do the same again.",
        )
    return kept.cursor


def _final_block(context: Context, cursor: Cursor | None) -> BlockRef:
    """The newest final block, as the node says or as we knew it before, whichever is newer."""
    final = context.chain.final_block()
    if cursor is None or final.number > cursor.block_number:
        return final
    if final.number == cursor.block_number and final.hash != cursor.block_hash:
        raise _past_final(cursor, final.hash)
    return cursor.block


def _common_block(context: Context, kept: _Position) -> BlockRef | None:
    """The newest block that is kept and that the node has too; None where nothing is kept.

    A node that does not have our newest block yet is late: then it is our newest block all the same.
    """
    if kept.tip is None or kept.cursor is None:
        return None
    chain = context.chain
    met = chain.header(kept.tip.number)
    if met is None or met.block.hash == kept.tip.hash:
        return kept.tip
    with context.store.transaction(read_only=True) as transaction:
        ours = transaction.blocks(kept.cursor.block_number, kept.tip.number)
    for block in reversed(ours):
        theirs = chain.header(block.number)
        if theirs is None:
            raise ChainInconsistent(
                f"node: expected block {block.number}, below its block {met.block.number}, found none.",
                todo="Try again, or ask another node.",
            )
        if theirs.block.hash == block.hash:
            break
    else:
        raise _past_final(kept.cursor, chain.block(kept.cursor.block_number).hash)
    # One answer of a node that is late, or of one behind a balancer, is no reorganisation: it must say so twice.
    if chain.header(met.block.number) != met:
        raise ChainInconsistent(
            f"node: block {met.block.number}: expected the same answer twice, got two.", todo="Try again."
        )
    return block


def _keep(context: Context, kept: _Position, step: Step, final: BlockRef) -> _Position:
    """Keep ``step`` in one transaction, and undo what it takes the place of."""
    state = state_after(context, step, final)
    with context.store.transaction() as transaction:
        if _Position(transaction.cursor(), transaction.tip()) != kept:
            raise _Overtaken
        if kept.tip is not None and step.after is not None and step.after.number < kept.tip.number:
            _undo(transaction, context, step.after.number + 1, kept.tip.number)
        _put_blocks(transaction, context, step)
        check_state(transaction, state, step.last)
        cursor = kept.cursor
        if step.last.number <= final.number or (cursor is not None and cursor.block_number < final.number):
            cursor = _make_final(transaction, context, cursor, min(final, step.last, key=lambda block: block.number))
        return _Position(cursor, step.last)


def _finalize(context: Context, kept: _Position, final: BlockRef) -> _Position:
    """Move the final block on to ``final``, which is kept already."""
    assert kept.tip is not None, "what is to be final is kept"
    if final.number > kept.tip.number:
        return kept
    with context.store.transaction() as transaction:
        if _Position(transaction.cursor(), transaction.tip()) != kept:
            raise _Overtaken
        return _Position(_make_final(transaction, context, kept.cursor, final), kept.tip)


def _make_final(transaction: Transaction, context: Context, cursor: Cursor | None, final: BlockRef) -> Cursor:
    """``final`` is the newest final block, and all batches up to it are final."""
    if cursor is not None and cursor.block_number == final.number:
        return cursor
    since = context.chain.deployment.block_number if cursor is None else cursor.block_number + 1
    blocks = transaction.blocks(since, final.number)
    if blocks[-1:] != [final]:
        raise ChainInconsistent(
            f"node: block {final.number}: called final is {to_hex(final.hash)}, its chain has another.",
            todo="The chain was reorganised meanwhile: try again.",
        )
    transaction.finish_batches([block.hash for block in blocks], context.clock.now())
    made = Cursor(final.number, final.hash, final.timestamp)
    transaction.set_cursor(made)
    return made


def _undo(transaction: Transaction, context: Context, first: int, last: int) -> None:
    """Take blocks ``first`` to ``last``, none of which is final, off the chain."""
    undone = [block.hash for block in transaction.blocks(first, last)]
    transaction.orphan_batches(undone, context.clock.now())
    transaction.mark_blocks(undone, canonical=False)


def _put_blocks(transaction: Transaction, context: Context, step: Step) -> None:
    """Put the blocks of ``step`` on the chain: those that were undone come back as they were, the others are new."""
    parents: dict[BlockRef, Hash | None] = dict.fromkeys(step.blocks_that_say) | dict(step.headers)
    known = transaction.known_blocks(block.hash for block in parents)
    back = {block for block in parents if block.hash in known}
    transaction.mark_blocks(known, canonical=True)
    transaction.add_blocks({block: parent for block, parent in parents.items() if block not in back})
    for change in step.signers:
        if change.block not in back:
            _keep_signer(transaction, change)
    for batch in step.batches:
        _check_batch(transaction, batch, again=batch.block in back)
        if batch.block not in back:
            _keep_batch(transaction, context, batch)
        if batch.operator == context.operator:
            transaction.include_batch(batch.operator, batch.batch_id, batch.block.hash, context.clock.now())


def _past_final(cursor: Cursor, got: Hash) -> ChainInconsistent:
    return ChainInconsistent(
        f"block {cursor.block_number}: indexed as final was {to_hex(cursor.block_hash)}, "
        f"the node now says {to_hex(got)}.",
        todo="A final block never changes: check that the node is the one this home was made with, and not wiped.",
    )


def _keep_signer(transaction: Transaction, change: SignerChange) -> None:
    known = any(signer.signer == change.signer for signer in transaction.signers([change.party]))
    if not change.added and not known:
        raise ChainInconsistent(
            f"signer {to_hex(change.signer)}: the node shows its revocation but never showed it added.",
            todo="The node left out a log: try again, or use another node.",
        )
    transaction.add_signer_change(change.party, change.signer, change.block.hash, change.log_index, added=change.added)


def _check_batch(transaction: Transaction, batch: SealedBatch, *, again: bool) -> None:
    """``batch`` comes next, and its appends give its root; one that came back is counted already."""
    where = _name(batch)
    shown = transaction.sealed_count(batch.operator)
    if batch.batch_id >= shown if again else batch.batch_id != shown:
        raise ChainInconsistent(
            f"{where}: expected batch {shown} next.", todo="The node left out a log: try again, or use another node."
        )
    recomputed = batch_root((append.subject, append.root, append.count) for append in batch.appends)
    if recomputed != batch.root:
        raise ChainInconsistent(
            f"{where}: its appends give root {to_hex(recomputed)}, the contract sealed {to_hex(batch.root)}.",
            todo="The node altered a log: use another node.",
        )


def _keep_batch(transaction: Transaction, context: Context, batch: SealedBatch) -> None:
    _check_frozen(transaction, context.operator, batch)
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
    transaction.add_appends(records, batch.root, batch.log_index)


def _check_frozen(transaction: Transaction, operator: Address, batch: SealedBatch) -> None:
    """What this installation sealed is what it froze; another operator's batch can't be checked here."""
    if batch.operator != operator:
        return
    if frozen_appends(transaction, operator, batch.batch_id) != list(batch.appends):
        raise ChainInconsistent(
            f"{_name(batch)}: the chain holds other roots than this home froze.",
            todo="Either this home was restored from a copy older than that batch: restore the newest one. Or another "
            "installation seals with the same operator key: stop it, each needs its own key.",
        )


def _name(batch: SealedBatch) -> str:
    return f"batch {batch.batch_id} of operator {to_hex(batch.operator)}"

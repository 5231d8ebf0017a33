"""Seal what was accepted: freeze a batch, sign it, keep the bytes, send them, see them final.

::

    pending --freeze--> built --send--> sent --index: in a final block--> final

Rules:

- a batch is frozen and its signed transaction kept before the first byte is sent; after a crash the same bytes go out
  again. The contract takes each batch id once, so a resend is harmless and a double seal impossible;
- where the account's nonce was used for something else meanwhile, another transaction carries the same frozen batch;
- one batch is under way at a time; the next is built when it is final;
- an evidence never straddles two batches: a batch is closed before its touched subjects exceed the limit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from tallystick.chain.records import Append, SignedTransaction
from tallystick.errors import ChainError, TransactionFailed
from tallystick.protocol.log import batch_root
from tallystick.protocol.types import PartyId, to_hex
from tallystick.service.batches import arrange, frozen_appends, parents_of, subjects_of
from tallystick.service.context import Context, Progress, silent
from tallystick.service.index import index
from tallystick.service.ports import Transaction
from tallystick.store.records import BatchRecord, BatchState, EvidenceRecord

FINALITY_TIMEOUT_SECONDS = 1_800.0


def seal(context: Context, progress: Progress = silent, wait: Callable[[float], None] = time.sleep) -> int:
    """Seal everything pending and see it final; returns how many batches that took.

    Raises:
        TransactionFailed: the chain refused a batch; it stays frozen and is sent again next time.
        ChainUnreachable: no answer; nothing is lost.
    """
    index(context)
    with context.store.transaction(read_only=True) as transaction:
        total = transaction.count_pending()
    sealed = done = 0
    for batch in _under_way(context):
        _finish(context, batch, wait)
        sealed += 1
    while (frozen := freeze(context)) is not None:
        batch, size = frozen
        _finish(context, batch, wait)
        sealed += 1
        done += size
        progress("sealed", done, max(total, done))
    return sealed


def freeze(context: Context) -> tuple[BatchRecord, int] | None:
    """Freeze the next batch of pending evidence, signed but not sent, and how many it holds; None if nothing waits."""
    with context.store.transaction(read_only=True) as transaction:
        records = _next_records(transaction, context)
        if not records:
            return None
        entries, appends = arrange(records, parents_of(transaction, records))
    batch_id = context.chain.next_batch(context.operator, None)
    signed = _sign(context, batch_id, appends)
    batch = BatchRecord(
        operator=context.operator,
        batch_id=batch_id,
        root=batch_root((append.subject, append.root, append.count) for append in appends),
        state=BatchState.BUILT,
        raw_transaction=signed.raw,
        transaction_hash=signed.hash,
        created_at=context.clock.now(),
    )
    with context.store.transaction() as transaction:
        transaction.add_batch(batch, entries)
    return batch, len(records)


def _sign(context: Context, batch_id: int, appends: list[Append]) -> SignedTransaction:
    operator = context.operator
    return context.chain.sign_seal(operator, lambda digest: context.keys.sign(operator, digest), batch_id, appends)


def _next_records(transaction: Transaction, context: Context) -> list[EvidenceRecord]:
    """The oldest pending evidence that fits one batch: bounded in entries and in touched subjects."""
    candidates = transaction.pending(context.limits.batch_evidence)
    parents = parents_of(transaction, candidates)
    touched: set[PartyId] = set()
    chosen = []
    for record in candidates:
        touched.update(subjects_of(record, parents))
        if len(touched) > context.limits.batch_subjects:
            break
        chosen.append(record)
    return chosen


def _under_way(context: Context) -> list[BatchRecord]:
    with context.store.transaction(read_only=True) as transaction:
        return transaction.batches((BatchState.BUILT, BatchState.SENT))


def _send(context: Context, batch: BatchRecord) -> BatchRecord:
    """Send ``batch`` unless the chain has it; returns it as it was sent."""
    if context.chain.next_batch(context.operator, None) > batch.batch_id:
        return batch
    try:
        context.chain.send(batch.raw_transaction)
        return batch
    except TransactionFailed:
        with context.store.transaction(read_only=True) as transaction:
            appends = frozen_appends(transaction, batch.operator, batch.batch_id)
        signed = _sign(context, batch.batch_id, appends)
    with context.store.transaction() as transaction:
        transaction.resign_batch(batch.operator, batch.batch_id, signed.raw, signed.hash)
    context.chain.send(signed.raw)
    return replace(batch, raw_transaction=signed.raw, transaction_hash=signed.hash)


def _finish(context: Context, batch: BatchRecord, wait: Callable[[float], None]) -> None:
    """Send ``batch`` and index until the chain has it in a final block, whichever transaction carried it there."""
    sent = _send(context, batch)
    with context.store.transaction() as transaction:
        transaction.set_batch_state(sent.operator, sent.batch_id, BatchState.SENT)
    waited, pause = 0.0, 0.05
    while True:
        index(context)
        with context.store.transaction(read_only=True) as transaction:
            if transaction.sealed_count(sent.operator) > sent.batch_id:
                return
        inclusion = context.chain.inclusion(sent.transaction_hash)
        if inclusion is not None and not inclusion.succeeded:
            raise TransactionFailed(
                f"batch {sent.batch_id}: its transaction {to_hex(sent.transaction_hash)} reverted in block "
                f"{inclusion.block.number}.",
                todo="Check that the operator account is registered: `tallystick status` names it.",
            )
        if waited > FINALITY_TIMEOUT_SECONDS:
            raise ChainError(
                f"batch {sent.batch_id}: not final after {FINALITY_TIMEOUT_SECONDS:.0f} s.",
                todo="Nothing is lost: run `tallystick seal` again; check the node and the fees.",
            )
        wait(pause)
        waited += pause
        pause = min(pause * 1.5, 5.0)

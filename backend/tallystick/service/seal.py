"""Seal what was accepted: freeze a batch, sign it, keep the bytes, send them, see them included and final.

::

    pending --freeze--> built --sign--> signed --send--> sent --index--> included --index--> final
                          |               ^               |                 |
                          |               |    its nonce went elsewhere,    a reorganisation
                  content never changes   |    or it pays too little        |
                                          +---------------+                 +--> orphaned --send--> sent

Rules:

- a batch is frozen, and each signed transaction that carries it kept, before the first byte is sent; after a crash
  or a reorganisation the same bytes go out again. The contract takes each batch id once, so a resend is harmless and a
  double seal impossible;
- what became of a transaction is never taken from what a node says when it refuses one, but read from the chain: the
  account's next nonce and next batch id, both as of one block, and the indexed events;
- one batch is on its way at a time, the oldest; the next is built when a block holds it. It is not on its way twice:
  several processes may work, and one at a time sends from an account;
- a transaction that waits too long is replaced by one of the same nonce that offers more, up to the limit; all are
  kept, for any of them may be the one that counts;
- an evidence never straddles two batches: a batch is closed before its touched subjects exceed the limit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum

from tallystick.chain.records import Fees, SendOutcome
from tallystick.errors import ChainError, TransactionFailed
from tallystick.protocol.log import batch_root
from tallystick.protocol.types import PartyId, Timestamp, to_hex
from tallystick.service.batches import arrange, frozen_appends, parents_of, subjects_of
from tallystick.service.context import Context, Progress, silent
from tallystick.service.index import index
from tallystick.service.ports import Transaction
from tallystick.service.promising import sign_receipts
from tallystick.store.records import ON_ITS_WAY, BatchRecord, BatchState, EvidenceRecord, Submission

PATIENCE_SECONDS = 1_800.0
"""How long ``seal`` waits for a batch to come any further."""
RESEND_SECONDS = 15
"""After so long without inclusion the same bytes go out again: a node may have lost them."""
RAISE_SECONDS = 60
"""After so long without inclusion a transaction is replaced by one that offers more."""


class Move(StrEnum):
    """What ``advance`` did."""

    IDLE = "idle"
    """Nothing is pending, and no batch is on its way."""
    WAITING = "waiting"
    """A batch is on its way, and there was nothing to do but wait."""
    CAPPED = "capped"
    """The same, and its transaction offers all that the limit on fees allows."""
    FROZEN = "frozen"
    SIGNED = "signed"
    SENT = "sent"


def seal(context: Context, progress: Progress = silent, wait: Callable[[float], None] = time.sleep) -> int:
    """Seal everything pending and see it final; returns how many batches that took.

    Raises:
        TransactionFailed: the chain refuses a batch; it stays frozen and is sent again next time.
        ChainUnreachable: no answer; nothing is lost.
    """
    index(context)
    with context.store.transaction(read_only=True) as transaction:
        total = transaction.count_pending()
        batches = len(transaction.batches(ON_ITS_WAY | {BatchState.INCLUDED}))
    before: object = None
    waited, pause = 0.0, 0.05
    while (move := advance(context)) is not Move.IDLE or _unfinished(context):
        if move is Move.FROZEN:
            batches += 1
            with context.store.transaction(read_only=True) as transaction:
                done = total - transaction.count_pending()
            progress("sealed", done, max(total, done))
        if move in (Move.FROZEN, Move.SIGNED, Move.SENT):
            continue
        index(context)
        now = _standing(context)
        if now != before:
            before, waited, pause = now, 0.0, 0.05
            continue
        if waited > PATIENCE_SECONDS:
            raise ChainError(
                f"seal: expected a batch to come further within {PATIENCE_SECONDS:.0f} s.",
                todo="Nothing is lost: run `tallystick seal` again; check the node and the fees.",
            )
        wait(pause)
        waited += pause
        pause = min(pause * 1.5, 5.0)
    return batches


def advance(context: Context) -> Move:
    """Take the oldest batch that no block holds one step further, or freeze the next one.

    Raises:
        TransactionFailed: the chain would refuse the batch, or did; the message says why.
        ChainUnreachable: no answer; the same step is taken again next time.
    """
    with context.store.transaction(read_only=True) as transaction:
        batches = transaction.batches(ON_ITS_WAY)
        submissions = transaction.submissions(context.operator, batches[0].batch_id) if batches else []
    if not batches:
        return Move.FROZEN if freeze(context) is not None else Move.IDLE
    batch, account = batches[0], context.chain.account(context.operator)
    if account.next_batch != batch.batch_id:
        return Move.WAITING  # the chain has it, or does not have the one before it: the index will tell
    usable = [one for one in submissions if one.nonce >= account.nonce]
    if not usable:
        _check_reverted(context, batch, submissions)
        _sign(context, batch, account.nonce, context.chain.suggest_fees())
        return Move.SIGNED
    return _carry(context, batch, usable[-1])


def freeze(context: Context) -> tuple[BatchRecord, int] | None:
    """Freeze the next batch of pending evidence, not signed yet, and how many it holds; None if nothing waits."""
    with context.store.transaction() as transaction:
        records = _next_records(transaction, context)
        if not records:
            return None
        # what an API process accepted gets its receipt at the latest here: nothing is sealed that nobody promised
        lacking = {one.evidence_id for one in records} - transaction.receipts(one.evidence_id for one in records).keys()
        transaction.add_receipts(sign_receipts(context, [one for one in records if one.evidence_id in lacking]))
        entries, appends = arrange(records, parents_of(transaction, records))
        batch = BatchRecord(
            operator=context.operator,
            batch_id=transaction.count_batches(context.operator),
            root=batch_root((append.subject, append.root, append.count) for append in appends),
            state=BatchState.BUILT,
            created_at=context.clock.now(),
        )
        transaction.add_batch(batch, entries)
    return batch, len(records)


def _carry(context: Context, batch: BatchRecord, newest: Submission) -> Move:
    """Send ``newest``, send it again, or replace it, as long as it takes."""
    now, waiting = context.clock.now(), Move.WAITING
    if newest.sent_at is not None and batch.state is BatchState.SENT:
        if now - newest.sent_at < RESEND_SECONDS:
            return Move.WAITING
        if now - newest.signed_at >= RAISE_SECONDS:
            raised = context.chain.replacement_fees(Fees(newest.max_priority_fee_wei, newest.max_fee_wei))
            if raised is not None:
                _sign(context, batch, newest.nonce, raised)
                return Move.SIGNED
            waiting = Move.CAPPED
    outcome = context.chain.send(newest.raw)
    with context.store.transaction() as transaction:
        transaction.note_sent(newest, now)
    first = newest.sent_at is None or batch.state is not BatchState.SENT
    return Move.SENT if first and outcome is SendOutcome.TAKEN else waiting


def _sign(context: Context, batch: BatchRecord, nonce: int, fees: Fees) -> None:
    """Let another transaction carry ``batch``: signed and kept, not sent yet."""
    with context.store.transaction(read_only=True) as transaction:
        appends = frozen_appends(transaction, batch.operator, batch.batch_id)
    operator = context.operator
    signed = context.chain.sign_seal(
        operator, lambda digest: context.keys.sign(operator, digest), batch.batch_id, appends, nonce, fees
    )
    submission = Submission(
        operator=operator,
        batch_id=batch.batch_id,
        nonce=nonce,
        raw=signed.raw,
        hash=signed.hash,
        max_priority_fee_wei=fees.max_priority_fee_wei,
        max_fee_wei=fees.max_fee_wei,
        signed_at=context.clock.now(),
    )
    with context.store.transaction() as transaction:
        transaction.add_submission(submission)


def _check_reverted(context: Context, batch: BatchRecord, submissions: list[Submission]) -> None:
    """Raises ``TransactionFailed`` if the newest transaction that carried ``batch`` reverted just now.

    A batch is tried before it is signed, and then the chain says why it would revert; this is for what goes wrong only
    when it is included, and must not cost gas without end.
    """
    if not submissions or context.clock.now() - (submissions[-1].sent_at or Timestamp(0)) >= RESEND_SECONDS:
        return
    newest = submissions[-1]
    inclusion = context.chain.inclusion(newest.hash)
    if inclusion is not None and not inclusion.succeeded:
        raise TransactionFailed(
            f"batch {batch.batch_id}: its transaction {to_hex(newest.hash)} reverted in block "
            f"{inclusion.block.number}.",
            todo=f"It is tried again after {RESEND_SECONDS} s. Check that the operator account is registered: "
            "`tallystick status` names it.",
        )


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


def _unfinished(context: Context) -> bool:
    with context.store.transaction(read_only=True) as transaction:
        return bool(transaction.batches(ON_ITS_WAY | {BatchState.INCLUDED}))


def _standing(context: Context) -> object:
    """What changes whenever a batch comes further."""
    with context.store.transaction(read_only=True) as transaction:
        batches = transaction.batches(ON_ITS_WAY | {BatchState.INCLUDED})
        return [(batch.batch_id, batch.state) for batch in batches], transaction.cursor()

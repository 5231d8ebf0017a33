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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tallystick.chain.records import BlockHeader, SealedBatch, SignerChange
from tallystick.errors import ChainError, ChainInconsistent, ChainUnreachable, WrongChain
from tallystick.protocol.log import LogAppend, batch_root, extend_head
from tallystick.protocol.types import ZERO32, Address, BlockRef, Hash, PartyId, SignerWindow, to_hex
from tallystick.service.batches import frozen_appends
from tallystick.service.context import Context, Progress, silent
from tallystick.service.ports import Transaction
from tallystick.store.records import AppendRecord, Cursor

BLOCKS_A_TIME = 2_000
"""Final blocks that are read as one range."""
UNFINAL_BLOCKS_A_TIME = 500
"""Blocks above the final one that are read and kept at once."""


class _Overtaken(Exception):
    """Somebody else indexed meanwhile: what was read no longer follows what is kept."""


@dataclass(frozen=True, slots=True)
class _Position:
    """What is kept: the newest final block and the newest block."""

    cursor: Cursor | None
    tip: BlockRef | None


@dataclass(frozen=True, slots=True)
class _Step:
    """The blocks that follow ``after`` (None: from the deployment on) up to ``last``, as the node shows them.

    ``headers`` are all of them, or (a range of final blocks) the last one alone, whose parent is not told.
    """

    after: BlockRef | None
    headers: Sequence[tuple[BlockRef, Hash | None]]
    signers: Sequence[SignerChange]
    batches: Sequence[SealedBatch]

    @property
    def last(self) -> BlockRef:
        return self.headers[-1][0]

    @property
    def is_range(self) -> bool:
        """Whether only the last block's header is known, so that the others are not linked to it."""
        return self.headers[-1][1] is None

    @property
    def blocks_that_say(self) -> set[BlockRef]:
        """The blocks of all events, as the node told them."""
        return {change.block for change in self.signers} | {batch.block for batch in self.batches}


@dataclass(frozen=True, slots=True)
class _State:
    """What the contracts' state says after the last block of a step, to compare with what its events say.

    ``taken`` is the number of batches of each operator. Of a range, ``heads`` has the log of one party of each block
    with batches, and ``windows`` one signer of each block with changes: an event of another block than the chain's has
    another time, which both hold.
    """

    taken: Mapping[Address, int]
    heads: Mapping[PartyId, Hash]
    windows: Mapping[tuple[PartyId, Address], SignerWindow]


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
        _check_link(context, ancestor, first, block)
        step = _read(context, ancestor, first, [(block, None)])
        kept = _keep(context, kept, step, final)
        progress("indexed", last - start + 1, final.number - start + 1)
        ancestor, first = block, last + 1
    while ancestor is not None:
        headers = _linked_headers(context, ancestor)
        if not headers:
            break
        step = _read(context, ancestor, first, [(header.block, header.parent) for header in headers])
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


def _linked_headers(context: Context, ancestor: BlockRef) -> list[BlockHeader]:
    """The blocks after ``ancestor`` up to the newest, or as many as are taken at once, each naming the one before."""
    newest = context.chain.header(None)
    assert newest is not None, "a chain has a block"
    headers: list[BlockHeader] = []
    parent = ancestor
    for number in range(ancestor.number + 1, min(newest.block.number, ancestor.number + UNFINAL_BLOCKS_A_TIME) + 1):
        header = newest if number == newest.block.number else context.chain.header(number)
        if header is None:
            break
        if header.parent != parent.hash:
            raise _not_linked(number, parent.hash, header.parent)
        headers.append(header)
        parent = header.block
    return headers


def _check_link(context: Context, ancestor: BlockRef | None, first: int, last: BlockRef) -> None:
    """The range of final blocks from ``first`` to ``last`` begins with the child of ``ancestor``."""
    header = context.chain.header(first)
    if header is None or (first == last.number and header.block != last):
        raise ChainInconsistent(
            f"node: block {first}: expected the same answer twice, got two.", todo="The node is late: try again."
        )
    if ancestor is not None and header.parent != ancestor.hash:
        raise _not_linked(first, ancestor.hash, header.parent)


def _not_linked(number: int, expected: Hash, got: Hash) -> ChainInconsistent:
    return ChainInconsistent(
        f"node: block {number}: expected parent {to_hex(expected)}, got {to_hex(got)}.",
        todo="The chain was reorganised meanwhile, or the node mixes up branches: try again.",
    )


def _read(
    context: Context, after: BlockRef | None, first: int, headers: Sequence[tuple[BlockRef, Hash | None]]
) -> _Step:
    """What the blocks from ``first`` to the last of ``headers`` say, checked against these headers."""
    last = headers[-1][0]
    signers = context.chain.signer_changes(first, last.number)
    batches = context.chain.sealed_batches(first, last.number)
    step = _Step(after, headers, signers, batches)
    known = {block.number: block.hash for block, _ in headers}
    for block in step.blocks_that_say:
        if known.get(block.number, block.hash) != block.hash:
            raise ChainInconsistent(
                f"node: log in block {block.number}: expected block {to_hex(known[block.number])}, "
                f"got {to_hex(block.hash)}.",
                todo="The chain was reorganised meanwhile: try again.",
            )
    return step


def _keep(context: Context, kept: _Position, step: _Step, final: BlockRef) -> _Position:
    """Keep ``step`` in one transaction, and undo what it takes the place of."""
    state = _state_after(context, step, final)
    with context.store.transaction() as transaction:
        if _Position(transaction.cursor(), transaction.tip()) != kept:
            raise _Overtaken
        if kept.tip is not None and step.after is not None and step.after.number < kept.tip.number:
            _undo(transaction, context, step.after.number + 1, kept.tip.number)
        _put_blocks(transaction, context, step)
        _check_state(transaction, state, step.last)
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


def _put_blocks(transaction: Transaction, context: Context, step: _Step) -> None:
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


def _state_after(context: Context, step: _Step, final: BlockRef) -> _State:
    """What the contracts' state says after the last block of ``step`` of all operators known, and of what it says."""
    chain = context.chain
    with context.store.transaction(read_only=True) as transaction:
        operators = {context.operator, *transaction.sealing_operators()}
    operators |= {batch.operator for batch in step.batches}
    subjects, signers = _one_of_each_block(step) if step.is_range else ((), ())
    try:
        return _State(
            {operator: chain.next_batch(operator, step.last) for operator in sorted(operators)},
            {subject: chain.head(subject, step.last) for subject in subjects},
            {(party, signer): chain.signer_window(party, signer, step.last) for party, signer in signers},
        )
    except (ChainInconsistent, ChainUnreachable, WrongChain):
        raise
    except ChainError:
        # a node that prunes has no state of old blocks; what it leaves out there is noticed at the newest
        if final.number - step.last.number < BLOCKS_A_TIME:
            raise
        return _State({}, {}, {})


def _one_of_each_block(step: _Step) -> tuple[list[PartyId], list[tuple[PartyId, Address]]]:
    """Few parties and few signers of whom each block that says something about any says something about one."""
    subjects: set[PartyId] = set()
    for batch in step.batches:
        if subjects.isdisjoint(append.subject for append in batch.appends):
            subjects.add(batch.appends[0].subject)
    signers = {change.block: (change.party, change.signer) for change in step.signers}
    return sorted(subjects), sorted(set(signers.values()))


def _check_state(transaction: Transaction, state: _State, block: BlockRef) -> None:
    """What is kept up to ``block``, the newest, is what the contracts' state says there."""
    for operator, taken in state.taken.items():
        shown = transaction.sealed_count(operator)
        if shown != taken:
            raise ChainInconsistent(
                f"operator {to_hex(operator)}: the contract had taken {taken} batches by block {block.number}, "
                f"the node shows {shown}.",
                todo="The node left out a log: try again, or use another node.",
            )
    folded = {subject: last.head for subject, last in transaction.last_appends(state.heads).items()}
    for subject, head in state.heads.items():
        if folded.get(subject) != head:
            raise ChainInconsistent(
                f"log of {to_hex(subject)}: its batches do not give the head that the contract had at block "
                f"{block.number}.",
                todo="The node showed a batch of another branch: try again, or use another node.",
            )
    windows = {
        (one.party, one.signer): SignerWindow(one.added_at, one.revoked_at)
        for one in transaction.signers({party for party, _ in state.windows})
    }
    for (party, signer), window in state.windows.items():
        if windows.get((party, signer)) != window:
            raise ChainInconsistent(
                f"signer {to_hex(signer)} of {to_hex(party)}: its events do not give the times that the contract had "
                f"at block {block.number}.",
                todo="The node left out a log, or showed one of another branch: try again, or use another node.",
            )


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

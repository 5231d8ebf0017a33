"""What the node shows of the blocks that come next, checked against their headers, and what the state says there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tallystick.chain.records import BlockHeader, SealedBatch, SignerChange
from tallystick.errors import ChainError, ChainInconsistent, ChainUnreachable, WrongChain
from tallystick.protocol.types import Address, BlockRef, Hash, PartyId, SignerWindow, to_hex
from tallystick.service.context import Context
from tallystick.service.ports import Transaction

BLOCKS_A_TIME = 2_000
"""Final blocks that are read as one range."""
UNFINAL_BLOCKS_A_TIME = 500
"""Blocks above the final one that are read and kept at once."""


@dataclass(frozen=True, slots=True)
class Step:
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
class State:
    """What the contracts' state says after the last block of a step, to compare with what its events say.

    ``taken`` is the number of batches of each operator. Of a range, ``heads`` has the log of one party of each block
    with batches, and ``windows`` one signer of each block with changes: an event of another block than the chain's has
    another time, which both hold.
    """

    taken: Mapping[Address, int]
    heads: Mapping[PartyId, Hash]
    windows: Mapping[tuple[PartyId, Address], SignerWindow]


def linked_headers(context: Context, ancestor: BlockRef) -> list[BlockHeader]:
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


def check_link(context: Context, ancestor: BlockRef | None, first: int, last: BlockRef) -> None:
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


def read(context: Context, after: BlockRef | None, first: int, headers: Sequence[tuple[BlockRef, Hash | None]]) -> Step:
    """What the blocks from ``first`` to the last of ``headers`` say, checked against these headers."""
    last = headers[-1][0]
    signers = context.chain.signer_changes(first, last.number)
    batches = context.chain.sealed_batches(first, last.number)
    step = Step(after, headers, signers, batches)
    known = {block.number: block.hash for block, _ in headers}
    for block in step.blocks_that_say:
        if known.get(block.number, block.hash) != block.hash:
            raise ChainInconsistent(
                f"node: log in block {block.number}: expected block {to_hex(known[block.number])}, "
                f"got {to_hex(block.hash)}.",
                todo="The chain was reorganised meanwhile: try again.",
            )
    return step


def state_after(context: Context, step: Step, final: BlockRef) -> State:
    """What the contracts' state says after the last block of ``step`` of all operators known, and of what it says."""
    chain = context.chain
    with context.store.transaction(read_only=True) as transaction:
        operators = {context.operator, *transaction.sealing_operators()}
    operators |= {batch.operator for batch in step.batches}
    subjects, signers = _one_of_each_block(step) if step.is_range else ((), ())
    try:
        return State(
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
        return State({}, {}, {})


def _one_of_each_block(step: Step) -> tuple[list[PartyId], list[tuple[PartyId, Address]]]:
    """Few parties and few signers of whom each block that says something about any says something about one."""
    subjects: set[PartyId] = set()
    for batch in step.batches:
        if subjects.isdisjoint(append.subject for append in batch.appends):
            subjects.add(batch.appends[0].subject)
    signers = {change.block: (change.party, change.signer) for change in step.signers}
    return sorted(subjects), sorted(set(signers.values()))


def check_state(transaction: Transaction, state: State, block: BlockRef) -> None:
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

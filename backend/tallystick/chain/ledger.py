"""The contracts of one deployment, behind one node: all that the use cases ask of a chain.

Example: ``EvmChain(open_http(url), deployment).head(party, chain.final_block())``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from tallystick.chain import calls, events, pledge_calls, pledge_events, seal_gas
from tallystick.chain.checks import check_chain, check_finality, finalized
from tallystick.chain.contracts import EvidenceLedger, PartyRegistry, ReceivableRegistry
from tallystick.chain.logs import scan_logs
from tallystick.chain.node import Node, Provider
from tallystick.chain.pledge_calls import ReceivableCall
from tallystick.chain.proofs import prove_state
from tallystick.chain.records import (
    Account,
    Append,
    BlockHeader,
    Deployment,
    Fees,
    Inclusion,
    PledgeChange,
    SealedBatch,
    SendOutcome,
    SignedTransaction,
    SignerChange,
    StateProof,
)
from tallystick.chain.sender import (
    DEFAULT_INCLUSION_TIMEOUT_SECONDS,
    DEFAULT_MAX_FEE_PER_GAS_WEI,
    MAX_TRANSACTION_GAS,
    Call,
    Sender,
    check_gas,
)
from tallystick.chain.transactions import Sign
from tallystick.chain.wire import NodeRefused
from tallystick.errors import ChainError, ChainInconsistent, MalformedInput, TransactionFailed
from tallystick.protocol.receivable import Pledge
from tallystick.protocol.types import Address, BlockRef, EvidenceId, Hash, PartyId, SignerWindow, to_hex

REGISTRY_GAS = 200_000
"""Above what any call of the registry takes (admit: about 120,000)."""
RECEIVABLES_GAS = 1_000_000
"""Above what any call of the register of receivables takes (pledge: 277,000 with paths of 4 and 7 hashes)."""
CHECK_ATTEMPTS = 3
CHECK_PAUSE_SECONDS = 0.2


class EvmChain:
    """``deployment`` as the node behind ``provider`` serves it; opening it asks the node nothing.

    ``finality_depth``: how many blocks stand on a final one, for nodes that do not know the ``finalized`` tag.
    """

    def __init__(
        self,
        provider: Provider,
        deployment: Deployment,
        *,
        finality_depth: int | None = None,
        max_fee_per_gas_wei: int = DEFAULT_MAX_FEE_PER_GAS_WEI,
        inclusion_timeout_seconds: float = DEFAULT_INCLUSION_TIMEOUT_SECONDS,
    ) -> None:
        assert finality_depth is None or finality_depth >= 0, "a depth is a number of blocks"
        self._deployment = deployment
        self._finality_depth = finality_depth
        self._node = Node(provider)
        self._registry = PartyRegistry(self._node, deployment.registry)
        self._ledger = EvidenceLedger(self._node, deployment.ledger)
        self._receivables = ReceivableRegistry(self._node, deployment.receivables)
        self._sender = Sender(
            self._node,
            deployment.chain_id,
            max_fee_per_gas_wei=max_fee_per_gas_wei,
            inclusion_timeout_seconds=inclusion_timeout_seconds,
        )

    @property
    def deployment(self) -> Deployment:
        """Where the contracts are."""
        return self._deployment

    def check(self) -> None:
        """Check that the node can be worked with.

        Raises:
            WrongChain: it serves another chain, genesis or contract code than the deployment's.
            ChainInconsistent: it contradicts itself, each time that it is asked.
            ChainError: no depth was given, and what the node calls ``finalized`` can't be the final block of its chain.
        """
        for attempts_left in reversed(range(CHECK_ATTEMPTS)):
            try:
                check_chain(self._node, self._deployment)
                if self._finality_depth is None:
                    check_finality(self._node)
            except (ChainInconsistent, NodeRefused):
                # the newest block may just have been undone, and the next one is as good
                if not attempts_left:
                    raise
                time.sleep(CHECK_PAUSE_SECONDS)
            else:
                return

    # reading

    def final_block(self) -> BlockRef:
        """The newest block that can't be undone: ``finality_depth`` below the newest if given, else as the node says.

        Raises:
            ChainError: no depth was given and the node does not know the ``finalized`` tag.
        """
        if self._finality_depth is not None:
            newest = self._node.newest().ref
            return newest if not self._finality_depth else self.block(max(0, newest.number - self._finality_depth))
        return finalized(self._node)

    def block(self, number: int) -> BlockRef:
        """The canonical block ``number``. Raises ``ChainInconsistent`` if there is none."""
        return self._node.block(number)

    def header(self, number: int | None) -> BlockHeader | None:
        """The canonical block ``number`` (None: the newest) with its parent's hash; None if the node has none."""
        header = self._node.newest() if number is None else self._node.header(number)
        return None if header is None else BlockHeader(header.ref, header.parent)

    def head(self, subject: PartyId, block: BlockRef) -> Hash:
        """The head of ``subject``'s log at ``block``; zero for an empty one."""
        return self._ledger.head(subject, self._deployed_by(block))

    def next_batch(self, operator: Address, block: BlockRef | None) -> int:
        """The id that the next batch of ``operator`` must have, as of ``block`` (None: the newest, not yet final)."""
        return self._ledger.next_batch(operator, block if block is None else self._deployed_by(block))

    def signer_window(self, party: PartyId, signer: Address, block: BlockRef) -> SignerWindow:
        """When ``signer`` might sign for ``party``, as of ``block``; both times zero if never."""
        return self._registry.signer_window(party, signer, self._deployed_by(block))

    def was_operator(self, account: Address, block: BlockRef) -> bool:
        """Whether ``account`` might seal at any time up to and including ``block``, also if it may not any more.

        Raises:
            ChainInconsistent: the logs contradict the headers or the question.
        """
        if self._registry.is_operator(account, self._deployed_by(block)):
            return True
        added = scan_logs(
            self._node,
            self._deployment.registry,
            [events.OPERATOR_ADDED],
            self._deployment.block_number,
            block.number,
            second_topic=calls.address_word(account),
        )
        return any(True for _ in added)

    def sealed_batches(self, first_block: int, last_block: int) -> list[SealedBatch]:
        """All ``Sealed`` events in blocks ``first_block`` to ``last_block`` inclusive, in chain order.

        Raises:
            ChainInconsistent: the logs contradict the headers, the question or the event's form.
        """
        batches = []
        for log, block in scan_logs(self._node, self._deployment.ledger, [events.SEALED], first_block, last_block):
            try:
                event = events.decode_sealed(log.topics, log.data)
            except MalformedInput as error:
                raise _bad_log(block, error) from error
            batches.append(
                SealedBatch(
                    event.operator, event.batch_id, event.root, event.appends, block, log.transaction_hash, log.index
                )
            )
        return batches

    def signer_changes(self, first_block: int, last_block: int) -> list[SignerChange]:
        """All signers added and revoked in blocks ``first_block`` to ``last_block`` inclusive, in chain order.

        Raises:
            ChainInconsistent: the logs contradict the headers, the question or the event's form.
        """
        changes = []
        topics = [events.SIGNER_ADDED, events.SIGNER_REVOKED]
        for log, block in scan_logs(self._node, self._deployment.registry, topics, first_block, last_block):
            try:
                event = events.decode_signer_event(log.topics, log.data)
            except MalformedInput as error:
                raise _bad_log(block, error) from error
            if event.at != block.timestamp:
                message = (
                    f"node: signer event: expected time {block.timestamp} of block {block.number}, got {event.at}."
                )
                raise ChainInconsistent(message, todo="Ask another node.")
            changes.append(SignerChange(event.party, event.signer, event.added, block, log.index))
        return changes

    def pledge(self, name: Hash, block: BlockRef) -> Pledge | None:
        """The pledge called ``name`` as of ``block``, or None if there is none."""
        return self._receivables.pledge(name, self._deployed_by(block))

    def last_pledge(self, supplier: PartyId, receivable: EvidenceId, block: BlockRef) -> Hash:
        """The name of the newest pledge of ``supplier``'s ``receivable`` as of ``block``; zero for none."""
        return self._receivables.last_pledge(supplier, receivable, self._deployed_by(block))

    def last_pledge_of_fingerprint(self, supplier: PartyId, fingerprint: Hash, block: BlockRef) -> Hash:
        """The name of ``supplier``'s newest pledge of an invoice with ``fingerprint``, as of ``block``, or zero."""
        return self._receivables.last_pledge_of_fingerprint(supplier, fingerprint, self._deployed_by(block))

    def pledge_changes(
        self, first_block: int, last_block: int, *, receivable: EvidenceId | None = None
    ) -> list[PledgeChange]:
        """All events of the register in blocks ``first_block`` to ``last_block``, of one ``receivable`` if given.

        Raises:
            ChainInconsistent: the logs contradict the headers, the question or the event's form.
        """
        emitter, changes = self._deployment.receivables, []
        for log, block in scan_logs(
            self._node, emitter, pledge_events.TOPICS, first_block, last_block, second_topic=receivable
        ):
            try:
                event = pledge_events.decode_pledge_event(log.topics, log.data)
            except MalformedInput as error:
                raise _bad_log(block, error) from error
            if event.at != block.timestamp:
                expected = f"time {block.timestamp} of block {block.number}"
                message = f"node: pledge event: expected {expected}, got {event.at}."
                raise ChainInconsistent(message, todo="Ask another node.")
            changes.append(PledgeChange(event, block))
        return changes

    def state_proof(self, block: BlockRef, slots: Mapping[Address, Sequence[bytes]]) -> StateProof:
        """Header of ``block`` and the trie nodes that prove the 32-byte storage ``slots`` of each contract there."""
        return prove_state(self._node, block, slots)

    # registering

    def admit(self, registrar: Address, sign: Sign, members: Sequence[tuple[PartyId, Address]]) -> None:
        """Admit each party of ``members`` with its first signer, and wait until all are included.

        Every admission is tried before the first is sent, so that a bad one leaves nothing half done.

        Raises:
            TransactionFailed: one would revert or did, or a party stands twice in ``members``.
        """
        parties = {party for party, _ in members}
        if len(parties) != len(members):
            message = f"admit: expected each party once, got {len(members)} members of {len(parties)} parties."
            raise TransactionFailed(message, todo="Admit a party once, then add its further signers.")
        self._register(registrar, sign, [self._registry_call(calls.ADMIT, *member, "admit") for member in members])

    def add_signer(self, registrar: Address, sign: Sign, party: PartyId, signer: Address) -> None:
        """Let ``signer`` sign for ``party`` from now on. Raises ``TransactionFailed``."""
        self._register(registrar, sign, [self._registry_call(calls.ADD_SIGNER, party, signer, "add signer")])

    def revoke_signer(self, registrar: Address, sign: Sign, party: PartyId, signer: Address) -> None:
        """End the window of ``signer`` for ``party``, for ever; ``registrar`` may be the signer itself."""
        self._register(registrar, sign, [self._registry_call(calls.REVOKE_SIGNER, party, signer, "revoke signer")])

    # sealing

    def account(self, operator: Address) -> Account:
        """What the newest block says of ``operator``, all of it as of that one block."""
        block = self._node.newest().ref
        nonce = self._sender.next_nonce(operator, block)
        return Account(block, nonce, self._ledger.next_batch(operator, self._deployed_by(block)))

    def suggest_fees(self) -> Fees:
        """What a transaction should offer now. Raises ``TransactionFailed`` where that is above the limit."""
        return self._sender.suggest_fees()

    def replacement_fees(self, offered: Fees) -> Fees | None:
        """What takes the place of a transaction that ``offered`` less; None where that is above the limit."""
        return self._sender.replacement_fees(offered)

    def sign_seal(
        self, operator: Address, sign: Sign, batch_id: int, appends: Sequence[Append], nonce: int, fees: Fees
    ) -> SignedTransaction:
        """The signed ``seal`` of batch ``batch_id`` with ``appends`` (ascending by subject), tried but not sent.

        Raises:
            TransactionFailed: it would revert, or needs more gas than one transaction may have.
            WrongSigner: ``sign`` does not hold the key of ``operator``.
        """
        purpose = f"seal batch {batch_id} of {len(appends)} subjects"
        call = Call(
            self._deployment.ledger, calls.seal_call(batch_id, appends), seal_gas.most_gas(len(appends)), purpose
        )
        if call.gas > MAX_TRANSACTION_GAS:
            check_gas(Call(call.to, b"", seal_gas.least_gas(len(appends)), purpose), MAX_TRANSACTION_GAS)
            needed = self._sender.estimate_gas(operator, call)
            check_gas(Call(call.to, b"", needed, purpose), MAX_TRANSACTION_GAS)
            call = Call(call.to, call.data, MAX_TRANSACTION_GAS, purpose)
        else:
            self._sender.try_call(operator, call)
        return self._sender.sign_one(operator, sign, call, nonce, fees)

    def send(self, raw_transaction: bytes) -> SendOutcome:
        """Broadcast ``raw_transaction``, for the first time or again.

        Raises:
            TransactionFailed: the node refused it for a reason of its own.
            ChainUnreachable: no answer; sending it again is harmless.
        """
        return self._sender.send(raw_transaction)

    def inclusion(self, transaction_hash: Hash) -> Inclusion | None:
        """Where ``transaction_hash`` was included, or None as long as the node does not know."""
        return self._sender.inclusion(transaction_hash)

    # receivables

    def change_receivable(self, relayer: Address, sign: Sign, change: ReceivableCall) -> Inclusion:
        """Relay ``change``, which its parties signed, from ``relayer``, and wait until it is included.

        Raises:
            TransactionFailed: it would revert or did; then nothing has changed.
        """
        calldata = pledge_calls.encode_call(change)
        call = Call(self._deployment.receivables, calldata, RECEIVABLES_GAS, "receivable")
        self._sender.try_next(relayer, call)
        return self._sender.run(relayer, sign, [call])[0]

    def _registry_call(self, signature: str, party: PartyId, signer: Address, verb: str) -> Call:
        calldata = calls.party_signer_call(signature, party, signer)
        purpose = f"{verb}: party {to_hex(party)}, signer {to_hex(signer)}"
        return Call(self._deployment.registry, calldata, REGISTRY_GAS, purpose)

    def _register(self, registrar: Address, sign: Sign, call_list: Sequence[Call]) -> None:
        for call in call_list:
            self._sender.try_call(registrar, call)
        self._sender.run(registrar, sign, call_list)

    def _deployed_by(self, block: BlockRef) -> BlockRef:
        """``block``, at which the contracts must exist: before, "no entry" and "no contract" look alike."""
        if block.number < self._deployment.block_number:
            raise ChainError(
                f"block {block.number}: expected one not older than the contracts, of block "
                f"{self._deployment.block_number}.",
                todo="Wait until the deployment is final.",
            )
        return block


def _bad_log(block: BlockRef, error: MalformedInput) -> ChainInconsistent:
    message = f"node: log in block {block.number}: {error.message}"
    return ChainInconsistent(message, todo="Check the contract address, or ask another node.")

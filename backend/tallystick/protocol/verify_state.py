"""The steps that ask the chain's state: which block, whose code, and every slot that the later steps rely upon.

Rules: where the bundle proves its state, nothing else is asked, and its proof holds nothing that is not needed; where
it does not, a node's state may stand in, and then the block is the node's word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.errors import BadSignature
from tallystick.protocol.bundle import Frame
from tallystick.protocol.slots import (
    LEDGER_REGISTRY_SLOT,
    REGISTRAR_ROLE,
    decode_window,
    head_slot,
    role_slot,
    window_slot,
)
from tallystick.protocol.state import Account, NodePool, ProofError, check_header
from tallystick.protocol.types import Address, BlockRef, Hash, to_hex
from tallystick.protocol.verdict import State, Step, Trust


class StepFailedError(Exception):
    """A step that failed; never leaves the verifier."""

    def __init__(self, step: Step, message: str) -> None:
        super().__init__(message)
        self.step = step
        self.message = message


@dataclass
class Run:
    """One verification under way: the frame of the bundle, the steps that held, and what the chain says."""

    frame: Frame
    passed: list[Step]
    chain_head: Hash | None = None
    """The subject's head as the chain holds it; None where there is no state to ask."""
    registrars: frozenset[Address] | None = None
    """Those who signed the bindings and are registrars; None where there is no state to ask."""


class ProvenState:
    """The state as the bundle's own trie nodes prove it under one state root."""

    def __init__(self, nodes: Sequence[bytes], state_root: Hash, block: BlockRef) -> None:
        self.block = block
        self.pool = NodePool(nodes)
        self._state_root = state_root
        self._accounts: dict[Address, Account] = {}

    def code_hash(self, address: Address) -> bytes:
        return self._account(address).code_hash

    def slot(self, address: Address, slot: bytes) -> int:
        return self.pool.slot(self._account(address), slot)

    def _account(self, address: Address) -> Account:
        if address not in self._accounts:
            self._accounts[address] = self.pool.account(self._state_root, address)
        return self._accounts[address]


def check_block(run: Run, trust: Trust) -> State | None:
    """Step header: the block. Returns the state to rely on, None where there is none."""
    as_of, proof = run.frame.as_of, run.frame.proof
    if trust.block_hash is not None and as_of.hash != trust.block_hash:
        raise StepFailedError(
            Step.HEADER,
            f"the bundle is as of block {as_of.number} {to_hex(as_of.hash)}, the trusted block hash is "
            f"{to_hex(trust.block_hash)}",
        )
    block = None if trust.state is None else trust.state.block
    if proof is not None:
        try:
            block, state_root = check_header(proof.header, as_of.hash)
        except ProofError as error:
            raise StepFailedError(Step.HEADER, str(error)) from error
    if block is None:
        return None
    if block != as_of:
        raise StepFailedError(
            Step.HEADER,
            f"asOf: expected block {block.number} {to_hex(block.hash)} of time {block.timestamp}, the bundle says "
            f"{as_of.number} {to_hex(as_of.hash)} of time {as_of.timestamp}",
        )
    run.passed.append(Step.HEADER)
    if proof is None:
        return trust.state
    try:
        return ProvenState(proof.nodes, state_root, block)
    except ProofError as error:
        raise StepFailedError(Step.ACCOUNT, str(error)) from error


def check_state(run: Run, state: State, trust: Trust) -> None:
    """Steps account and storage: the contracts, and every slot that the later steps rely upon."""
    step = Step.ACCOUNT
    try:
        _check_accounts(run.frame, state, trust)
        run.passed.append(step)
        step = Step.STORAGE
        _check_slots(run, state)
        if isinstance(state, ProvenState):
            state.pool.check_all_used()
        run.passed.append(step)
    except ProofError as error:
        raise StepFailedError(step, str(error)) from error


def check_ledger(frame: Frame, trust: Trust) -> None:
    """The part of step account that asks no state: the ledger is the one that the reader relies on."""
    if trust.ledger is not None and frame.ledger != trust.ledger:
        raise StepFailedError(
            Step.ACCOUNT, f"ledger: expected {to_hex(trust.ledger)}, the bundle is of {to_hex(frame.ledger)}"
        )


def _check_accounts(frame: Frame, state: State, trust: Trust) -> None:
    check_ledger(frame, trust)
    for name, address, published in (
        ("EvidenceLedger", frame.ledger, trust.code_hashes.ledger),
        ("PartyRegistry", frame.registry, trust.code_hashes.registry),
    ):
        if (found := state.code_hash(address)) != published:
            raise ProofError(f"{name} at {to_hex(address)}: expected code {to_hex(published)}, got {to_hex(found)}")


def _check_slots(run: Run, state: State) -> None:
    frame = run.frame
    registry = state.slot(frame.ledger, LEDGER_REGISTRY_SLOT)
    if registry != int.from_bytes(frame.registry, "big"):
        raise ProofError(f"the ledger relies on registry 0x{registry:040x}, the bundle on {to_hex(frame.registry)}")
    for (party, signer), window in frame.windows.items():
        if (found := decode_window(state.slot(frame.registry, window_slot(party, signer)))) != window:
            raise ProofError(
                f"signer {to_hex(signer)} of {to_hex(party)}: the chain says added {found.added_at}, revoked "
                f"{found.revoked_at}; the bundle {window.added_at}, {window.revoked_at}"
            )
    run.chain_head = Hash(state.slot(frame.ledger, head_slot(frame.subject)).to_bytes(32, "big"))
    signers = {signer for signer, _ in binding_signers(frame) if signer is not None}
    run.registrars = frozenset(
        signer for signer in signers if state.slot(frame.registry, role_slot(REGISTRAR_ROLE, signer)) == 1
    )


def binding_signers(frame: Frame) -> list[tuple[Address | None, str]]:
    """Who signed each binding, or None and why that can't be told."""
    found: list[tuple[Address | None, str]] = []
    for binding in frame.bindings:
        try:
            found.append((binding.signer(frame.domain), ""))
        except BadSignature as error:
            found.append((None, error.message))
    return found

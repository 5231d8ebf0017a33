"""Typed bindings of the contracts: one method a view, each at a named block (None: the newest)."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.chain import calls
from tallystick.chain.node import Node
from tallystick.errors import ChainInconsistent, MalformedInput
from tallystick.protocol.hashing import word
from tallystick.protocol.types import Address, BlockRef, Hash, PartyId, SignerWindow, Timestamp


@dataclass(frozen=True, slots=True)
class PartyRegistry:
    """The registry at ``address`` behind ``node``."""

    node: Node
    address: Address

    def signer_window(self, party: PartyId, signer: Address, block: BlockRef | None) -> SignerWindow:
        """When ``signer`` might sign for ``party``; both times zero if never."""
        calldata = calls.party_signer_call(calls.SIGNER_WINDOW, party, signer)
        answer = self.node.read_words(self.address, calldata, 2, block)
        return SignerWindow(Timestamp(_uint64(answer[:32])), Timestamp(_uint64(answer[32:])))

    def is_operator(self, operator: Address, block: BlockRef | None) -> bool:
        """Whether ``operator`` may seal."""
        return self._flag(calls.call(calls.IS_OPERATOR, calls.address_word(operator)), block)

    def has_role(self, role: bytes, account: Address, block: BlockRef | None) -> bool:
        """Whether ``account`` holds ``role`` (32 bytes)."""
        return self._flag(calls.call(calls.HAS_ROLE, role, calls.address_word(account)), block)

    def _flag(self, calldata: bytes, block: BlockRef | None) -> bool:
        return any(self.node.read_word(self.address, calldata, block))


@dataclass(frozen=True, slots=True)
class EvidenceLedger:
    """The ledger at ``address`` behind ``node``."""

    node: Node
    address: Address

    def head(self, subject: PartyId, block: BlockRef | None) -> Hash:
        """The head of ``subject``'s log; zero for an empty one."""
        return Hash(self.node.read_word(self.address, calls.call(calls.HEAD, subject), block))

    def next_batch(self, operator: Address, block: BlockRef | None) -> int:
        """The id that the next batch of ``operator`` must have."""
        calldata = calls.call(calls.NEXT_BATCH, calls.address_word(operator))
        return _uint64(self.node.read_word(self.address, calldata, block))

    def batch_root(self, operator: Address, batch_id: int, block: BlockRef | None) -> Hash:
        """The root of batch ``batch_id`` of ``operator``; zero if it is not sealed."""
        calldata = calls.call(calls.BATCH_ROOT, calls.address_word(operator), word(batch_id))
        return Hash(self.node.read_word(self.address, calldata, block))

    def registry(self, block: BlockRef | None) -> Address:
        """The address of the registry that the ledger obeys."""
        return Address(self.node.read_word(self.address, calls.call(calls.REGISTRY), block)[12:])


@dataclass(frozen=True, slots=True)
class ReceivableRegistry:
    """The register of pledged receivables at ``address`` behind ``node``."""

    node: Node
    address: Address

    def ledger(self, block: BlockRef | None) -> Address:
        """The address of the ledger in which the receivables stand."""
        return Address(self.node.read_word(self.address, calls.call(calls.LEDGER), block)[12:])


def _uint64(answer: bytes) -> int:
    try:
        return calls.uint(answer, 64, "node: eth_call")
    except MalformedInput as error:
        raise ChainInconsistent(error.message, todo="Ask another node.") from error

"""Typed bindings of the contracts: one method a view, each at a named block (None: the newest)."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.chain import calls
from tallystick.chain.node import Node
from tallystick.errors import ChainInconsistent, MalformedInput
from tallystick.protocol.hashing import word
from tallystick.protocol.receivable import Pledge
from tallystick.protocol.types import Address, BlockRef, EvidenceId, Hash, PartyId, SignerWindow, Timestamp


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

    def pledge(self, name: Hash, block: BlockRef | None) -> Pledge | None:
        """The pledge called ``name``, or None if there is none."""
        answer = self.node.read_words(self.address, calls.call(calls.PLEDGE_OF, name), 7, block)
        words = [answer[at : at + 32] for at in range(0, len(answer), 32)]
        pledged_at, expires_at, released_at = (Timestamp(_uint64(item)) for item in words[4:])
        if not pledged_at:
            return None
        ids = (PartyId(words[0]), EvidenceId(words[1]), Hash(words[2]), PartyId(words[3]))
        return Pledge(*ids, pledged_at, expires_at, released_at)

    def last_pledge(self, supplier: PartyId, receivable: EvidenceId, block: BlockRef | None) -> Hash:
        """The name of the newest pledge of ``supplier``'s ``receivable``; zero for none."""
        return Hash(self.node.read_word(self.address, calls.call(calls.LAST_PLEDGE, supplier, receivable), block))

    def last_pledge_of_fingerprint(self, supplier: PartyId, fingerprint: Hash, block: BlockRef | None) -> Hash:
        """The name of the newest pledge by ``supplier`` of an invoice with ``fingerprint``; zero for none."""
        calldata = calls.call(calls.LAST_PLEDGE_OF_FINGERPRINT, supplier, fingerprint)
        return Hash(self.node.read_word(self.address, calldata, block))


def _uint64(answer: bytes) -> int:
    try:
        return calls.uint(answer, 64, "node: eth_call")
    except MalformedInput as error:
        raise ChainInconsistent(error.message, todo="Ask another node.") from error

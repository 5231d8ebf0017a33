"""One deployment of the contracts, through one node. There is no default block: every read names one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tallystick.chain.pledge_calls import ReceivableCall
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
from tallystick.protocol.receivable import Pledge
from tallystick.protocol.types import Address, BlockRef, EvidenceId, Hash, PartyId, SignerWindow
from tallystick.service.ports.outside import Sign


class Chain(Protocol):
    """One deployment of the contracts on one chain, through one node."""

    @property
    def deployment(self) -> Deployment: ...

    def check(self) -> None:
        """Raises ``WrongChain`` if the node serves another chain, genesis or contract code than the deployment's."""

    def final_block(self) -> BlockRef:
        """The newest block that can't be undone."""

    def block(self, number: int) -> BlockRef:
        """The canonical block ``number``. Raises ``ChainInconsistent`` if there is none."""

    def header(self, number: int | None) -> BlockHeader | None:
        """The canonical block ``number`` (None: the newest) with its parent's hash; None if the node has none."""

    def head(self, subject: PartyId, block: BlockRef) -> Hash:
        """The head of ``subject``'s log as of ``block``; zero for an empty one."""

    def signer_window(self, party: PartyId, signer: Address, block: BlockRef) -> SignerWindow:
        """When ``signer`` might sign for ``party``, as of ``block``; both times zero if never."""

    def next_batch(self, operator: Address, block: BlockRef | None) -> int:
        """The id the operator's next batch must have, as of ``block`` (None: the newest block, not yet final)."""

    def account(self, operator: Address) -> Account:
        """What the newest block says of ``operator``, all of it as of that one block."""

    def was_operator(self, account: Address, block: BlockRef) -> bool:
        """Whether ``account`` might seal at any time up to and including ``block``, also if it may not any more."""

    def sealed_batches(self, first_block: int, last_block: int) -> list[SealedBatch]:
        """All ``Sealed`` events of the ledger in blocks ``first_block`` to ``last_block`` inclusive, in chain order."""

    def signer_changes(self, first_block: int, last_block: int) -> list[SignerChange]: ...

    def admit(self, registrar: Address, sign: Sign, members: Sequence[tuple[PartyId, Address]]) -> None:
        """Admit each party with its first signer; waits for inclusion. Raises ``TransactionFailed``."""

    def add_signer(self, registrar: Address, sign: Sign, party: PartyId, signer: Address) -> None: ...

    def revoke_signer(self, registrar: Address, sign: Sign, party: PartyId, signer: Address) -> None: ...

    def suggest_fees(self) -> Fees:
        """What a transaction should offer now. Raises ``TransactionFailed`` where that is above the limit."""

    def replacement_fees(self, offered: Fees) -> Fees | None:
        """What takes the place of a transaction that ``offered`` less; None where that is above the limit."""

    def sign_seal(
        self, operator: Address, sign: Sign, batch_id: int, appends: Sequence[Append], nonce: int, fees: Fees
    ) -> SignedTransaction:
        """The signed ``seal`` transaction, tried but not sent; appends ascending by subject."""

    def send(self, raw_transaction: bytes) -> SendOutcome:
        """Broadcast, for the first time or again. Raises ``TransactionFailed`` or ``ChainUnreachable``."""

    def inclusion(self, transaction_hash: Hash) -> Inclusion | None:
        """Where it was included, or None as long as the node does not know."""

    def pledge(self, name: Hash, block: BlockRef) -> Pledge | None:
        """The pledge called ``name`` as of ``block``, or None if there is none."""

    def last_pledge(self, supplier: PartyId, receivable: EvidenceId, block: BlockRef) -> Hash:
        """The name of the newest pledge of ``supplier``'s ``receivable`` as of ``block``; zero for none."""

    def last_pledge_of_fingerprint(self, supplier: PartyId, fingerprint: Hash, block: BlockRef) -> Hash:
        """The name of ``supplier``'s newest pledge of an invoice with ``fingerprint``, as of ``block``, or zero."""

    def pledge_changes(
        self, first_block: int, last_block: int, *, receivable: EvidenceId | None = None
    ) -> list[PledgeChange]:
        """All events of the register of receivables in these blocks inclusive, of one ``receivable`` if given."""

    def change_receivable(self, relayer: Address, sign: Sign, change: ReceivableCall) -> Inclusion:
        """Relay ``change`` from ``relayer``; waits for inclusion. Raises ``TransactionFailed``: nothing has changed."""

    def state_proof(self, block: BlockRef, slots: Mapping[Address, Sequence[bytes]]) -> StateProof:
        """Proofs of the 32-byte storage ``slots`` of each contract at ``block`` (absent slots are proven absent)."""

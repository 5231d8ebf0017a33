"""What the use cases need from the outside world: a store, a chain, keys, a clock and randomness.

Every Protocol says its obligations on each method. There is no default block: every chain read names one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
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
from tallystick.protocol.types import Address, BlockRef, DealId, EvidenceId, Hash, PartyId, SignerWindow, Timestamp
from tallystick.store.identities import ApiKey, Deed, Organisation
from tallystick.store.records import (
    AppendRecord,
    BatchEntry,
    BatchRecord,
    BatchState,
    Counts,
    Cursor,
    EvidenceRecord,
    EvidenceState,
    Identifier,
    ImportedDocument,
    ImportRecord,
    LogEntryRecord,
    PartyRecord,
    ReceiptRecord,
    SignerRecord,
    StatusEvent,
    Submission,
    TimestampRecord,
)

Sign = Callable[[bytes], bytes]
"""Signs a 32-byte digest: r || s || v, 65 bytes. The key itself stays where it is."""


class Transaction(Protocol):
    """One unit of work on the store: all of it is kept, or nothing."""

    # parties
    def add_party(self, party: PartyRecord) -> None:
        """Keep a new party. Raises ``Duplicate`` if its id, or one of its identifiers, is taken."""

    def add_signer(self, party: PartyId, signer: Address) -> None:
        """Note a further managed key of ``party``."""

    def party(self, party: PartyId) -> PartyRecord | None: ...

    def count_parties(self) -> int: ...

    def parties(self) -> list[PartyRecord]:
        """All parties, by name then id."""

    def some_parties(self, parties: Iterable[PartyId]) -> list[PartyRecord]:
        """Those of ``parties`` that are kept, by name then id."""

    def party_by_identifier(self, identifier: Identifier) -> PartyRecord | None: ...

    def parties_by_name(self, name: str) -> list[PartyRecord]: ...

    def counterparties(self, parties: Iterable[PartyId]) -> set[PartyId]:
        """Whoever an evidence names beside one of ``parties``."""

    # accounts
    def add_organisation(self, one: Organisation) -> None:
        """Keep a new organisation. Raises ``Duplicate`` if its name is taken."""

    def let_act_for(self, organisation_id: str, party: PartyId) -> None:
        """Let an organisation act for ``party`` as well."""

    def organisation(self, organisation_id: str) -> Organisation | None: ...

    def organisations(self) -> list[Organisation]:
        """All organisations, closed ones too, by name."""

    def close_organisation(self, organisation_id: str, at: Timestamp) -> None:
        """From ``at`` on none of its keys is good. Raises ``NotFound`` where there is no such open organisation."""

    def add_key(self, one: ApiKey) -> None: ...

    def key(self, key_id: str) -> ApiKey | None: ...

    def keys(self, organisation_id: str) -> list[ApiKey]:
        """All keys that an organisation ever had, oldest first."""

    def end_key(self, key_id: str, at: Timestamp, *, revoked: bool) -> None:
        """The key is not good from ``at`` on: revoked, or else expired, if it does not expire before."""

    def note_use(self, key_id: str, at: Timestamp) -> None: ...

    def add_deed(self, one: Deed) -> None: ...

    def last_deed(self) -> Hash:
        """The digest of the newest entry of the journal; zero where there is none."""

    def deeds(self, after: int, limit: int) -> list[Deed]:
        """The journal after position ``after``, oldest first, at most ``limit``."""

    # evidence
    def add_evidence(
        self, records: Sequence[EvidenceRecord], receipts: Mapping[EvidenceId, ReceiptRecord] | None = None
    ) -> None:
        """Keep new evidence, in this order. Those in state PENDING are accepted in this order, with their receipts.

        Raises ``Duplicate`` naming the evidence id or document key that is taken.
        """

    def evidence(self, evidence_ids: Iterable[EvidenceId]) -> Mapping[EvidenceId, EvidenceRecord]:
        """Those of ``evidence_ids`` that are kept, by id."""

    def evidence_by_document(self, document_keys: Iterable[str]) -> Mapping[str, EvidenceId]:
        """Which of ``document_keys`` are taken, and by which evidence."""

    def children(self, parent: EvidenceId) -> list[EvidenceRecord]:
        """The evidence that answers ``parent``, oldest first."""

    def evidence_of_deal(self, deal: DealId, kinds: Iterable[int]) -> list[EvidenceRecord]:
        """The evidence of ``deal`` that is of one of ``kinds``, oldest first."""

    def evidence_of_party(self, party: PartyId, kinds: Iterable[int]) -> list[EvidenceRecord]:
        """The evidence of one of ``kinds`` that ``party`` issued or is named in as counterparty, oldest first."""

    def contract_of(self, deal: DealId) -> EvidenceRecord | None:
        """The CONTRACT that opened ``deal``, whatever its state."""

    def deals_between(self, one: PartyId, other: PartyId) -> list[DealId]:
        """The deals that a CONTRACT between the two opened, either being its issuer, oldest first."""

    def receipts(self, evidence_ids: Iterable[EvidenceId]) -> Mapping[EvidenceId, ReceiptRecord]:
        """The receipts of those of ``evidence_ids`` that were accepted with one, by id."""

    def complete_signatures(
        self, evidence_id: EvidenceId, signatures: bytes, at: Timestamp, receipt: ReceiptRecord | None = None
    ) -> None:
        """Replace the signatures of an evidence that awaited one, and accept it, ``at`` now: it becomes PENDING."""

    def pending(self, limit: int) -> list[EvidenceRecord]:
        """The oldest accepted evidence that stands in no batch, in order of acceptance, at most ``limit``."""

    def count_pending(self) -> int: ...

    def count_overdue(self, at: Timestamp) -> int:
        """How many accepted evidence no block holds, though their receipts promised it before ``at``."""

    # outgoing batches
    def add_batch(self, batch: BatchRecord, entries: Sequence[BatchEntry]) -> None:
        """Freeze a batch; its evidence becomes SEALING."""

    def batches(self, states: Iterable[BatchState]) -> list[BatchRecord]:
        """Outgoing batches in one of ``states``, oldest first."""

    def count_batches(self, operator: Address) -> int:
        """How many batches of ``operator`` were frozen here: the id of its next one."""

    def batch_entries(self, operator: Address, batch_id: int) -> list[BatchEntry]:
        """The frozen content, by subject then index; empty for another operator's batch."""

    def add_submission(self, one: Submission) -> None:
        """Keep a signed transaction that carries a batch, for ever; a batch that was only BUILT is SIGNED now."""

    def submissions(self, operator: Address, batch_id: int) -> list[Submission]:
        """All signed transactions that ever carried the batch, oldest first."""

    def note_sent(self, one: Submission, at: Timestamp) -> None:
        """A node took ``one``: its batch is SENT, unless the chain has it meanwhile."""

    # what became of batches; each notes a status event for each of their evidence
    def include_batch(self, operator: Address, batch_id: int, block_hash: Hash, at: Timestamp) -> None:
        """A block holds the batch, which was frozen here."""

    def orphan_batches(self, block_hashes: Sequence[Hash], at: Timestamp) -> None:
        """These blocks were undone: the batches that they held are on their way again."""

    def finish_batches(self, block_hashes: Sequence[Hash], at: Timestamp) -> None:
        """These blocks are final, and with them the batches that they hold."""

    def status_events(self, after: int, limit: int) -> list[StatusEvent]:
        """What became of evidence since position ``after``, oldest first."""

    # time-stamps on the roots of outgoing batches
    def unstamped(self) -> list[BatchRecord]:
        """The final batches frozen here whose roots have no time-stamp, oldest first."""

    def add_timestamp(self, stamp: TimestampRecord) -> bool:
        """Keep ``stamp`` unless its batch has one; whether it was kept."""

    def timestamps(self, batches: Iterable[tuple[Address, int]] | None = None) -> list[TimestampRecord]:
        """The time-stamps of these ``batches`` (operator, batch id), or all; by operator, then batch id."""

    # imports of documents
    def begin_import(self, record: ImportRecord) -> None:
        """Keep a new import. Raises ``Duplicate`` if its name is taken."""

    def add_imported(self, job: str, documents: Sequence[ImportedDocument]) -> None:
        """Keep what became of ``documents`` of the import ``job``. Raises ``NotFound``, or ``Misfit`` if it ended."""

    def end_import(self, job: str, at: Timestamp) -> None:
        """Note that the import ``job`` has come to its end. Raises ``NotFound`` where there is none."""

    def imports(self, limit: int) -> list[ImportRecord]:
        """The newest imports, at most ``limit``, newest first."""

    def imported(self, job: str) -> tuple[ImportRecord, list[ImportedDocument]]:
        """The import ``job`` and what became of its documents, in order. Raises ``NotFound`` where there is none."""

    # the indexed chain
    def cursor(self) -> Cursor | None:
        """The newest final block; everything up to it is indexed for good."""

    def set_cursor(self, cursor: Cursor) -> None: ...

    def tip(self) -> BlockRef | None:
        """The newest block that is indexed, final or not."""

    def blocks(self, first: int, last: int) -> list[BlockRef]:
        """The indexed blocks on the chain with these numbers, ascending; above the final block that is every one."""

    def known_blocks(self, block_hashes: Iterable[Hash]) -> set[Hash]:
        """Those of ``block_hashes`` whose blocks are kept, be they on the chain or undone."""

    def add_blocks(self, blocks: Mapping[BlockRef, Hash | None]) -> None:
        """Put new blocks on the chain, each with its parent (None: it needs no checking); what they say follows."""

    def mark_blocks(self, block_hashes: Iterable[Hash], *, canonical: bool) -> None:
        """Take these blocks, with all that they say, off the chain, or put them on it again."""

    def add_appends(self, appends: Sequence[AppendRecord], root: Hash, log_index: int) -> None:
        """Keep the appends of one sealed batch of batch root ``root``: event ``log_index`` of its block."""

    def add_signer_change(
        self, party: PartyId, signer: Address, block_hash: Hash, log_index: int, *, added: bool
    ) -> None:
        """Event ``log_index`` of a block lets ``signer`` sign for ``party``, or revokes it."""

    def last_appends(self, subjects: Iterable[PartyId]) -> Mapping[PartyId, AppendRecord]:
        """The newest append of each of ``subjects`` that has one, final or not."""

    def appends(self, subject: PartyId, until_block: int) -> list[AppendRecord]:
        """All appends of ``subject`` up to and including block number ``until_block``, in order."""

    def appends_of_batches(
        self, operator: Address, first_batch: int, last_batch: int, until_block: int
    ) -> list[AppendRecord]:
        """The appends of these batches of ``operator`` (ids inclusive) up to block number ``until_block``."""

    def log(self, subject: PartyId, until_block: int) -> Iterator[LogEntryRecord]:
        """The known entries of ``subject``'s log up to ``until_block``, in order of append and index."""

    def subjects(self) -> list[PartyId]:
        """Whoever has a log in the indexed chain, ascending."""

    def sealed_count(self, operator: Address) -> int:
        """How many batches of ``operator`` are indexed, final or not: the id its next one must have."""

    def sealing_operators(self) -> list[Address]:
        """Whoever sealed a batch that is indexed."""

    def signers(self, parties: Iterable[PartyId], until_block: int = ...) -> list[SignerRecord]:
        """The signers of ``parties`` as of block number ``until_block``, without one as of the newest indexed."""

    def placement(self, evidence_id: EvidenceId) -> list[tuple[AppendRecord, int]]:
        """Where ``evidence_id`` stands in the indexed chain: (append, index) per subject."""

    # facts about the whole
    def deployment(self) -> Deployment | None: ...

    def set_deployment(self, deployment: Deployment) -> None:
        """Bind this store to one ledger, for ever. Raises ``WrongChain`` if it is bound to another."""

    def counts(self) -> Counts: ...


class Lease(Protocol):
    """The exclusive right to send transactions from an account."""

    def check(self) -> None:
        """Raises ``StoreUnavailable`` once the right is lost; call it right before each sending."""


class Store(Protocol):
    """Where the off-chain truth lives."""

    def transaction(self, *, read_only: bool = False) -> AbstractContextManager[Transaction]:
        """One unit of work: committed and durable when the block ends, rolled back when it raises.

        A ``read_only`` one sees one moment of the store and never waits for a writer.
        """

    def account_lock(self, account: Address, timeout_seconds: float) -> AbstractContextManager[Lease]:
        """The exclusive right to send transactions from ``account``, among all processes that share this store.

        Raises ``AccountBusy`` if another one holds it for longer than ``timeout_seconds``.
        """

    def check(self) -> None:
        """Raises ``StoreError`` if the store does not answer, or is no longer of the form that this version reads."""

    def close(self) -> None: ...


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


class Keys(Protocol):
    """Where private keys live; they never leave it."""

    def create(self, label: str) -> Address:
        """A new random key, stored durably before its address is returned."""

    def create_many(self, labels: Sequence[str]) -> list[Address]:
        """A new key for each of ``labels``, in order, all stored durably before their addresses are returned."""

    def sign(self, signer: Address, digest: bytes) -> bytes:
        """r || s || v over the 32-byte ``digest``. Raises ``NotFound`` if this keystore has no such key."""


class Authority(Protocol):
    """A time-stamping authority (RFC 3161)."""

    @property
    def url(self) -> str: ...

    def stamp(self, root: Hash) -> tuple[bytes, Timestamp]:
        """A token on the batch root ``root`` that holds, and the time it tells. Raises ``TimestampError``."""


class Clock(Protocol):
    """Time as an argument: the wall clock in production, the story's clock in the demo."""

    def now(self) -> Timestamp: ...


class Entropy(Protocol):
    """Randomness as an argument: the operating system's in production, seeded in the demo."""

    def bytes(self, size: int) -> bytes: ...


__all__ = [
    "AppendRecord",
    "Authority",
    "Chain",
    "Clock",
    "Entropy",
    "EvidenceState",
    "Keys",
    "Sign",
    "SignerRecord",
    "Store",
    "Timestamp",
    "Transaction",
]

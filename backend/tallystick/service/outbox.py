"""What a worker does for processes without the keys of operator and registrar: changes to signers, receipts, bindings.

::

    asked for --send--> included --index--> final: done
                           |                  ^
                     a reorganisation ........| sent again

Rules:

- a change is done when a final block shows it, whoever sent it. As long as the newest block does not show it, it is
  sent: the contract takes each addition and each revocation once, so that sending twice after a crash changes nothing;
- a change that waits for another is sent when that one is final. The revocation that ends a rotation waits, too, until
  what the old key signed and was accepted here is final: a rotation makes nothing void. A compromise waits for nothing;
- one change that the chain refuses holds up no other: why is kept beside it, and it is tried again.
"""

from __future__ import annotations

from tallystick.errors import BadSignature, TransactionFailed
from tallystick.protocol.signing import recover, split
from tallystick.protocol.types import Address, PartyId
from tallystick.service.context import Context
from tallystick.service.index import index
from tallystick.service.parties import registrar_of
from tallystick.service.ports import Sign, Transaction
from tallystick.service.promising import sign_receipts
from tallystick.service.sending import LOCK_TIMEOUT_SECONDS, sending
from tallystick.store.records import EvidenceRecord
from tallystick.store.signer_records import RegistryChange

RECEIPTS_AT_ONCE = 1_000


def sign_missing_receipts(context: Context) -> int:
    """Sign what was accepted without a receipt and stands in no batch yet; returns how many."""
    with context.store.transaction(read_only=True) as transaction:
        if not transaction.without_receipt(1):
            return 0
    with context.store.transaction() as transaction:
        lacking = transaction.without_receipt(RECEIPTS_AT_ONCE)
        transaction.add_receipts(sign_receipts(context, lacking))
    return len(lacking)


def change_registry(context: Context, *, timeout_seconds: float = LOCK_TIMEOUT_SECONDS) -> int:
    """Make the changes that were asked for, as far as they can be made now; returns how many are left.

    Raises:
        ChainUnreachable, AccountBusy: nothing is lost; the same call goes on.
    """
    with context.store.transaction(read_only=True) as transaction:
        if not transaction.open_registry_changes():
            return 0
    index(context)
    if _due(context):
        registrar, sign = registrar_of(context, "change a party's keys")
        with sending(context, registrar, timeout_seconds=timeout_seconds) as lease:
            index(context)
            for change in _due(context):
                lease.check()
                _send(context, registrar, sign, change)
        index(context)
        _due(context)
    with context.store.transaction(read_only=True) as transaction:
        return len(transaction.open_registry_changes())


def _due(context: Context) -> list[RegistryChange]:
    """Note what final blocks show as done, and return what is to be sent now, oldest first."""
    with context.store.transaction() as transaction:
        cursor = transaction.cursor()
        changes = transaction.open_registry_changes()
        final = _shown(transaction, changes, -1 if cursor is None else cursor.block_number)
        newest = _shown(transaction, changes, None)
        for change in changes:
            if (change.party, change.signer, change.added) in final:
                transaction.note_registry_change(change.position, done_at=context.clock.now())
                if change.added and change.managed:
                    _note_managed(transaction, change)
        waiting = transaction.open_registry_changes()
        unmade = {change.position for change in waiting}
        return [
            change
            for change in waiting
            if (change.party, change.signer, change.added) not in newest
            and change.after not in unmade
            and not (change.after is not None and _is_owed(transaction, change))
        ]


def _shown(
    transaction: Transaction, changes: list[RegistryChange], until_block: int | None
) -> set[tuple[PartyId, Address, bool]]:
    """What the blocks up to ``until_block`` (None: all that are indexed) show of these parties' signers."""
    parties = sorted({change.party for change in changes})
    records = transaction.signers(parties) if until_block is None else transaction.signers(parties, until_block)
    shown = {(record.party, record.signer, True) for record in records}
    return shown | {(record.party, record.signer, False) for record in records if record.revoked_at}


def _note_managed(transaction: Transaction, change: RegistryChange) -> None:
    party = transaction.party(change.party)
    if party is not None and change.signer not in party.signers:
        transaction.add_signer(change.party, change.signer)


def _is_owed(transaction: Transaction, change: RegistryChange) -> bool:
    """Whether something that the key signed was accepted and is not final yet: a revocation might make it void."""
    return any(signed_by(record, change.party, change.signer) for record in transaction.on_its_way(change.party))


def signed_by(record: EvidenceRecord, party: PartyId, signer: Address) -> bool:
    """Whether ``signer`` signed ``record`` for ``party``."""
    parties = record.evidence.signing_parties()[: len(record.signatures) // 65]
    try:
        made = zip(parties, split(record.signatures, len(parties)), strict=True)
        return any(one == party and recover(record.evidence_id, signature) == signer for one, signature in made)
    except BadSignature:
        return False


def _send(context: Context, registrar: Address, sign: Sign, change: RegistryChange) -> None:
    with context.store.transaction(read_only=True) as transaction:
        is_admitted = bool(transaction.signers([change.party]))
    try:
        if not change.added:
            context.chain.revoke_signer(registrar, sign, change.party, change.signer)
        elif is_admitted:
            context.chain.add_signer(registrar, sign, change.party, change.signer)
        else:
            context.chain.admit(registrar, sign, [(change.party, change.signer)])
            index(context)
    except TransactionFailed as error:
        with context.store.transaction() as transaction:
            transaction.note_registry_change(change.position, trouble=error.message)

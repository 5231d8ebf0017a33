"""What a transaction on the store does for members, sessions, and changes to signers; and who vouches for persons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from tallystick.protocol.types import Address, EvidenceId, PartyId, Timestamp
from tallystick.store.identities import Member, Session
from tallystick.store.records import EvidenceRecord, ReceiptRecord
from tallystick.store.signer_records import Compromise, RegistryChange


class TokenIssuer(Protocol):
    """An OpenID Connect issuer that this installation trusts to say who somebody is."""

    @property
    def issuer(self) -> str: ...

    def subject(self, token: str) -> str:
        """Whom ``token`` is of, as this issuer calls them.

        Raises ``Unauthenticated`` for a token that is not good, and ``IssuerUnavailable`` where nobody can tell.
        """


class MemberRows(Protocol):
    """Members of organisations and their sessions."""

    def add_member(self, one: Member) -> None:
        """Keep a new member. Raises ``Duplicate`` if the person or wallet is a member already, of any organisation."""

    def member(self, member_id: str) -> Member | None: ...

    def members(self, organisation_id: str) -> list[Member]:
        """All members that an organisation ever had, oldest first."""

    def member_by_subject(self, issuer: str, subject: str) -> Member | None:
        """The member that ``issuer`` calls ``subject``, unless removed."""

    def member_by_address(self, address: Address) -> Member | None:
        """The member with that wallet, unless removed."""

    def remove_member(self, member_id: str, at: Timestamp) -> None:
        """Neither the member nor its sessions are good from ``at`` on. Raises ``NotFound``."""

    def add_session(self, one: Session) -> None:
        """Keep a new session. Raises ``Duplicate`` if its nonce was used."""

    def session(self, session_id: str) -> Session | None: ...

    def end_session(self, session_id: str, at: Timestamp) -> None: ...


class SignerRows(Protocol):
    """The outbox of changes to the registry, and what is signed later by a worker."""

    def add_registry_change(
        self,
        act: str,
        party: PartyId,
        signer: Address,
        at: Timestamp,
        *,
        added: bool,
        managed: bool = False,
        after: int | None = None,
    ) -> int:
        """Keep a change that is to be made; its position. Raises ``Duplicate`` if it was asked for before."""

    def open_registry_changes(self) -> list[RegistryChange]:
        """The changes that no final block shows yet, oldest first."""

    def registry_changes(self, party: PartyId) -> list[RegistryChange]: ...

    def note_registry_change(
        self, position: int, *, done_at: Timestamp | None = None, trouble: str | None = None
    ) -> None:
        """The change at ``position`` was seen in a final block, or failed for now."""

    def retired_signers(self, party: PartyId) -> set[Address]:
        """The signers of ``party`` that are to be revoked, and that nothing has to happen before: they sign no more."""

    def add_compromise(self, party: PartyId, one: Compromise) -> None:
        """Keep the statement ``one``. Raises ``Duplicate`` if there is one of that signer."""

    def compromises(self, party: PartyId) -> list[Compromise]: ...

    def signed_since(self, party: PartyId, since: Timestamp) -> list[EvidenceRecord]:
        """What names ``party`` and was recorded ``since`` then, oldest first."""

    def on_its_way(self, party: PartyId) -> list[EvidenceRecord]:
        """What was accepted, names ``party``, and stands in no final block, oldest first."""

    def without_receipt(self, limit: int) -> list[EvidenceRecord]:
        """Accepted evidence that stands in no batch and has no receipt, in order of acceptance."""

    def add_receipts(self, receipts: Mapping[EvidenceId, ReceiptRecord]) -> None:
        """Keep ``receipts`` of accepted evidence that has none."""

    def unbound_parties(self, registrar: Address, limit: int) -> list[PartyId]:
        """Parties with an identifier of which no binding by ``registrar`` is kept."""

    def set_bindings(self, registrar: Address, signatures: Mapping[PartyId, bytes]) -> None: ...

    def bindings(self, registrar: Address, parties: Iterable[PartyId]) -> dict[PartyId, bytes]:
        """The signatures of ``registrar`` that are kept, of those of ``parties`` that have one."""

"""What the walk through the policy asks for: objects of the asker, of others, and such as are not there."""

from __future__ import annotations

import hashlib
import io
import itertools
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from tallystick.bootstrap import Opened
from tallystick.intake.files import read_files
from tallystick.intake.readers import Options
from tallystick.protocol.types import EvidenceId, PartyId, Timestamp, parse_bytes32, to_hex
from tallystick.service import accounts, attachments, consent, erasure, members
from tallystick.service.consent import Grantee
from tallystick.service.documents.desk import Rules
from tallystick.service.documents.importing import import_documents
from tallystick.service.parties import find_party
from tallystick.service.scope import AccessScope, Identities
from tallystick.store.identities import Role, Scope, Session
from tallystick.store.service_records import Webhook
from web.support import Api

numbers = itertools.count(1)
DISPUTE = {"reasonCode": "quantity", "disputedAmount": "1.00", "currency": "EUR"}
MAPPING = b"""
columns = {customer = "c", invoiceNumber = "n", issueDate = "d", payableAmount = "a"}
values = {supplier = "ERP:1", currency = "EUR"}
"""
REJECTED_ROW = b"c,n,d,a\n1,2,no day,3\n"


@dataclass(frozen=True)
class Unknown:
    """Names of nothing, each well-formed, by the attributes of :class:`Objects`."""

    party: str = "LEI:NOBODY"
    evidence: str = f"0x{'01' * 32}"
    waiting: str = f"0x{'02' * 32}"
    counterparty: str = "LEI:NOBODY2"
    deal: str = f"0x{'03' * 32}"
    organisation: str = "ab" * 16
    key: str = "a" * 12
    member: str = "b" * 12
    session: str = "c" * 12
    grant: str = f"0x{'06' * 32}"
    erasing: str = "erase-0000000000"
    throwaway: str = f"0x{'07' * 32}"
    own: str = "ERP:UNHEARD"
    signer: str = f"0x{'05' * 20}"
    invoiced: str = f"0x{'06' * 32}"
    billed: str = f"0x{'07' * 32}"
    disputed: str = f"0x{'08' * 32}"
    document: str = "09" * 32
    naming: str = f"0x{'0a' * 32}"
    job: str = "no import"
    webhook: str = "0b" * 16
    delivery: int = 1


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Actor:
    """An organisation, and the text of a key of it."""

    organisation: str
    key: str


def open_account(opened: Opened, role: Role, parties: list[str], scopes: list[Scope] | None = None) -> Actor:
    named = [PartyId(parse_bytes32(party, "party")) for party in parties]
    made = accounts.add_organisation(opened.context, "test", f"{role} {next(numbers)}", role, named)
    return Actor(made.organisation, accounts.issue_key(opened.context, "test", made.organisation, "test", scopes)[1])


class Objects:
    """Fresh objects of one side, each made when it is first asked for.

    What is closed, revoked or signed by one question is not there for the next; what no question names costs nothing.
    """

    def __init__(self, api: Api, opened: Opened, trade: tuple[str, ...], actor: Actor | None) -> None:
        self._api, self._opened, self._context, self._actor = api, opened, opened.context, actor
        self.party, self.counterparty, self.deal, self.evidence = trade
        self._sold = {"issuer": self.party, "counterparty": self.counterparty, "deal": self.deal}
        self._bought = {"issuer": self.counterparty, "counterparty": self.party, "deal": self.deal}

    def _invoice(self, trade: dict[str, str]) -> str:
        made: str = self._api.record(self._api.invoice(**trade))["evidence"]
        return made

    @cached_property
    def waiting(self) -> str:
        """A contract that the party has not countersigned yet."""
        draft = self._api.contract(issuer=self.counterparty, counterparty=self.party, countersigned=False)
        made: str = self._api.record(draft)["evidence"]
        return made

    @cached_property
    def organisation(self) -> str:
        """The asker's organisation, else one of a stranger."""
        if self._actor is not None:
            return self._actor.organisation
        return open_account(self._opened, Role.PARTY, []).organisation

    @cached_property
    def key(self) -> str:
        return accounts.issue_key(self._context, "test", self.organisation, "another")[0].key

    @cached_property
    def member(self) -> str:
        subject = f"p{next(numbers)}"
        login = "https://login.example.com"
        return members.add_member(
            self._context, "test", self.organisation, "another", issuer=login, subject=subject
        ).member

    @cached_property
    def session(self) -> str:
        """A session of the member."""
        now, name = self._context.clock.now(), f"{next(numbers):012}"
        made = Session(name, self.member, bytes(32), f"nonce{name}", now, Timestamp(now + 60))
        with self._context.store.transaction() as transaction:
            transaction.add_session(made)
        return made.session

    @cached_property
    def _fresh(self) -> dict[str, Any]:
        number = next(numbers)
        body = {"name": f"Fresh {number}", "identifiers": [f"ERP:fresh-{number}"]}
        made: dict[str, Any] = self._api.post("/v1/parties", body).json()
        if self._actor is not None:
            party = PartyId(parse_bytes32(made["party"], "party"))
            accounts.let_act_for(self._context, "test", self._actor.organisation, party)
        return made

    @cached_property
    def own(self) -> str:
        """A party whose keys may change: nobody trades with it."""
        made: str = self._fresh["party"]
        return made

    @cached_property
    def signer(self) -> str:
        made: str = self._fresh["signers"][0]
        return made

    @cached_property
    def invoiced(self) -> str:
        """An invoice that the party got."""
        return self._invoice(self._bought)

    @cached_property
    def billed(self) -> str:
        """An invoice that the party wrote."""
        return self._invoice(self._sold)

    @cached_property
    def disputed(self) -> str:
        """A dispute of an invoice that the party wrote."""
        draft = {"kind": "DISPUTE", **self._bought, "parent": self._invoice(self._sold), "content": DISPUTE}
        made: str = self._api.record(draft)["evidence"]
        return made

    @cached_property
    def document(self) -> str:
        """A document of the organisation, and of another one that acts for the party."""
        text = f"document {next(numbers)}".encode()
        sha256 = hashlib.sha256(text).digest()
        keeper = open_account(self._opened, Role.PARTY, [self.party])
        for holder in {self.organisation, keeper.organisation}:
            attachments.keep(self._context, holder, sha256, io.BytesIO(text), "note.pdf", "application/pdf")
        self._named = [{"sha256": sha256.hex(), "mediaType": "application/pdf", "size": len(text), "name": "note.pdf"}]
        return sha256.hex()

    @cached_property
    def naming(self) -> str:
        """An evidence of the party that names the document."""
        assert self.document
        draft = self._api.invoice(**self._sold)
        draft["content"]["documents"] = self._named
        made: str = self._api.record(draft)["evidence"]
        return made

    @cached_property
    def _hook(self) -> tuple[str, int]:
        name, now = f"{next(numbers):032x}", self._context.clock.now()
        made = Webhook(name, self.organisation, "https://example.com/", b"", None, None, now, None, 2**53)
        with self._context.store.transaction() as transaction:
            transaction.put_webhook(made)
            transaction.add_deliveries(name, [(1, "{}")], Timestamp(2**53))
            (told,) = transaction.deliveries(name, None, None, 1)
        return name, told.position

    @cached_property
    def webhook(self) -> str:
        return self._hook[0]

    @cached_property
    def delivery(self) -> int:
        """A delivery of the webhook that is never sent."""
        return self._hook[1]

    @cached_property
    def grant(self) -> str:
        """A consent of the party to access."""
        with self._context.store.transaction(read_only=True) as transaction:
            subject, lender = (find_party(transaction, name) for name in (self.party, "Lender"))
        scope = AccessScope(identities=Identities.NAMES)
        _, granted = consent.grant(
            self._context, subject, Grantee(lender.party, None, lender), scope, date(2099, 12, 31)
        )
        return to_hex(granted.consent)

    @cached_property
    def throwaway(self) -> str:
        """An evidence whose erasure was asked for."""
        evidence = self._invoice(self._sold)
        asked = erasure.request(
            self._context, "test", EvidenceId(parse_bytes32(evidence, "evidence")), "asked for by law"
        )
        self._confirmation = asked.confirmation
        return evidence

    @cached_property
    def erasing(self) -> str:
        """The code that confirms the erasure of ``throwaway``."""
        assert self.throwaway
        return self._confirmation

    @cached_property
    def job(self) -> str:
        """An import with a rejected row."""
        table = read_files("t.csv", REJECTED_ROW, Options(MAPPING))
        made = import_documents(self._context, list(table), Rules(), organisation=self.organisation).job
        assert made is not None
        return made

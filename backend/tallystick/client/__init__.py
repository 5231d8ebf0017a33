"""A typed client of the HTTP API: one method an operation, one model a body, one exception a problem.

Example::

    from tallystick.client import Client, DraftBody

    with Client("http://127.0.0.1:8000", key) as api:
        made = api.record_evidence(DraftBody(kind="INVOICE", issuer="LEI:...", counterparty="Acme Ltd", content={...}))
        print(made.evidence, made.status)

Rules:

- methods are called as the operations of ``/v1/openapi.json``, in snake_case; a test holds the two against each other;
- what the server refuses is raised as a ``RemoteProblem`` that is also the error of ``tallystick.errors`` it names:
  catch ``errors.Duplicate``, or ``RemoteProblem`` for all;
- 429 and 503 are asked again as ``Retry-After`` says, then with growing waits; a POST bears an ``Idempotency-Key``;
- lists are iterators that follow ``Link: rel="next"``;
- a member that a newer server adds is ignored.
"""

from tallystick.client.client import Client
from tallystick.client.transport import File
from tallystick.errors import RemoteProblem, ServerUnreachable
from tallystick.web.account_models import (
    AccountView,
    DeedView,
    GivenPartyBody,
    IssuedKey,
    KeyView,
    NewKeyBody,
    OrganisationBody,
    OrganisationView,
    RotationBody,
)
from tallystick.web.models import (
    CountersignatureBody,
    DraftBody,
    EvidenceStruct,
    EvidenceView,
    Health,
    NewPartyBody,
    PartyView,
    Recorded,
    SignedBody,
)

__all__ = [
    "Client",
    "File",
    "RemoteProblem",
    "ServerUnreachable",
    "AccountView",
    "CountersignatureBody",
    "DeedView",
    "DraftBody",
    "EvidenceStruct",
    "EvidenceView",
    "GivenPartyBody",
    "Health",
    "IssuedKey",
    "KeyView",
    "NewKeyBody",
    "NewPartyBody",
    "OrganisationBody",
    "OrganisationView",
    "PartyView",
    "Recorded",
    "RotationBody",
    "SignedBody",
]

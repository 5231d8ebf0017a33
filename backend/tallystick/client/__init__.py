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
- lists are iterators that follow ``Link: rel="next"``; lines and events are iterators too, which go on after
  a lost connection;
- a member that a newer server adds is ignored.
"""

from tallystick.client.client import Client
from tallystick.client.transport import File, Tagged
from tallystick.errors import RemoteProblem, ServerUnreachable
from tallystick.web.access_models import (
    AccessView,
    ConfirmationBody,
    ErasureBody,
    ErasureView,
    GrantBody,
    GrantView,
    PlanView,
    ReceivedGrantView,
    ScopeBody,
)
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
from tallystick.web.answer_models import (
    AcknowledgementBody,
    CorrectionBody,
    DisputeBody,
    DocumentBody,
    FoundEvidence,
    ResolutionBody,
    SignalBody,
    WaitingBody,
    WriteOffBody,
)
from tallystick.web.document_models import AttachmentView
from tallystick.web.identity_models import (
    CompromiseBody,
    CompromiseView,
    MemberBody,
    MemberView,
    NewSignerBody,
    NonceBody,
    NonceView,
    SessionView,
    SignerBody,
    SignerRotationBody,
    SignInBody,
    ToSignView,
)
from tallystick.web.models import (
    CountersignatureBody,
    DraftBody,
    EvidenceStruct,
    EvidenceView,
    Health,
    NewIdentifierBody,
    NewPartyBody,
    PartyView,
    Recorded,
    SignedBody,
)
from tallystick.web.webhook_models import DeliveryView, NewWebhookBody, WebhookSecret, WebhookView

__all__ = [
    "Client",
    "File",
    "RemoteProblem",
    "ServerUnreachable",
    "Tagged",
    "AccessView",
    "AccountView",
    "AcknowledgementBody",
    "AttachmentView",
    "CompromiseBody",
    "CompromiseView",
    "ConfirmationBody",
    "CorrectionBody",
    "CountersignatureBody",
    "DeedView",
    "DeliveryView",
    "DisputeBody",
    "DocumentBody",
    "DraftBody",
    "ErasureBody",
    "ErasureView",
    "EvidenceStruct",
    "EvidenceView",
    "FoundEvidence",
    "GivenPartyBody",
    "GrantBody",
    "GrantView",
    "Health",
    "IssuedKey",
    "KeyView",
    "MemberBody",
    "MemberView",
    "NewIdentifierBody",
    "NewKeyBody",
    "NewPartyBody",
    "NewSignerBody",
    "NewWebhookBody",
    "NonceBody",
    "NonceView",
    "OrganisationBody",
    "OrganisationView",
    "PartyView",
    "PlanView",
    "ReceivedGrantView",
    "Recorded",
    "ResolutionBody",
    "RotationBody",
    "ScopeBody",
    "SessionView",
    "SignInBody",
    "SignalBody",
    "SignedBody",
    "SignerBody",
    "SignerRotationBody",
    "ToSignView",
    "WaitingBody",
    "WebhookSecret",
    "WebhookView",
    "WriteOffBody",
]

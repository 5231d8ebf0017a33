"""The bodies of requests and answers about signers, members, sign-in and typed data; rules as in ``models``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from tallystick.protocol.types import to_hex
from tallystick.service.custody import ToSign
from tallystick.service.sign_in import SignedIn
from tallystick.service.signers import SignerState, SignerView
from tallystick.store.identities import Member
from tallystick.web import examples
from tallystick.web.account_models import ScopeName
from tallystick.web.models import Hex32, HexAddress, HexBytes, Seconds, body_config

WALLET = "0x" + "71c3" * 10
NEW_WALLET = "0x" + "5d0e" * 10
TYPED_DATA: dict[str, Any] = {
    "types": {
        "EIP712Domain": [
            {"name": "name", "type": "string"},
            {"name": "version", "type": "string"},
            {"name": "chainId", "type": "uint256"},
            {"name": "verifyingContract", "type": "address"},
        ],
        "Evidence": [
            {"name": "issuer", "type": "bytes32"},
            {"name": "counterparty", "type": "bytes32"},
            {"name": "kind", "type": "uint8"},
            {"name": "deal", "type": "bytes32"},
            {"name": "parent", "type": "bytes32"},
            {"name": "contentRoot", "type": "bytes32"},
            {"name": "occurredAt", "type": "uint64"},
            {"name": "issuedAt", "type": "uint64"},
        ],
    },
    "primaryType": "Evidence",
    "domain": {"name": "Tallystick", "version": "1", "chainId": 31337731, "verifyingContract": examples.LEDGER},
    "message": examples.STRUCT,
}
TO_SIGN: dict[str, Any] = {
    "evidence": examples.INVOICE,
    "party": examples.SUPPLIER,
    "typedData": TYPED_DATA,
    "disclosures": [examples.DISCLOSURE],
}
SIGNER: dict[str, Any] = {
    "signer": WALLET,
    "state": "active",
    "managed": False,
    "addedAt": 1767225600,
    "revokedAt": None,
    "compromisedSince": None,
    "trouble": None,
}
NEW_MEMBER: dict[str, Any] = {
    "name": "Ada Lovelace",
    "issuer": "https://login.example.com",
    "subject": "248289761001",
    "scopes": ["evidence:read"],
}
MEMBER: dict[str, Any] = {
    "member": "k3mq7wd2za5h",
    "organisation": "9f" * 16,
    "name": "Ada Lovelace",
    "issuer": "https://login.example.com",
    "subject": "248289761001",
    "address": None,
    "scopes": ["evidence:read"],
    "createdAt": 1767225600,
    "removedAt": None,
}
NONCE = "69555a80" + "c4" * 8 + "1b" * 16
MESSAGE = (
    "ledger.example.com wants you to sign in with your Ethereum account:\n"
    "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\n\nSign in to Tallystick.\n\n"
    "URI: https://ledger.example.com\nVersion: 1\nChain ID: 1\n"
    f"Nonce: {NONCE}\nIssued At: 2025-12-31T23:59:12Z\nExpiration Time: 2026-01-01T00:09:12Z"
)
SESSION = "tallystick-session_q7wd3zk5m2ha_" + "a" * 52


class ToSignView(BaseModel):
    """What a party is to sign; nothing is kept of it here: send it back with the signature."""

    model_config = body_config(TO_SIGN)

    evidence: Annotated[Hex32, Field(description="The evidence id: the EIP-712 digest that the wallet signs.")]
    party: Annotated[Hex32, Field(description="Whose active signer has to sign.")]
    typed_data: Annotated[
        dict[str, Any],
        Field(description="The argument of eth_signTypedData_v4; `message` is the `evidence` of submitEvidence."),
    ]
    disclosures: Annotated[list[str], Field(description="All fields of the content; they belong to the signature.")]

    @classmethod
    def of(cls, found: ToSign) -> ToSignView:
        """``found`` as JSON."""
        return cls(
            evidence=to_hex(found.evidence_id),
            party=to_hex(found.party),
            typed_data=dict(found.typed_data),
            disclosures=list(found.disclosures),
        )


class SignerBody(BaseModel):
    """A signer of a party."""

    model_config = body_config(SIGNER)

    signer: HexAddress
    state: SignerState
    managed: Annotated[bool, Field(description="Whether its key is kept here.")]
    added_at: Annotated[int | None, Field(description="The time of the block that added it.")] = None
    revoked_at: Annotated[int | None, Field(description="The time of the block that revoked it, for ever.")] = None
    compromised_since: int | None = None
    trouble: Annotated[str | None, Field(description="Why what was asked for could not be done yet.")] = None

    @classmethod
    def of(cls, view: SignerView) -> SignerBody:
        """``view`` as JSON."""
        return cls(
            signer=to_hex(view.signer),
            state=view.state,
            managed=view.managed,
            added_at=view.added_at,
            revoked_at=view.revoked_at,
            compromised_since=view.compromised_since,
            trouble=view.trouble,
        )


class NewSignerBody(BaseModel):
    """A further account that is to sign for the party; its key stays where it is."""

    model_config = body_config({"signer": NEW_WALLET})

    signer: HexAddress


class SignerRotationBody(BaseModel):
    """The new signer, and which it replaces; without them a key is made here in the place of the managed ones."""

    model_config = body_config({"signer": NEW_WALLET, "replaces": [WALLET]})

    signer: HexAddress | None = None
    replaces: Annotated[list[HexAddress], Field(max_length=20)] = []


class CompromiseBody(BaseModel):
    """Since when the key is in other hands, and what takes its place."""

    model_config = body_config({"since": 1767225600, "signer": NEW_WALLET})

    since: Seconds
    signer: Annotated[HexAddress | None, Field(description="The new account, if the party has one of its own.")] = None
    makes_new: Annotated[bool, Field(description="Make the new key here.")] = False


class CompromiseView(BaseModel):
    """What follows from a compromise."""

    model_config = body_config({"signer": NEW_WALLET, "suspects": [examples.INVOICE], "signers": [SIGNER]})

    signer: Annotated[HexAddress | None, Field(description="The new signer.")]
    suspects: Annotated[
        list[Hex32], Field(description="What the old key signed since: dispute or correct what is not yours.")
    ]
    signers: list[SignerBody]


class MemberBody(BaseModel):
    """A person: by what an OpenID Connect issuer calls it, or else by the address of a wallet."""

    model_config = body_config(NEW_MEMBER)

    name: Annotated[str, Field(min_length=1, max_length=200)]
    issuer: Annotated[str | None, Field(max_length=500, description="`iss` of its tokens.")] = None
    subject: Annotated[str | None, Field(max_length=255, description="`sub` of its tokens; never a mail address.")] = (
        None
    )
    address: Annotated[HexAddress | None, Field(description="Its wallet, in lower case.")] = None
    scopes: Annotated[
        list[ScopeName] | None,
        Field(max_length=20, description="What it may do, within the role; left out: all that you may give."),
    ] = None
    organisation: Annotated[
        str | None, Field(max_length=64, description="Whose member; your own without it. Others': for operators.")
    ] = None


class MemberView(BaseModel):
    """A member of an organisation."""

    model_config = body_config(MEMBER)

    member: Annotated[str, Field(description="Its id.")]
    organisation: str
    name: str
    issuer: str | None = None
    subject: str | None = None
    address: HexAddress | None = None
    scopes: list[ScopeName]
    created_at: Seconds
    removed_at: int | None = None

    @classmethod
    def of(cls, one: Member) -> MemberView:
        """``one`` as JSON."""
        return cls(
            member=one.member,
            organisation=one.organisation,
            name=one.name,
            issuer=one.issuer,
            subject=one.subject,
            address=None if one.address is None else to_hex(one.address),
            scopes=[scope.value for scope in one.scopes],
            created_at=one.created_at,
            removed_at=one.removed_at,
        )


class NonceBody(BaseModel):
    """The wallet that is to sign in."""

    model_config = body_config({"address": WALLET})

    address: HexAddress


class NonceView(BaseModel):
    """A nonce for one sign-in, and the message to sign with it."""

    model_config = body_config({"nonce": NONCE, "expiresAt": 1767226152, "message": MESSAGE})

    nonce: str
    expires_at: Annotated[int, Field(description="From when it is not good any more.")]
    message: Annotated[str, Field(description="What the wallet signs (personal_sign), as it is: EIP-4361.")]


class SignInBody(BaseModel):
    """A message of EIP-4361, and the wallet's signature over it."""

    model_config = body_config({"message": MESSAGE, "signature": examples.SIGNATURE})

    message: Annotated[str, Field(max_length=4000)]
    signature: HexBytes


class SessionView(BaseModel):
    """A session with its token, which nobody can show again."""

    model_config = body_config({"session": "q7wd3zk5m2ha", "token": SESSION, "expiresAt": 1767229152, "member": MEMBER})

    session: Annotated[str, Field(description="Its id, to end it with.")]
    token: Annotated[str, Field(description="What to send as `Authorization: Bearer` until it expires.")]
    expires_at: int
    member: MemberView

    @classmethod
    def of(cls, made: SignedIn) -> SessionView:
        """``made`` as JSON."""
        return cls(
            session=made.session.session,
            token=made.token,
            expires_at=made.session.expires_at,
            member=MemberView.of(made.member),
        )

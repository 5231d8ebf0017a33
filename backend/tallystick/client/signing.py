"""Operations for parties that keep their own keys: what to sign, what was signed, and who signs for a party."""

from __future__ import annotations

from collections.abc import Iterator

from tallystick.client.transport import Transport, path_of
from tallystick.web.identity_models import (
    CompromiseBody,
    CompromiseView,
    NewSignerBody,
    SignerBody,
    SignerRotationBody,
    ToSignView,
)
from tallystick.web.models import DraftBody, Recorded, SignedBody


class Signing(Transport):
    """Wallets, and the signers of a party. A change of signers is asked for: ``state`` tells how far it is."""

    def draft_typed_data(self, body: DraftBody) -> ToSignView:
        """What the issuer of a draft has to sign (EIP-712); nothing is kept."""
        found: ToSignView = self._one("draftTypedData", ToSignView, "POST", "/v1/evidence/typed-data", body=body)
        return found

    def read_typed_data(self, evidence: str) -> ToSignView:
        """What the counterparty of a contract that waits has to sign; it goes to ``countersign_evidence``."""
        path = path_of("evidence", evidence, "typed-data")
        found: ToSignView = self._one("readTypedData", ToSignView, "GET", path)
        return found

    def submit_evidence(self, body: SignedBody, *, idempotency_key: str | None = None) -> Recorded:
        """Submit what a wallet signed: ``message`` of the typed data, the disclosures, and the signature."""
        made: Recorded = self._one(
            "submitEvidence",
            Recorded,
            "POST",
            "/v1/evidence/submission",
            body=body,
            idempotency_key=idempotency_key,
        )
        return made

    def list_signers(self, party: str) -> Iterator[SignerBody]:
        """Who signs, signed or is to sign for a party, and since when."""
        return self._each("listSigners", SignerBody, path_of("parties", party, "signers"))

    def add_signer(self, party: str, body: NewSignerBody) -> list[SignerBody]:
        """Ask that an account whose key is elsewhere sign for the party as well."""
        path = path_of("parties", party, "signers")
        found: list[SignerBody] = self._one("addSigner", list[SignerBody], "POST", path, body=body)
        return found

    def rotate_signer(self, party: str, body: SignerRotationBody | None = None) -> list[SignerBody]:
        """Put a new key in the place of the old; without ``body`` it is made by the server."""
        path = path_of("parties", party, "signers", "rotation")
        found: list[SignerBody] = self._one("rotateSigner", list[SignerBody], "POST", path, body=body)
        return found

    def revoke_signer(self, party: str, signer: str) -> list[SignerBody]:
        """Revoke a signer for ever."""
        path = path_of("parties", party, "signers", signer)
        found: list[SignerBody] = self._one("revokeSigner", list[SignerBody], "DELETE", path)
        return found

    def state_compromise(self, party: str, signer: str, body: CompromiseBody) -> CompromiseView:
        """Revoke a signer at once whose key is in other hands; what it signed since then is listed."""
        path = path_of("parties", party, "signers", signer, "compromise")
        found: CompromiseView = self._one("stateCompromise", CompromiseView, "POST", path, body=body)
        return found

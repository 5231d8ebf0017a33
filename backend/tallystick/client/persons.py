"""Operations of persons: the members of an organisation, and sign-in with a wallet."""

from __future__ import annotations

from collections.abc import Iterator

from tallystick.client.transport import Transport, path_of
from tallystick.web.identity_models import MemberBody, MemberView, NonceBody, NonceView, SessionView, SignInBody


class Persons(Transport):
    """Who a person is. To sign in, use a client without a key; then one with the ``token`` of the session."""

    def list_members(self, *, organisation: str | None = None) -> Iterator[MemberView]:
        """The members that your organisation ever had, or for an operator any; oldest first."""
        return self._each("listMembers", MemberView, "/v1/members", query={"organisation": organisation})

    def add_member(self, body: MemberBody) -> MemberView:
        """Add a person or a wallet, of at most the scopes of the key that asks."""
        made: MemberView = self._one("addMember", MemberView, "POST", "/v1/members", body=body)
        return made

    def remove_member(self, member: str) -> None:
        """Remove a member at once, with its sessions."""
        self._one("removeMember", None, "DELETE", path_of("members", member))

    def ask_nonce(self, body: NonceBody) -> NonceView:
        """A message for the wallet to sign, good for ten minutes and once."""
        made: NonceView = self._one("askNonce", NonceView, "POST", "/v1/sign-in/nonce", body=body)
        return made

    def sign_in(self, body: SignInBody) -> SessionView:
        """A session of the member with that wallet, for the message and its signature."""
        made: SessionView = self._one("signIn", SessionView, "POST", "/v1/sign-in", body=body)
        return made

    def end_session(self, session: str) -> None:
        """Sign out."""
        self._one("endSession", None, "DELETE", path_of("sessions", session))

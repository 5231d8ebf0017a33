"""Every exception this package raises on purpose, in one tree.

::

    TallystickError                  message: expected and got; todo: what the user can do about it
    ├── UsageError                   the call itself makes no sense (a missing option, two that exclude each other)
    ├── MalformedInput               bytes or values that do not follow the format
    │   ├── MalformedEvidence        a field of an evidence or of its content
    │   ├── MalformedBundle          a bundle file
    │   ├── MalformedRow             a row of an imported file; knows its row number and column
    │   └── MalformedDocument        a trade document; knows the element that is missing or not supported
    ├── BadSignature                 a signature that is malformed, malleable or by another key
    ├── Refused                      well-formed, but against a rule of the ledger
    │   ├── WrongSigner              the signer may not sign for that party
    │   ├── Duplicate                the same document or evidence stands recorded already
    │   ├── Unfounded                no contract or consent lets this evidence enter the counterparty's history
    │   └── Misfit                   a reference, countersignature or allocation does not fit what it refers to
    ├── NotFound                     no such party, evidence, key or file; also what the asker may not know of
    ├── Unauthenticated              no credentials, or none that are good (any more)
    ├── IssuerUnavailable            who vouches for persons gives no answer: says nothing about any token
    ├── NotEntitled                  good credentials, whose role or scope does not reach this operation
    ├── RateExceeded                 more requests than one key or address has at a time; knows how long to wait
    ├── OutOfTime                    an answer took longer than it may: says nothing about whether it was done
    ├── KeyReused                    an Idempotency-Key that named another request before
    ├── UnderWay                     a request of the same Idempotency-Key is being carried out
    ├── Undelivered                  nobody took what was sent to a URL that somebody named
    ├── FileChanged                  a file changed while it was read: says nothing about what it holds
    ├── HomeError                    the home directory is missing, or belongs to something else
    │   └── HomeInUse                another process works in it
    ├── KeystoreError                a key can't be read or written
    │   └── WrongPassphrase
    ├── StoreError                   the database holds something else than expected, or refused a statement
    │   └── StoreUnavailable         it did not answer, is locked by another process, or its disk is full
    │       └── AccountBusy          another process sends transactions from that account
    ├── TimestampError               a time-stamping authority gave no token, or none that holds
    ├── RenderError                  a page can't be made: a font that is missing
    ├── RemoteProblem                a server refused what the client asked; it is also the error that it names
    ├── ServerUnreachable            a server gave the client no answer, or it was lost
    └── ChainError                   the chain or the node before it
        ├── ChainUnreachable         no answer: says nothing about any evidence
        ├── WrongChain               another chain, genesis or contract than expected
        ├── TransactionFailed        a transaction reverted or was refused
        └── ChainInconsistent        what the node says contradicts itself (an omitted log, a broken link)

A raw ``ValueError``, ``KeyError`` or library exception never crosses a package border.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class TallystickError(Exception):
    """A failure that can be explained: ``message`` says expected and got, ``todo`` says what to do."""

    def __init__(self, message: str, *, todo: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.todo = todo

    def __str__(self) -> str:
        return f"{self.message} {self.todo}".rstrip()


class UsageError(TallystickError):
    """The call makes no sense as given."""


class MalformedInput(TallystickError):
    """Bytes or values that do not follow the format."""


class MalformedEvidence(MalformedInput):
    """A field of an evidence, or of its content, is not of its form."""


class MalformedBundle(MalformedInput):
    """A bundle file that does not follow the bundle format."""


class MalformedRow(MalformedInput):
    """A row of an imported file that can't be understood; ``row`` counts lines from 1, the header being line 1."""

    def __init__(self, expected: str, got: str, *, row: int, column: str, todo: str = "") -> None:
        super().__init__(f"row {row}, column {column!r}: expected {expected}, got {got}.", todo=todo)
        self.expected = expected
        self.got = got
        self.row = row
        self.column = column


class MalformedDocument(MalformedInput):
    """A trade document that does not say what its evidence needs; ``element`` is the path of what is at fault."""

    def __init__(self, message: str, *, element: str, todo: str = "") -> None:
        super().__init__(f"{element}: {message}", todo=todo)
        self.element = element


class BadSignature(TallystickError):
    """A signature that is malformed, malleable (high s), or by another key than claimed."""


class Refused(TallystickError):
    """Well-formed input that breaks a rule of the ledger."""


class WrongSigner(Refused):
    """The signer may not sign for that party, or not at that time."""


class Duplicate(Refused):
    """The same document or evidence stands recorded already."""


class Unfounded(Refused):
    """No contract or consent lets this evidence enter the counterparty's history."""


class Misfit(Refused):
    """A reference, countersignature or allocation does not fit what it refers to."""


class NotFound(TallystickError):
    """No such party, evidence, key or file."""


class Unauthenticated(TallystickError):
    """No credentials came with the request, or none that are good."""


class IssuerUnavailable(TallystickError):
    """The OpenID Connect issuer gave no answer, or none that can be used; that says nothing about any token."""


class NotEntitled(TallystickError):
    """The credentials are good, but neither this role nor this scope may do that, whatever it is done to."""


class RateExceeded(TallystickError):
    """One key, or one address without a key, asks more often than it may; after ``seconds`` it may ask again."""

    def __init__(self, message: str, *, seconds: int = 1, todo: str = "") -> None:
        super().__init__(message, todo=todo)
        self.seconds = seconds


class OutOfTime(TallystickError):
    """An answer took longer than it may; what was asked may have been done, or may be done yet."""


class KeyReused(TallystickError):
    """An Idempotency-Key that named another request before."""


class UnderWay(TallystickError):
    """A request of the same Idempotency-Key is being carried out."""


class Undelivered(TallystickError):
    """What was sent to a URL that somebody named found no receiver, or no address that may be sent to."""


class FileChanged(TallystickError):
    """A file is not the one that it was when it began to be read."""


class HomeError(TallystickError):
    """The home directory is missing, or belongs to something else."""


class HomeInUse(HomeError):
    """Another process works in the home directory; the message names it."""


class KeystoreError(TallystickError):
    """A key can't be read or written."""


class WrongPassphrase(KeystoreError):
    """The passphrase does not open the keystore."""


class StoreError(TallystickError):
    """The database holds something else than expected, or refused a statement."""


class StoreUnavailable(StoreError):
    """The database did not answer, is locked by another process, or its disk is full."""


class AccountBusy(StoreUnavailable):
    """Another process has the exclusive right to send transactions from that account; the message names it."""


class TimestampError(TallystickError):
    """A time-stamping authority gave no token, or none that holds; sealing does not depend on it."""


class RenderError(TallystickError):
    """A page can't be made as it must be; the message says what is missing."""


class RemoteProblem(TallystickError):
    """A server refused a request: its HTTP status, the problem's name, the single values at fault, the request's id."""

    def __init__(
        self,
        message: str,
        *,
        todo: str = "",
        status: int = 0,
        name: str = "",
        errors: Sequence[Mapping[str, Any]] = (),
        request_id: str | None = None,
    ) -> None:
        TallystickError.__init__(self, message, todo=todo)
        self.status = status
        self.name = name
        self.errors = errors
        self.request_id = request_id


class ServerUnreachable(TallystickError):
    """A server gave no answer, or it was lost; the message says whether the request may have been carried out."""


class ChainError(TallystickError):
    """The chain, or the node before it, did not do what was asked."""


class ChainUnreachable(ChainError):
    """The node gave no answer; that says nothing about any evidence."""


class WrongChain(ChainError):
    """Another chain id, genesis or contract than expected."""


class TransactionFailed(ChainError):
    """A transaction reverted or was refused by the node."""


class ChainInconsistent(ChainError):
    """What the node says contradicts itself: an omitted log, a broken parent link, a root that does not fit."""

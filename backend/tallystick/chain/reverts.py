"""Revert data of the contracts, turned into a sentence and what to do.

- Every custom error of the contracts' ABI has a sentence; its values are filled in by name.
- Times are told as a person reads them.
- ``Error(string)``, ``Panic(uint256)`` and unknown data have one too, so that nothing is passed on as bare hex.

Example: ``explain_revert(data)`` gives ``("Account 0x.. is not a registered operator.", "Ask the registrar ...")``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

from tallystick.chain.abi import AbiError, custom_errors, selector
from tallystick.protocol.types import to_hex

_REGISTRAR = "Ask the registrar to do it, or to grant this account the role."

_LEDGER_SENTENCES: Mapping[str, tuple[str, str]] = {
    "AccessControlBadConfirmation": ("A role can be renounced only by its holder.", "Send it from that account."),
    "AccessControlUnauthorizedAccount": ("Account {account} lacks the role {neededRole}.", _REGISTRAR),
    "OperatorAlreadyAdded": ("Account {operator} is an operator already.", "Nothing is left to do."),
    "PartyAlreadyAdmitted": (
        "Party {party} was admitted before, at {admittedAt}.",
        "Add a further signer to it instead of admitting it again.",
    ),
    "SignerAlreadyAdded": (
        "Account {signer} signs for party {party} already, since {addedAt}.",
        "Nothing is left to do.",
    ),
    "SignerAlreadyRevoked": (
        "Account {signer} was revoked for party {party} at {revokedAt}, which is for ever.",
        "Create a new key for the party and add that.",
    ),
    "UnknownOperator": ("Account {operator} is not a registered operator.", "Check the address."),
    "UnknownParty": ("Party {party} was never admitted.", "Admit the party first."),
    "UnknownSigner": ("Account {signer} never signed for party {party}.", "Check the party and the address."),
    "ZeroAddress": ("An address is zero.", "Give the address of the account."),
    "ZeroParty": ("The party id is zero.", "Give the id of the party."),
    "BatchTooLarge": (
        "Batch {batchId} touches {size} subjects, more than the {limit} that one batch may.",
        "Seal it as several batches.",
    ),
    "EmptyBatch": ("Batch {batchId} holds no appends.", "Seal only when there is pending evidence."),
    "NotOperator": (
        "Account {account} is not a registered operator.",
        "Ask the registrar to add it as an operator.",
    ),
    "RegistryWithoutCode": ("There is no contract at registry {registry}.", "Deploy the registry first."),
    "SubjectsNotAscending": (
        "Append {position} is of subject {subject}, which is not above {previous} before it.",
        "Sort the appends by subject, one each.",
    ),
    "UnexpectedBatchId": (
        "The next batch of operator {operator} is {expected}, not {actual}.",
        "Index the chain; the batch may be sealed already.",
    ),
    "ZeroCount": ("Append {position} of subject {subject} counts no entries.", "Leave the subject out."),
    "ZeroRoot": ("Append {position} of subject {subject} has root zero.", "Compute the subject root."),
    "ZeroSubject": ("Append {position} is of subject zero.", "Leave it out: zero means nobody."),
}

_PLEDGE_SENTENCES: Mapping[str, tuple[str, str]] = {
    "AuthorisationClosed": (
        "Party {party} used or cancelled authorisation {authorisation} before, at {closedAt}.",
        "Sign new terms, with another nonce; an authorisation is good once.",
    ),
    "AuthorisationExpired": (
        "Authorisation {authorisation} was good until {deadline}; it is {timestamp}.",
        "Sign new terms with a later deadline.",
    ),
    "BatchNotSealed": (
        "Batch {batchId} of operator {operator} is not sealed.",
        "Wait until the invoice is sealed, or prove it from the batch that holds it.",
    ),
    "ECDSAInvalidSignature": ("A signature is by no key at all.", "Sign the digest of the terms itself, v 27 or 28."),
    "ECDSAInvalidSignatureLength": (
        "A signature has {length} bytes, not 65.",
        "Give r, s and v joined: 65 bytes.",
    ),
    "ECDSAInvalidSignatureS": (
        "A signature has s = {s}, in the upper half of the group order.",
        "Use the low-s form (EIP-2): replace s by n - s and flip v.",
    ),
    "ERC5267ExtensionsNotSupported": ("The contract's domain has extensions.", "Check the contract's version."),
    "ExpiryNotAhead": (
        "The pledge would expire at {expiresAt}, which is not after {timestamp}.",
        "Let it expire later.",
    ),
    "FinancierIsSupplier": (
        "Party {party} would hold its own receivable.",
        "Name another party as the financier.",
    ),
    "FinancierUnchanged": (
        "Party {financier} holds pledge {pledge} already.",
        "Name another party to take it over.",
    ),
    "FingerprintTaken": (
        "The same invoice, of fingerprint {fingerprint}, is pledged under another evidence since {pledgedAt}.",
        "Do not finance it; ask the supplier for the financier's release.",
    ),
    "LedgerWithoutCode": ("There is no contract at ledger {ledger}.", "Deploy the ledger first."),
    "NotConcerned": (
        "Party {party} has no part in authorisation {authorisation}.",
        "Only a party whose signature it needs can cancel it.",
    ),
    "NotHolder": ("Party {party} does not hold pledge {pledge}.", "Ask the financier that holds it."),
    "NotInLog": (
        "Receivable {receivable} does not stand in the log of supplier {supplier} by batch {batchId} of operator "
        "{operator}.",
        "Prove it from the supplier's own log, in the batch that holds it.",
    ),
    "NotSigner": (
        "Account {signer} may not sign for party {party} now.",
        "Sign with an active key of that party.",
    ),
    "PledgeExpired": ("Pledge {pledge} expired at {expiresAt}.", "Pledge the receivable anew."),
    "PledgeReleased": ("Pledge {pledge} was released at {releasedAt}.", "Pledge the receivable anew."),
    "ReceivableTaken": (
        "Receivable {receivable} is pledged since {pledgedAt}.",
        "Do not finance it; ask the supplier for the financier's release.",
    ),
    "UnknownPledge": ("There is no pledge {pledge}.", "Check its name."),
    "ZeroFingerprint": ("The fingerprint is zero.", "Compute it from the invoice."),
    "ZeroReceivable": ("The receivable is zero.", "Give the evidence id of the invoice."),
}

SENTENCES: Mapping[str, tuple[str, str]] = {**_LEDGER_SENTENCES, **_PLEDGE_SENTENCES}

_ERROR_STRING = selector("Error(string)")
_PANIC = selector("Panic(uint256)")
_MAX_REASON_SIZE = 200
_TIMES = frozenset(
    ("addedAt", "admittedAt", "closedAt", "deadline", "expiresAt", "pledgedAt", "releasedAt", "revokedAt", "timestamp")
)
_REPORT = "Check that the contracts are those of this version."


def sentence(name: str, values: Mapping[str, str]) -> tuple[str, str]:
    """What the custom error ``name`` with ``values`` (by parameter name) means, and what to do."""
    message, todo = SENTENCES[name]
    shown = {key: _moment(value) if key in _TIMES else value for key, value in values.items()}
    return message.format(**shown), todo


def explain_revert(revert_data: bytes) -> tuple[str, str]:
    """What ``revert_data`` of a failed call means, and what to do; never raises on what a contract returned."""
    error = _errors_by_selector().get(revert_data[:4])
    words = [revert_data[at : at + 32] for at in range(4, len(revert_data), 32)]
    if error is not None and len(revert_data) == 4 + 32 * len(error.parameters):
        pairs = zip(error.parameters, words, strict=True)
        return sentence(error.name, {name: _show(kind, value) for (name, kind), value in pairs})
    if revert_data[:4] == _ERROR_STRING and len(words) >= 2:
        size = min(int.from_bytes(words[1], "big"), _MAX_REASON_SIZE)
        reason = revert_data[68 : 68 + size].decode(errors="replace")
        return f"The contract refused: {reason!r}.", _REPORT
    if revert_data[:4] == _PANIC and len(words) == 1:
        return f"The contract panicked with code 0x{words[0].hex().lstrip('0') or '0'}.", _REPORT
    if not revert_data:
        return "The contract refused without a reason.", _REPORT
    return f"The contract refused with unknown data 0x{revert_data[:68].hex()}.", _REPORT


@cache
def _errors_by_selector() -> Mapping[bytes, AbiError]:
    return {error.selector: error for error in custom_errors()}


def _moment(seconds: str) -> str:
    """The time of ``seconds`` since 1970 as a person reads it; the number itself beyond the year 9999."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return seconds


def _show(kind: str, value: bytes) -> str:
    if kind == "address":
        return to_hex(value[12:])
    return str(int.from_bytes(value, "big")) if kind.startswith("uint") else to_hex(value)

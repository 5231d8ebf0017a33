"""Calldata of the ReceivableRegistry: what changes it, as values, with their one encoding.

The arguments hold arrays and signatures of any length, so eth-abi encodes them. ``parse_call`` refuses what
``encode_call`` would spell otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from tallystick.chain.abi import selector
from tallystick.errors import MalformedInput
from tallystick.protocol.receivable import LogProof, PledgeTerms, ReleaseTerms, TransferTerms
from tallystick.protocol.types import Address, EvidenceId, Hash, PartyId, Timestamp

_PLEDGE_TERMS = "(bytes32,bytes32,bytes32,bytes32,uint64,uint64,bytes32)"
_TRANSFER_TERMS = "(bytes32,bytes32,bytes32,uint64,bytes32)"
_RELEASE_TERMS = "(bytes32,bytes32,uint64,bytes32)"
_INCLUSION = "(address,uint64,uint32,bytes32,uint32,bytes32[],bytes32[])"

PLEDGE = ("pledge", (_PLEDGE_TERMS, _INCLUSION, "bytes", "bytes"))
TRANSFER = ("transfer", (_TRANSFER_TERMS, "bytes", "bytes"))
RELEASE = ("release", (_RELEASE_TERMS, "bytes"))
CANCEL_PLEDGE = ("cancelPledge", (_PLEDGE_TERMS, "bytes32", "bytes"))
CANCEL_TRANSFER = ("cancelTransfer", (_TRANSFER_TERMS, "bytes32", "bytes"))

_Function = tuple[str, tuple[str, ...]]
_FUNCTIONS: tuple[_Function, ...] = (PLEDGE, TRANSFER, RELEASE, CANCEL_PLEDGE, CANCEL_TRANSFER)

SIGNATURES = tuple(f"{name}({','.join(types)})" for name, types in _FUNCTIONS)
"""The functions that this module encodes, as the ABI spells them."""

_BY_SELECTOR = {selector(signature): function for signature, function in zip(SIGNATURES, _FUNCTIONS, strict=True)}
_SELECTORS = {function: prefix for prefix, function in _BY_SELECTOR.items()}


@dataclass(frozen=True, slots=True)
class PledgeCall:
    """Pledge under ``terms`` what ``proof`` shows to stand in the supplier's log, signed by both."""

    terms: PledgeTerms
    proof: LogProof
    supplier_signature: bytes
    financier_signature: bytes


@dataclass(frozen=True, slots=True)
class TransferCall:
    """Transfer under ``terms``, signed by both financiers."""

    terms: TransferTerms
    giver_signature: bytes
    taker_signature: bytes


@dataclass(frozen=True, slots=True)
class ReleaseCall:
    """Release under ``terms``, signed by the financier."""

    terms: ReleaseTerms
    signature: bytes


@dataclass(frozen=True, slots=True)
class CancelCall:
    """Take back ``party``'s part in ``terms``; it signed the cancellation."""

    terms: PledgeTerms | TransferTerms
    party: PartyId
    signature: bytes


ReceivableCall = PledgeCall | TransferCall | ReleaseCall | CancelCall


def encode_call(call: ReceivableCall) -> bytes:
    """The calldata of ``call``."""
    match call:
        case PledgeCall():
            return _encode(
                PLEDGE,
                _pledge_terms(call.terms),
                _inclusion(call.proof),
                call.supplier_signature,
                call.financier_signature,
            )
        case TransferCall():
            return _encode(TRANSFER, _transfer_terms(call.terms), call.giver_signature, call.taker_signature)
        case ReleaseCall():
            terms = call.terms
            values = (terms.pledge, terms.financier, terms.deadline, terms.nonce)
            return _encode(RELEASE, values, call.signature)
        case CancelCall():
            if isinstance(call.terms, PledgeTerms):
                return _encode(CANCEL_PLEDGE, _pledge_terms(call.terms), call.party, call.signature)
            return _encode(CANCEL_TRANSFER, _transfer_terms(call.terms), call.party, call.signature)


def parse_call(calldata: bytes) -> ReceivableCall:
    """The call in ``calldata``.

    Raises:
        MalformedInput: another function, or not as ``encode_call`` spells it.
    """
    function = _BY_SELECTOR.get(calldata[:4])
    if function is None:
        raise MalformedInput(f"receivables: expected a function that changes them, got 0x{calldata[:4].hex()}.")
    try:
        values = decode(function[1], calldata[4:])
    except (DecodingError, OverflowError) as error:
        raise MalformedInput(f"receivables: {function[0]}: the arguments are not of its types.") from error
    call = _call(function, values)
    if encode_call(call) != calldata:
        raise MalformedInput(f"receivables: {function[0]}: expected the arguments in their one spelling.")
    return call


def _call(function: _Function, values: tuple[Any, ...]) -> ReceivableCall:
    if function in (PLEDGE, CANCEL_PLEDGE):
        supplier, receivable, fingerprint, financier, expires_at, deadline, nonce = values[0]
        ids = (PartyId(supplier), EvidenceId(receivable), Hash(fingerprint), PartyId(financier))
        pledge_terms = PledgeTerms(*ids, Timestamp(expires_at), Timestamp(deadline), nonce)
        if function == CANCEL_PLEDGE:
            return CancelCall(pledge_terms, PartyId(values[1]), values[2])
        return PledgeCall(pledge_terms, _proof(values[1]), values[2], values[3])
    if function == RELEASE:
        pledge, financier, deadline, nonce = values[0]
        return ReleaseCall(ReleaseTerms(Hash(pledge), PartyId(financier), Timestamp(deadline), nonce), values[1])
    pledge, giver, taker, deadline, nonce = values[0]
    transfer_terms = TransferTerms(Hash(pledge), PartyId(giver), PartyId(taker), Timestamp(deadline), nonce)
    if function == CANCEL_TRANSFER:
        return CancelCall(transfer_terms, PartyId(values[1]), values[2])
    return TransferCall(transfer_terms, values[1], values[2])


def _encode(function: _Function, *values: object) -> bytes:
    return _SELECTORS[function] + bytes(encode(function[1], values))


def _pledge_terms(terms: PledgeTerms) -> tuple[object, ...]:
    ids = (terms.supplier, terms.receivable, terms.fingerprint, terms.financier)
    return (*ids, terms.expires_at, terms.deadline, terms.nonce)


def _transfer_terms(terms: TransferTerms) -> tuple[object, ...]:
    return (terms.pledge, terms.giver, terms.taker, terms.deadline, terms.nonce)


def _inclusion(proof: LogProof) -> tuple[object, ...]:
    place = (proof.operator, proof.batch_id, proof.index, proof.signatures_hash, proof.count)
    return (*place, proof.entry_proof, proof.subject_proof)


def _proof(values: tuple[Any, ...]) -> LogProof:
    operator, batch_id, index, signatures_hash, count, entry_proof, subject_proof = values
    return LogProof(
        Address(bytes.fromhex(operator.removeprefix("0x"))),
        batch_id,
        index,
        Hash(signatures_hash),
        count,
        tuple(entry_proof),
        tuple(subject_proof),
    )

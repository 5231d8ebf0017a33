"""Type-2 transactions (EIP-1559), built and signed without ever seeing the private key.

- signed digest: ``keccak256(0x02 || rlp([chainId, nonce, maxPriorityFee, maxFee, gas, to, value, data, []]))``;
- raw transaction: ``0x02 || rlp([...the same..., yParity, r, s])``, its hash is keccak256 of that;
- the signature is recovered before anything is sent, so that a wrong key is noticed here and not by a node.

Value is always zero: the contracts take no money.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import rlp

from tallystick.chain.records import Fees, SignedTransaction
from tallystick.errors import BadSignature, MalformedInput, WrongSigner
from tallystick.protocol import signing
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import Address, Hash, to_hex

Sign = Callable[[bytes], bytes]
"""Signs a 32-byte digest: r || s || v, 65 bytes. The key itself stays where it is."""

_TYPE = b"\x02"
_FIELD_COUNT = 12


@dataclass(frozen=True, slots=True)
class UnsignedTransaction:
    """A call of the contract ``to`` with ``data``, or (``to`` None) the creation of one; fees in wei per gas."""

    chain_id: int
    nonce: int
    max_priority_fee_wei: int
    max_fee_wei: int
    gas: int
    to: Address | None
    data: bytes

    def _fields(self) -> list[object]:
        fees = [self.max_priority_fee_wei, self.max_fee_wei]
        return [self.chain_id, self.nonce, *fees, self.gas, self.to or b"", 0, self.data, []]

    @property
    def digest(self) -> bytes:
        """The 32 bytes to sign (EIP-1559)."""
        return keccak256(_TYPE + rlp.encode(self._fields()))

    def with_signature(self, signature: bytes) -> bytes:
        """The raw transaction with ``signature`` (r || s || v)."""
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        return _TYPE + bytes(rlp.encode([*self._fields(), signature[64] - 27, r, s]))


def sign_transaction(transaction: UnsignedTransaction, sender: Address, sign: Sign) -> SignedTransaction:
    """``transaction`` signed by ``sign``, which must hold the key of ``sender``.

    Raises:
        WrongSigner: the signature is another account's.
        BadSignature: the signature is malformed.
    """
    signature = sign(transaction.digest)
    signer = signing.recover(transaction.digest, signature)
    if signer != sender:
        raise WrongSigner(
            f"transaction: expected the signature of {to_hex(sender)}, got that of {to_hex(signer)}.",
            todo="Use the key of the account that sends.",
        )
    raw = transaction.with_signature(signature)
    fees = Fees(transaction.max_priority_fee_wei, transaction.max_fee_wei)
    return SignedTransaction(raw, Hash(keccak256(raw)), transaction.nonce, fees)


def parse_transaction(raw: bytes) -> tuple[UnsignedTransaction, Address]:
    """The transaction in ``raw`` and its sender.

    Raises:
        MalformedInput: not a type-2 transaction without value and access list, spelled as ``sign_transaction`` does.
        BadSignature: no key fits its signature.
    """
    try:
        fields = rlp.decode(raw[1:], strict=True) if raw[:1] == _TYPE else []
    except rlp.DecodingError:
        fields = []
    if len(fields) != _FIELD_COUNT or fields[8] != [] or len(fields[5]) not in (0, 20):
        raise MalformedInput("transaction: expected type 2 (EIP-1559) with an empty access list.")
    chain_id, nonce, priority, fee, gas = (int.from_bytes(item, "big") for item in fields[:5])
    to = Address(fields[5]) if fields[5] else None
    transaction = UnsignedTransaction(chain_id, nonce, priority, fee, gas, to, fields[7])
    if len(fields[10]) > 32 or len(fields[11]) > 32 or fields[9] not in (b"", b"\x01"):
        raise BadSignature("transaction: expected yParity 0 or 1 and r, s of at most 32 bytes.")
    v = bytes([27 + int.from_bytes(fields[9], "big")])
    signature = fields[10].rjust(32, b"\0") + fields[11].rjust(32, b"\0") + v
    if transaction.with_signature(signature) != raw:
        raise MalformedInput("transaction: expected no value and the shortest spelling of every number.")
    return transaction, signing.recover(transaction.digest, signature)


def created_address(sender: Address, nonce: int) -> Address:
    """The address of the contract that ``sender`` creates with transaction ``nonce`` (yellow paper, section 7)."""
    return Address(keccak256(rlp.encode([sender, nonce]))[12:])

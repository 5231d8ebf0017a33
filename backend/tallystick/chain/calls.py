"""Calldata of the contracts' functions, encoded by hand, for all of it is static words but one array.

What changes the register of receivables has arguments of more shapes and stands in ``pledge_calls``.

``word`` order is that of the Solidity ABI; ``seal`` has a head of two words (batch id, offset of the array) and a tail:
the array's length and three words (subject, root, count) an append.
"""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.chain.abi import selector
from tallystick.chain.records import Append
from tallystick.errors import MalformedInput
from tallystick.protocol.hashing import keccak256, word
from tallystick.protocol.types import Address, Hash, PartyId

WORD_SIZE = 32

ADMIT = "admit(bytes32,address)"
ADD_SIGNER = "addSigner(bytes32,address)"
REVOKE_SIGNER = "revokeSigner(bytes32,address)"
SIGNER_WINDOW = "signerWindow(bytes32,address)"
ADD_OPERATOR = "addOperator(address)"
IS_OPERATOR = "isOperator(address)"
GRANT_ROLE = "grantRole(bytes32,address)"
RENOUNCE_ROLE = "renounceRole(bytes32,address)"
HAS_ROLE = "hasRole(bytes32,address)"
SEAL = "seal(uint64,(bytes32,bytes32,uint32)[])"
HEAD = "head(bytes32)"
NEXT_BATCH = "nextBatch(address)"
BATCH_ROOT = "batchRoot(address,uint64)"
REGISTRY = "registry()"
LEDGER = "ledger()"
PLEDGE_OF = "pledgeOf(bytes32)"
LAST_PLEDGE = "lastPledge(bytes32,bytes32)"
LAST_PLEDGE_OF_FINGERPRINT = "lastPledgeOfFingerprint(bytes32,bytes32)"

SIGNATURES = (
    *(ADMIT, ADD_SIGNER, REVOKE_SIGNER, SIGNER_WINDOW, ADD_OPERATOR, IS_OPERATOR),
    *(GRANT_ROLE, RENOUNCE_ROLE, HAS_ROLE, SEAL, HEAD, NEXT_BATCH, BATCH_ROOT, REGISTRY, LEDGER),
    *(PLEDGE_OF, LAST_PLEDGE, LAST_PLEDGE_OF_FINGERPRINT),
)
"""Every function that this package calls."""

DEFAULT_ADMIN_ROLE = bytes(32)
REGISTRAR_ROLE = keccak256(b"REGISTRAR_ROLE")

_SEAL_SELECTOR = selector(SEAL)
_ARRAY_OFFSET = word(2 * WORD_SIZE)


def address_word(address: Address) -> bytes:
    """``address`` as one ABI word."""
    return address.rjust(WORD_SIZE, b"\0")


def call(signature: str, *words: bytes) -> bytes:
    """Calldata of the function ``signature`` with its static arguments ``words`` (32 bytes each)."""
    assert all(len(item) == WORD_SIZE for item in words), "an ABI word has 32 bytes"
    return selector(signature) + b"".join(words)


def party_signer_call(signature: str, party: PartyId, signer: Address) -> bytes:
    """Calldata of a function ``signature`` that takes ``party`` and ``signer``."""
    return call(signature, party, address_word(signer))


def seal_call(batch_id: int, appends: Sequence[Append]) -> bytes:
    """Calldata of ``seal`` for batch ``batch_id`` with ``appends``."""
    return _SEAL_SELECTOR + word(batch_id) + _ARRAY_OFFSET + encode_appends(appends)


def parse_seal_call(calldata: bytes) -> tuple[int, tuple[Append, ...]]:
    """Batch id and appends of the ``seal`` call ``calldata``. Raises ``MalformedInput``."""
    if calldata[:4] != _SEAL_SELECTOR or calldata[36:68] != _ARRAY_OFFSET:
        raise MalformedInput("seal: expected its selector, a batch id and the offset of one array.")
    return uint(calldata[4:36], 64, "batchId"), parse_appends(calldata[68:])


def encode_appends(appends: Sequence[Append]) -> bytes:
    """``appends`` as the tail of an ABI encoding: length, then (subject, root, count) each."""
    return word(len(appends)) + b"".join(item.subject + item.root + word(item.count) for item in appends)


def parse_appends(tail: bytes) -> tuple[Append, ...]:
    """The appends of ``tail``, which must hold nothing else.

    Raises:
        MalformedInput: the size does not fit the length, or a count is not a uint32.
    """
    size = 3 * WORD_SIZE
    count, rest = divmod(len(tail) - WORD_SIZE, size)
    if len(tail) < WORD_SIZE or rest or tail[:WORD_SIZE] != word(count):
        raise MalformedInput(f"appends: expected a length and as many times {size} bytes, got {len(tail)} bytes.")
    return tuple(
        Append(
            PartyId(tail[at : at + 32]),
            Hash(tail[at + 32 : at + 64]),
            uint(tail[at + 64 : at + 96], 32, "count"),
        )
        for at in range(WORD_SIZE, len(tail), size)
    )


def uint(encoded: bytes, bits: int, name: str) -> int:
    """The unsigned integer of ``bits`` in the word ``encoded``. Raises ``MalformedInput`` naming ``name``."""
    value = int.from_bytes(encoded, "big")
    if len(encoded) != WORD_SIZE or value >> bits:
        raise MalformedInput(f"{name}: expected one word below 2**{bits}, got 0x{encoded.hex()}.")
    return value


def address(encoded: bytes, name: str) -> Address:
    """The address in the word ``encoded``. Raises ``MalformedInput`` naming ``name``."""
    if len(encoded) != WORD_SIZE or any(encoded[:12]):
        raise MalformedInput(f"{name}: expected 12 zero bytes and an address, got 0x{encoded.hex()}.")
    return Address(encoded[12:])

"""Trying a call without a transaction: `eth_call` and `eth_estimateGas`.

- Without a gas price the call is free, as in geth: the base fee is 0 inside it and the sender needs no balance.
- A revert is error 3 with the revert data; any other failure is error -32000.
- The estimate is at most 1.5 % above the least gas that succeeds.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth.abc import BlockHeaderAPI, ComputationAPI
from eth.constants import ZERO_ADDRESS
from eth.exceptions import OutOfGas, Revert, VMError
from eth.vm.forks import PragueVM
from eth.vm.spoof import SpoofTransaction
from eth_typing import Address
from eth_utils.exceptions import ValidationError

from hardhat_free_devnet.chain import Evm
from hardhat_free_devnet.encoding import (
    Json,
    format_data,
    parse_address,
    parse_data,
    parse_hash,
    parse_object,
    parse_quantity,
)
from hardhat_free_devnet.errors import EXECUTION_REVERTED, RpcError, invalid_params, refused
from hardhat_free_devnet.mempool import MAX_TRANSACTION_GAS, floor_data_gas

CALL_FIELDS = frozenset(
    {"from", "to", "gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas", "value", "data", "input"}
    | {"nonce", "type", "chainId", "accessList"}
)
MAX_ACCESS_LIST = 1_000
ESTIMATE_TOLERANCE = 0.015
CALL_STIPEND = 2_300
_ERROR_STRING = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")


@dataclass(frozen=True)
class Call:
    """A call to try: `to` is empty to create a contract; `gas` and the fees (wei) are None when not given."""

    sender: bytes
    to: bytes
    gas: int | None
    max_fee: int | None
    priority_fee: int
    value: int
    data: bytes
    access_list: tuple[tuple[bytes, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Outcome:
    """How a tried call ended: `gas_used` after refunds, `gas_spent` before them."""

    computation: ComputationAPI
    gas_used: int
    gas_spent: int


def parse_call(value: Json) -> Call:
    """Read the call object `value`.

    Raises: RpcError -32602.
    """
    fields = parse_object(value, "call", CALL_FIELDS)
    data, also = fields.get("input"), fields.get("data")
    if data is not None and also is not None and data != also:
        raise invalid_params("call: expected data and input to be the same, or only one of them")
    if "gasPrice" in fields and ("maxFeePerGas" in fields or "maxPriorityFeePerGas" in fields):
        raise invalid_params("call: expected either gasPrice or maxFeePerGas and maxPriorityFeePerGas, got both")

    def quantity(name: str) -> int | None:
        return parse_quantity(fields[name], name) if name in fields else None

    gas_price, max_fee = quantity("gasPrice"), quantity("maxFeePerGas")
    return Call(
        sender=parse_address(fields["from"], "from") if "from" in fields else ZERO_ADDRESS,
        to=parse_address(fields["to"], "to") if "to" in fields else b"",
        gas=quantity("gas"),
        max_fee=gas_price if gas_price is not None else max_fee,
        priority_fee=gas_price if gas_price is not None else quantity("maxPriorityFeePerGas") or 0,
        value=quantity("value") or 0,
        data=parse_data(data if data is not None else also or "0x", "data"),
        access_list=_parse_access_list(fields.get("accessList") or []),
    )


def try_call(evm: Evm, header: BlockHeaderAPI, call: Call, gas: int) -> Outcome:
    """Execute `call` with `gas` in the block of `header`, on a state that is then thrown away.

    Raises: RpcError -32000 when the call cannot start (funds, fee, too little gas for its data).
    """
    if not call.max_fee:
        header = header.copy(base_fee_per_gas=0)
    vm = evm.vm(header)
    sender = Address(call.sender)
    unsigned = PragueVM.get_transaction_builder().new_unsigned_dynamic_fee_transaction(
        chain_id=evm.chain_id,
        nonce=vm.state.get_nonce(sender),
        max_priority_fee_per_gas=min(call.priority_fee, call.max_fee or 0),
        max_fee_per_gas=call.max_fee or 0,
        gas=gas,
        to=Address(call.to),
        value=call.value,
        data=call.data,
        access_list=[(Address(address), slots) for address, slots in call.access_list],
    )
    needed = max(unsigned.intrinsic_gas, floor_data_gas(call.data))
    if gas < needed:
        raise refused(f"intrinsic gas too low: gas {gas}, minimum needed {needed}")
    transaction = SpoofTransaction(unsigned, from_=sender)
    vm.state.lock_changes()
    try:
        computation = vm.state.apply_transaction(transaction)
    except (ValidationError, VMError) as error:
        raise refused(f"the call cannot be executed: {error}") from error
    used = vm.finalize_gas_used(transaction, computation)
    return Outcome(computation, used, gas - computation.get_gas_remaining())


def call_output(outcome: Outcome) -> bytes:
    """Return the data that the call of `outcome` returned.

    Raises: RpcError 3 with the revert data, or -32000 with the name of another failure.
    """
    computation = outcome.computation
    if not computation.is_error:
        return bytes(computation.output)
    if isinstance(computation.error, Revert):
        data = bytes(computation.output)
        reason = revert_reason(data)
        message = "execution reverted" if reason is None else f"execution reverted: {reason}"
        raise RpcError(EXECUTION_REVERTED, message, format_data(data))
    if isinstance(computation.error, OutOfGas):
        raise refused(f"out of gas: {computation.error}")
    raise refused(f"execution failed: {type(computation.error).__name__}: {computation.error}")


def estimate_gas(evm: Evm, header: BlockHeaderAPI, call: Call) -> int:
    """Return a gas limit with which `call` succeeds in the block of `header`.

    Raises: RpcError as `call_output` when it fails with all the gas there is.
    """
    high = min(header.gas_limit, MAX_TRANSACTION_GAS, call.gas if call.gas is not None else MAX_TRANSACTION_GAS)
    if call.max_fee:
        balance = evm.state(header).get_balance(Address(call.sender))
        if balance < call.value:
            raise refused(f"insufficient funds for transfer: balance {balance}, value {call.value}")
        high = min(high, (balance - call.value) // call.max_fee)
    first = try_call(evm, header, call, high)
    call_output(first)
    low = first.gas_used - 1
    # One level of calls keeps back 1/64 (EIP-150) and may need a stipend: mostly this first guess is the answer.
    guess = (first.gas_spent + CALL_STIPEND) * 64 // 63
    if first.gas_spent == first.gas_used and _succeeds(evm, header, call, first.gas_spent):
        return first.gas_spent
    while high - low > max(1, ESTIMATE_TOLERANCE * high):
        middle = guess if low < guess < high else (low + high) // 2
        guess = 0
        if _succeeds(evm, header, call, middle):
            high = middle
        else:
            low = middle
    return int(high)


def revert_reason(data: bytes) -> str | None:
    """Return the text of Solidity's Error(string), or the code of its Panic(uint256), in `data`; else None."""
    if data[:4] == _PANIC and len(data) == 36:
        return f"panic code {hex(int.from_bytes(data[4:], 'big'))}"
    if data[:4] != _ERROR_STRING or len(data) < 68 or int.from_bytes(data[4:36], "big") != 32:
        return None
    length = int.from_bytes(data[36:68], "big")
    if length > len(data) - 68:
        return None
    try:
        return data[68 : 68 + length].decode("utf-8")
    except UnicodeDecodeError:
        return None


def _succeeds(evm: Evm, header: BlockHeaderAPI, call: Call, gas: int) -> bool:
    try:
        return not try_call(evm, header, call, gas).computation.is_error
    except RpcError:
        return False


def _parse_access_list(value: Json) -> tuple[tuple[bytes, tuple[int, ...]], ...]:
    if not isinstance(value, list) or len(value) > MAX_ACCESS_LIST:
        raise invalid_params(f"accessList: expected a list of at most {MAX_ACCESS_LIST} entries")
    entries = []
    for entry in value:
        fields = parse_object(entry, "accessList entry", frozenset({"address", "storageKeys"}))
        slots = fields.get("storageKeys", [])
        if not isinstance(slots, list) or len(slots) > MAX_ACCESS_LIST:
            raise invalid_params(f"storageKeys: expected a list of at most {MAX_ACCESS_LIST} hashes")
        keys = tuple(int.from_bytes(parse_hash(slot, "storageKeys"), "big") for slot in slots)
        entries.append((parse_address(fields.get("address")), keys))
    return tuple(entries)

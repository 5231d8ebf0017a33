"""JSON-RPC spelling of values: parse strictly what comes in, format exactly what goes out.

- Quantity: `0x` and hex digits without leading zeros (`0x0` is zero). Data: `0x` and an even number of hex digits.
- Every parser names the parameter it was reading and says expected and got.
- Formats follow the execution API specification (ethereum/execution-apis).
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from eth_utils.address import to_checksum_address

from hardhat_free_devnet.errors import RpcError, invalid_params

Json: TypeAlias = Any
"""A value that JSON can write: None, bool, int, float, str, list or dict of these."""

MAX_DATA_BYTES = 1 << 20
_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})\Z")
_DATA = re.compile(r"0x([0-9a-fA-F]{2})*\Z")


def format_quantity(number: int) -> str:
    """Write the non-negative `number` as a quantity."""
    assert number >= 0, "a quantity is never negative"
    return hex(number)


def format_data(data: bytes) -> str:
    """Write `data` as hex with `0x`."""
    return "0x" + data.hex()


def format_word(number: int) -> str:
    """Write `number` as 32 bytes of hex."""
    return f"0x{number:064x}"


def format_address(address: bytes) -> str:
    """Write the 20-byte `address` with its EIP-55 checksum."""
    return str(to_checksum_address(address))


def parse_quantity(value: Json, name: str, maximum: int = 2**256 - 1) -> int:
    """Read the parameter `name` from the hex quantity `value`, at most `maximum`.

    Raises: RpcError -32602.
    """
    if not isinstance(value, str) or not _QUANTITY.match(value):
        raise invalid_params(f"{name}: expected a hex quantity without leading zeros, got {_shown(value)}")
    number = int(value, 16)
    if number > maximum:
        raise invalid_params(f"{name}: expected at most {hex(maximum)}, got {value}")
    return number


def parse_number(value: Json, name: str, maximum: int) -> int:
    """Read the parameter `name` of a development method from a hex quantity or a plain JSON integer `value`.

    Raises: RpcError -32602.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= maximum:
            raise invalid_params(f"{name}: expected 0 to {maximum}, got {value}")
        return value
    return parse_quantity(value, name, maximum)


def parse_data(value: Json, name: str, maximum_bytes: int = MAX_DATA_BYTES) -> bytes:
    """Read the parameter `name` from the hex data `value`, at most `maximum_bytes` long.

    Raises: RpcError -32602.
    """
    if isinstance(value, str) and len(value) > 2 + 2 * maximum_bytes:
        raise invalid_params(f"{name}: expected at most {maximum_bytes} bytes, got {(len(value) - 2) // 2}")
    if not isinstance(value, str) or not _DATA.match(value):
        raise invalid_params(f"{name}: expected 0x and an even number of hex digits, got {_shown(value)}")
    return bytes.fromhex(value[2:])


def parse_fixed(value: Json, name: str, size: int) -> bytes:
    """Read the parameter `name` of exactly `size` bytes from the hex data `value`.

    Raises: RpcError -32602.
    """
    data = parse_data(value, name)
    if len(data) != size:
        raise invalid_params(f"{name}: expected {size} bytes, got {len(data)}")
    return data


def parse_address(value: Json, name: str = "address") -> bytes:
    """Read the 20-byte address `name` from `value`; the case of the digits is ignored.

    Raises: RpcError -32602.
    """
    return parse_fixed(value, name, 20)


def parse_hash(value: Json, name: str = "hash") -> bytes:
    """Read the 32-byte hash `name` from `value`.

    Raises: RpcError -32602.
    """
    return parse_fixed(value, name, 32)


def parse_slot(value: Json, name: str = "storage slot") -> int:
    """Read a storage slot from `value`: hex digits with or without leading zeros, at most 32 bytes.

    Raises: RpcError -32602.
    """
    if not isinstance(value, str) or not re.match(r"0x[0-9a-fA-F]{1,64}\Z", value):
        raise invalid_params(f"{name}: expected 0x and 1 to 64 hex digits, got {_shown(value)}")
    return int(value, 16)


def parse_object(value: Json, name: str, allowed: frozenset[str]) -> dict[str, Json]:
    """Read the object `name` from `value`, whose keys must all be in `allowed`; keys that are null are left out.

    Raises: RpcError -32602.
    """
    if not isinstance(value, dict):
        raise invalid_params(f"{name}: expected an object, got {_shown(value)}")
    unknown = sorted(set(value) - allowed)
    if unknown:
        raise invalid_params(f"{name}: unknown field {unknown[0]!r}, expected some of {', '.join(sorted(allowed))}")
    return {key: item for key, item in value.items() if item is not None}


def parse_flag(value: Json, name: str) -> bool:
    """Read the boolean parameter `name` from `value`.

    Raises: RpcError -32602.
    """
    if not isinstance(value, bool):
        raise invalid_params(f"{name}: expected true or false, got {_shown(value)}")
    return value


def error_object(error: RpcError) -> dict[str, Json]:
    """Write `error` as the error member of a JSON-RPC 2.0 response."""
    shown: dict[str, Json] = {"code": error.code, "message": error.message}
    if error.data is not None:
        shown["data"] = error.data
    return shown


def _shown(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."

"""The method table: which JSON-RPC methods exist, and how their parameters become calls of the node.

- A method is a public function `namespace_name` of one of the classes in `_GROUPS`; nothing else can be called.
- Parameters are positional. Too many or too few are refused, and a trailing null is the same as leaving it out.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from eth.abc import BlockHeaderAPI, StateAPI
from eth_typing import Address
from eth_utils.crypto import keccak

from hardhat_free_devnet import fees
from hardhat_free_devnet.calls import call_output, estimate_gas, parse_call, try_call
from hardhat_free_devnet.encoding import (
    Json,
    format_data,
    format_quantity,
    format_word,
    parse_address,
    parse_data,
    parse_number,
    parse_slot,
)
from hardhat_free_devnet.errors import INTERNAL_ERROR, METHOD_NOT_FOUND, RpcError, invalid_params
from hardhat_free_devnet.node import DevNode
from hardhat_free_devnet.proof import proof_json
from hardhat_free_devnet.selectors import select_header

_LOGGER = logging.getLogger(__name__)


def package_version() -> str:
    """Return the version of the distribution that this package came with."""
    try:
        return version("tallystick")
    except PackageNotFoundError:
        return "0+unknown"


class Rpc:
    """Calls the methods of `node` by their JSON-RPC names."""

    def __init__(self, node: DevNode) -> None:
        from hardhat_free_devnet.rpc_blocks import BlockMethods
        from hardhat_free_devnet.rpc_write import WriteMethods

        self._methods: dict[str, tuple[Callable[..., Json], int, int]] = {}
        for group in (StateMethods(node), BlockMethods(node), WriteMethods(node)):
            for name, function in inspect.getmembers(group, inspect.ismethod):
                if "_" in name.strip("_") and not name.startswith("_"):
                    self._methods[name] = (function, *_arity(function))

    def call(self, method: str, params: list[Json]) -> Json:
        """Answer `method` with the positional `params`.

        Raises: RpcError; a failure inside the node becomes error -32603 and is logged with its traceback.
        """
        known = self._methods.get(method)
        if known is None:
            raise RpcError(METHOD_NOT_FOUND, f"the method {method[:80]} does not exist/is not available")
        function, least, most = known
        given = list(params)
        while len(given) > least and given[-1] is None:
            given.pop()
        if not least <= len(given) <= most:
            expected = str(least) if least == most else f"{least} to {most}"
            raise invalid_params(f"{method}: expected {expected} parameters, got {len(given)}")
        try:
            return function(*given)
        except RpcError:
            raise
        except Exception as error:
            _LOGGER.exception("%s failed", method)
            raise RpcError(INTERNAL_ERROR, f"internal error in {method}: {type(error).__name__}: {error}") from error


def _arity(function: Callable[..., Json]) -> tuple[int, int]:
    parameters = inspect.signature(function).parameters.values()
    return sum(each.default is inspect.Parameter.empty for each in parameters), len(parameters)


class StateMethods:
    """Methods about the node itself, fees, and account state."""

    def __init__(self, node: DevNode) -> None:
        self._node = node
        self._client_version = f"hardhat-free-devnet/{package_version()}"

    def web3_clientVersion(self) -> Json:
        return self._client_version

    def web3_sha3(self, data: Json) -> Json:
        return format_data(keccak(parse_data(data, "data")))

    def net_version(self) -> Json:
        return str(self._node.settings.chain_id)

    def net_listening(self) -> Json:
        return True

    def net_peerCount(self) -> Json:
        return "0x0"

    def eth_chainId(self) -> Json:
        return format_quantity(self._node.settings.chain_id)

    def eth_syncing(self) -> Json:
        return False

    def eth_accounts(self) -> Json:
        """No addresses: the node signs nothing."""
        return []

    def eth_blockNumber(self) -> Json:
        return format_quantity(self._node.head.block_number)

    def eth_gasPrice(self) -> Json:
        return format_quantity(fees.suggested_gas_price(self._node))

    def eth_maxPriorityFeePerGas(self) -> Json:
        return format_quantity(fees.SUGGESTED_PRIORITY_FEE_WEI)

    def eth_blobBaseFee(self) -> Json:
        return format_quantity(fees.BLOB_BASE_FEE_WEI)

    def eth_feeHistory(self, count: Json, newest: Json, percentiles: Json = None) -> Json:
        blocks_wanted = parse_number(count, "blockCount", 2**32)
        header = select_header(self._node, newest)
        return fees.fee_history_json(self._node, blocks_wanted, header, fees.parse_percentiles(percentiles))

    def eth_getBalance(self, address: Json, block: Json = None) -> Json:
        return format_quantity(self._state(block).get_balance(Address(parse_address(address))))

    def eth_getTransactionCount(self, address: Json, block: Json = None) -> Json:
        """The nonce; `pending` counts the waiting transactions that follow it without a gap."""
        sender = parse_address(address)
        nonce = self._state(block).get_nonce(Address(sender))
        return format_quantity(self._node.mempool.pending_nonce(sender, nonce) if block == "pending" else nonce)

    def eth_getCode(self, address: Json, block: Json = None) -> Json:
        return format_data(self._state(block).get_code(Address(parse_address(address))))

    def eth_getStorageAt(self, address: Json, slot: Json, block: Json = None) -> Json:
        return format_word(self._state(block).get_storage(Address(parse_address(address)), parse_slot(slot)))

    def eth_getProof(self, address: Json, slots: Json, block: Json = None) -> Json:
        header = select_header(self._node, block)
        return proof_json(self._node.evm.nodes, header, parse_address(address), slots)

    def eth_call(self, call: Json, block: Json = None) -> Json:
        """Try a call in the block meant; in the next one for `pending`."""
        parsed, header = parse_call(call), self._execution_header(block)
        gas = header.gas_limit if parsed.gas is None else min(parsed.gas, header.gas_limit)
        return format_data(call_output(try_call(self._node.evm, header, parsed, gas)))

    def eth_estimateGas(self, call: Json, block: Json = None) -> Json:
        """Estimate in the next block unless a block is named: that is where the transaction would go."""
        header = self._execution_header("pending" if block is None else block)
        return format_quantity(estimate_gas(self._node.evm, header, parse_call(call)))

    def _state(self, block: Json) -> StateAPI:
        header = select_header(self._node, block)
        return self._node.head_state if header is self._node.head else self._node.evm.state(header)

    def _execution_header(self, block: Json) -> BlockHeaderAPI:
        if block != "pending":
            return select_header(self._node, block)
        return self._node.evm.next_header(self._node.head, self._node.next_timestamp())

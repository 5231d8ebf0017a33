"""Parts that the devnet tests share: signers named by role, a small contract, and ways to send to it.

- The contract `Notebook` is assembled by hand, so that no compiler is needed. Called with 32 bytes it stores the word
  and emits `Noted(address indexed author, uint256 word)`; with nothing it returns the word; with anything else it
  reverts with its calldata.
"""

from __future__ import annotations

from typing import Any

from eth_account import Account
from eth_utils.crypto import keccak

from hardhat_free_devnet import DevnetConfig, DevNode, role_account

ETHER = 10**18
GWEI = 10**9
CHAIN_ID = 4_242
GENESIS_TIMESTAMP = 1_700_000_000
SUPPLIER, BUYER, LENDER, OPERATOR = (role_account(role) for role in ("supplier", "buyer", "lender", "operator"))
FUNDED = {account.address: 1_000 * ETHER for account in (SUPPLIER, BUYER, LENDER, OPERATOR)}

NOTED_TOPIC = keccak(text="Noted(address,uint256)")
_RUNTIME = bytes.fromhex(
    "36602014601657"  # CALLDATASIZE == 32 -> 0x16 (store)
    "36604957"  # CALLDATASIZE != 0 -> 0x49 (revert)
    "60005460005260206000f3"  # return storage[0]
    "5b60003580600055600052"  # 0x16: storage[0] = memory[0] = calldata[0]
    f"337f{NOTED_TOPIC.hex()}60206000a200"  # log2(memory[0:32], NOTED, caller)
    "5b366000600037366000fd"  # 0x49: revert(calldata)
)
NOTEBOOK = bytes.fromhex(f"60{len(_RUNTIME):02x}80600b6000396000f3") + _RUNTIME


def open_node(**choices: Any) -> DevNode:
    """Open a chain in memory with the funded roles, a fixed id and a fixed genesis, changed by `choices`."""
    return DevNode.open(None, make_config(**choices))


def make_config(**choices: Any) -> DevnetConfig:
    """Return the settings of `open_node`."""
    defaults = {"chain_id": CHAIN_ID, "genesis_timestamp": GENESIS_TIMESTAMP, "funded": FUNDED}
    return DevnetConfig(**{**defaults, **choices})


def sign(account: Any, nonce: int, **fields: Any) -> str:
    """Sign a transaction of `account` (an EIP-1559 transfer of 1 wei to the buyer unless `fields` say otherwise)."""
    transaction: dict[str, Any] = {
        "type": 2,
        "chainId": CHAIN_ID,
        "nonce": nonce,
        "to": BUYER.address,
        "value": 1,
        "gas": 21_000,
        "maxFeePerGas": 4 * GWEI,
        "maxPriorityFeePerGas": GWEI,
    }
    transaction.update(fields)
    if isinstance(transaction["to"], str):
        transaction["to"] = bytes.fromhex(transaction["to"][2:])
    if "gasPrice" in transaction:
        for name in ("maxFeePerGas", "maxPriorityFeePerGas"):
            del transaction[name]
    return (
        "0x"
        + Account.sign_transaction(
            {name: value for name, value in transaction.items() if value is not None}, account.private_key
        ).raw_transaction.hex()
    )


def send(node: DevNode, account: Any, **fields: Any) -> str:
    """Sign with the next pending nonce of `account`, send, and return the hash."""
    nonce = int(node.request("eth_getTransactionCount", [address_of(account), "pending"]), 16)
    return node.request("eth_sendRawTransaction", [sign(account, nonce, **fields)])


def deploy(node: DevNode, account: Any = OPERATOR) -> str:
    """Deploy a Notebook and return its address."""
    sent = send(node, account, to=None, value=0, gas=200_000, data=NOTEBOOK)
    return node.request("eth_getTransactionReceipt", [sent])["contractAddress"]


def note(node: DevNode, account: Any, notebook: str, word: int) -> str:
    """Write `word` into `notebook` and return the transaction's hash."""
    return send(node, account, to=notebook, value=0, gas=100_000, data=word.to_bytes(32, "big"))


def address_of(account: Any) -> str:
    """Return the address of `account` as JSON-RPC spells it."""
    return "0x" + account.address.hex()


def head_number(node: DevNode) -> int:
    """Return the number of the newest block."""
    return int(node.request("eth_blockNumber", []), 16)


def block(node: DevNode, selector: Any = "latest") -> Any:
    """Return the block that `selector` means."""
    return node.request("eth_getBlockByNumber", [selector, False])

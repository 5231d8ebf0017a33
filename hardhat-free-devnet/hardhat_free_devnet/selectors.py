"""Which block a request means: a number, a tag, or an EIP-1898 object.

- `latest`, `earliest`; `finalized` and `safe` are the same block, `finality_depth` behind the head.
- There is no pending block: `pending` means `latest` here; the methods that differ say so.
- An unknown block is None for those who ask for the block, and an error for those who ask for state.
"""

from __future__ import annotations

from eth.abc import BlockHeaderAPI

from hardhat_free_devnet import blocks
from hardhat_free_devnet.blocks import BlockRow
from hardhat_free_devnet.encoding import Json, parse_flag, parse_hash, parse_object, parse_quantity
from hardhat_free_devnet.errors import invalid_params, refused
from hardhat_free_devnet.node import DevNode

TAGS = ("latest", "pending", "safe", "finalized", "earliest")
_OBJECT_FIELDS = frozenset({"blockNumber", "blockHash", "requireCanonical"})


def select_number(node: DevNode, selector: Json) -> int:
    """Read the block number or tag `selector` (None: latest); the number may be beyond the head.

    Raises: RpcError -32602.
    """
    if selector is None or selector in ("latest", "pending"):
        return int(node.head.block_number)
    if selector in ("safe", "finalized"):
        return node.finalized_number
    if selector == "earliest":
        return 0
    if isinstance(selector, str) and not selector.startswith("0x"):
        raise invalid_params(f"block: expected a hex quantity or one of {', '.join(TAGS)}, got {selector[:40]!r}")
    return parse_quantity(selector, "block", 2**63 - 1)


def select_row(node: DevNode, selector: Json) -> BlockRow | None:
    """Return the block that `selector` (number, tag or EIP-1898 object) means, or None when there is none.

    Raises: RpcError -32602.
    """
    connection = node.database.connection
    if isinstance(selector, dict):
        chosen = parse_object(selector, "block", _OBJECT_FIELDS)
        if ("blockHash" in chosen) == ("blockNumber" in chosen):
            raise invalid_params("block: expected exactly one of blockHash and blockNumber")
        if "requireCanonical" in chosen:
            # Abandoned blocks are forgotten, so that every block found is canonical.
            parse_flag(chosen["requireCanonical"], "requireCanonical")
        if "blockHash" in chosen:
            return blocks.block_by_hash(connection, parse_hash(chosen["blockHash"], "blockHash"))
        selector = chosen["blockNumber"]
    return blocks.block_by_number(connection, select_number(node, selector))


def select_header(node: DevNode, selector: Json) -> BlockHeaderAPI:
    """Return the header of the block that `selector` means, to read its state.

    Raises: RpcError -32602 for a malformed selector, -32000 for an unknown block.
    """
    row = select_row(node, selector)
    if row is None:
        raise refused(f"header not found: no such block, the head is {hex(node.head.block_number)}")
    return node.head if row.number == node.head.block_number else node.evm.header(row.hash)

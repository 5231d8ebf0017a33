"""hardhat-free-devnet: a JSON-RPC development chain in Python, with no Node and no Hardhat.

Example:

    node = DevNode.open(Path("chain.db"), DevnetConfig(funded={address: 10**18}))
    node.request("eth_blockNumber", [])   # "0x0"
    serve(node)                           # JSON-RPC on http://127.0.0.1:8545
"""

import os

# The fastest Keccak that is installed; must be set before the first import of an eth module.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

from hardhat_free_devnet.accounts import RoleAccount, role_account, role_accounts
from hardhat_free_devnet.config import DEFAULT_CHAIN_ID, DevnetConfig
from hardhat_free_devnet.errors import DevnetError, RpcError
from hardhat_free_devnet.node import DevNode
from hardhat_free_devnet.rpc import Rpc
from hardhat_free_devnet.server import serve, serve_in_background

__all__ = [
    "DEFAULT_CHAIN_ID",
    "DevNode",
    "DevnetConfig",
    "DevnetError",
    "RoleAccount",
    "Rpc",
    "RpcError",
    "role_account",
    "role_accounts",
    "serve",
    "serve_in_background",
]

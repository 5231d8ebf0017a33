"""Run a stand-alone development chain: `python -m hardhat_free_devnet --data chain.db`.

- It funds the public role accounts, prints them with a warning, and serves JSON-RPC on loopback.
- Exit codes: 0 stopped, 1 could not run, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from hardhat_free_devnet.accounts import ROLE_BALANCE_WEI, WARNING, role_accounts
from hardhat_free_devnet.config import DEFAULT_CHAIN_ID, DevnetConfig
from hardhat_free_devnet.encoding import format_address, format_data
from hardhat_free_devnet.errors import DevnetError
from hardhat_free_devnet.node import DevNode
from hardhat_free_devnet.server import serve


def main(arguments: list[str] | None = None) -> int:
    """Run the program with the command line `arguments` and return its exit code."""
    options = _parser().parse_args(arguments)
    # The server hands the signal on once it has finished its answers; the chain file is then closed in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with DevNode.open(options.data, _config(options)) as node:

            def announce(url: str) -> None:
                _print_banner(node, url)

            serve(node, options.host, options.port, allow_remote=options.allow_remote, ready=announce)
    except DevnetError as error:
        print(f"hardhat-free-devnet: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _config(options: argparse.Namespace) -> DevnetConfig:
    accounts = role_accounts()
    # A chain that exists keeps the balances it was made with.
    resumes = options.data is not None and options.data.exists()
    return DevnetConfig(
        chain_id=options.chain_id,
        genesis_timestamp=options.genesis_timestamp,
        funded=None if resumes else {account.address: ROLE_BALANCE_WEI for account in accounts},
        finality_depth=options.finality_depth,
        auto_seal=options.seal_interval is None,
        seal_interval_seconds=options.seal_interval,
        role_accounts=accounts,
    )


def _print_banner(node: DevNode, url: str) -> None:
    print(f"hardhat-free-devnet: chain id {node.settings.chain_id}, head {node.head.block_number}, listening on {url}")
    print(f"data: {node.database.path or 'in memory, gone when this program ends'}\n")
    for account in node.role_accounts:
        print(f"{account.role:<10} {format_address(account.address)}  {format_data(account.private_key)}")
    print(f"\nWARNING: {WARNING}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hardhat-free-devnet", description="A JSON-RPC development chain in Python: no Node, no Hardhat."
    )
    parser.add_argument("--data", type=Path, metavar="FILE", help="keep the chain in FILE (default: in memory)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8545, help="port to listen on, 0 for any (default: %(default)s)")
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="let --host be reachable from other machines: they control the chain",
    )
    parser.add_argument(
        "--chain-id", type=int, metavar="N", help=f"chain id of a new chain (default: {DEFAULT_CHAIN_ID})"
    )
    parser.add_argument(
        "--finality-depth",
        type=int,
        default=0,
        metavar="N",
        help="blocks from head to finalized (default: %(default)s)",
    )
    parser.add_argument(
        "--seal-interval", type=float, metavar="SECONDS", help="seal regularly instead of a block per transaction"
    )
    parser.add_argument(
        "--genesis-timestamp", type=int, metavar="UNIX", help="time of a new chain's first block and of its clock"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

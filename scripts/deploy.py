"""Deploy the contracts on any EVM chain, so that an interruption at any moment costs nothing.

The address file named by ``--out`` holds the plan before the first transaction, and is complete after the last one.
The same command again goes on where it stopped; once complete, it only checks. Exit codes: 0 done, 1 refused or
failed, 2 wrong usage. Example::

    python scripts/deploy.py --rpc https://node.example --key-file deployer.key --registrar 0x... \\
        --operator 0x... --operator 0x... --out deployment.json
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tallystick.chain.address_file import AddressFile
from tallystick.chain.resumable import Order, finish, plan_for
from tallystick.chain.rpc import open_http
from tallystick.errors import TallystickError, UsageError
from tallystick.keys.secret_file import read_secret
from tallystick.protocol import signing
from tallystick.protocol.types import parse_address, to_hex


def main() -> int:
    """Deploy as the command line says; returns the exit code."""
    options = _parser().parse_args()
    try:
        _deploy(options)
    except TallystickError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.todo:
            print(f"what to do: {error.todo}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        print("stopped: run the same command again to go on", file=sys.stderr)
        return 130
    return 0


def _deploy(options: argparse.Namespace) -> None:
    key = read_secret(options.key_file, "--key-file", prefix="0x")
    order = Order(
        deployer=signing.private_key_address(key),
        registrar=parse_address(options.registrar, "--registrar"),
        operators=tuple(parse_address(operator, "--operator") for operator in options.operator),
        chain_id=options.chain_id,
    )
    provider = open_http(options.rpc)
    planned = plan_for(provider, order, options.out)
    _show(planned)
    if options.dry_run:
        print("dry run: nothing was sent or written")
        return
    done = finish(provider, planned, options.out, lambda digest: signing.sign(digest, key), _step)
    state = "checked, complete already" if planned.is_complete else "complete"
    print(f"{state} since block {done.block_number}: {options.out}")


def _show(file: AddressFile) -> None:
    plan = file.plan
    print(f"chain               {plan.chain_id}, genesis {to_hex(plan.genesis_hash)}")
    print(f"deployer            {to_hex(plan.deployer)}, nonces {plan.first_nonce} to {plan.first_nonce + 2}")
    print(f"registrar           {to_hex(plan.registrar)}")
    for operator in plan.operators:
        print(f"operator            {to_hex(operator)}")
    for name, address in plan.addresses.items():
        print(f"{name:<19} {to_hex(address)}", flush=True)


def _step(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Deploy the contracts; the same command again goes on.")
    parser.add_argument("--rpc", required=True, metavar="URL", help="JSON-RPC over HTTP of a node of the chain")
    parser.add_argument(
        "--key-file", required=True, type=Path, metavar="FILE", help="private key of the deployer: 0x and 64 hex digits"
    )
    parser.add_argument("--registrar", required=True, metavar="ADDRESS", help="account that gets both roles")
    parser.add_argument(
        "--operator", required=True, action="append", metavar="ADDRESS", help="account that may seal; repeat for more"
    )
    parser.add_argument("--chain-id", type=int, metavar="N", help="refuse any other chain")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="the address file")
    parser.add_argument("--dry-run", action="store_true", help="print the plan; send and write nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())

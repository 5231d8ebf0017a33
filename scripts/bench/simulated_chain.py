"""How long a scripted run takes on the simulated chain: 200 blocks, 20 seals of 10 subjects, through the real adapter.

One run does what an installation does: each seal is tried, priced, signed and sent, its inclusion asked for, and after
every second block the new final blocks are read; in between three reorganisations of up to 6 blocks. CPU time, which
neighbours on the machine change less than the clock.

    python scripts/bench/simulated_chain.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from simulation.chain import SimulatedChain  # noqa: E402
from simulation.faults import Faults, storm  # noqa: E402
from simulation.node import SimulatedNode  # noqa: E402
from simulation.troubled import Troubled  # noqa: E402
from tallystick.chain.ledger import EvmChain  # noqa: E402
from tallystick.chain.records import Append, SignedTransaction  # noqa: E402
from tallystick.errors import ChainError  # noqa: E402
from tallystick.protocol import signing  # noqa: E402
from tallystick.protocol.hashing import keccak256  # noqa: E402
from tallystick.protocol.types import Hash, PartyId  # noqa: E402

BLOCKS, SEALS, SUBJECTS = 200, 20, 10
RUNS = 30
OPERATOR_KEY = keccak256(b"tallystick/bench/operator")
OPERATOR = signing.private_key_address(OPERATOR_KEY)


def run(seed: int, rate: float) -> tuple[int, int]:
    """One run in which each kind of trouble has ``rate``; returns how many batches were read, and the requests."""
    chain = SimulatedChain(OPERATOR, [OPERATOR], seed=seed, finality_depth=8)
    provider = Troubled(SimulatedNode(chain), Faults(seed, storm(rate)))
    ledger = EvmChain(provider, chain.deployment)
    read, cursor, sent = 0, 0, None
    for number in range(BLOCKS):
        if number % (BLOCKS // SEALS) == 0:
            sent = _seal(ledger, seed, number)
        elif sent is not None and number % 2 == 0:
            _ask(ledger, sent)
        chain.mine()
        if number in (50, 100, 150):
            chain.reorg(min(6, chain.unfinal_count))
        if number % 2 == 0 or number == BLOCKS - 1:
            try:
                final = ledger.final_block().number
                if final > cursor:
                    ledger.signer_changes(cursor + 1, final)
                    read += len(ledger.sealed_batches(cursor + 1, final))
                    cursor = final
            except ChainError:
                continue
    return read, provider.faults.requests


def _sign(digest: bytes) -> bytes:
    return signing.sign(digest, OPERATOR_KEY)


def _seal(ledger: EvmChain, seed: int, number: int) -> SignedTransaction | None:
    subjects = sorted(keccak256(b"%d %d" % (seed, (number + place) % 40)) for place in range(SUBJECTS))
    appends = [Append(PartyId(subject), Hash(keccak256(subject)), 3) for subject in subjects]
    try:
        account, fees = ledger.account(OPERATOR), ledger.suggest_fees()
        signed = ledger.sign_seal(OPERATOR, _sign, account.next_batch, appends, account.nonce, fees)
        ledger.send(signed.raw)
    except ChainError:
        return None
    return signed


def _ask(ledger: EvmChain, sent: SignedTransaction) -> None:
    try:
        ledger.inclusion(sent.hash)
    except ChainError:
        return


def main() -> None:
    """Print milliseconds of CPU a run, calm and in trouble."""
    run(0, 0.0)  # artifacts are read once
    for rate in (0.0, 0.02):
        took, read, requests = [], 0, 0
        for seed in range(RUNS):
            started = time.process_time()
            batches, asked = run(seed, rate)
            took.append(1_000 * (time.process_time() - started))
            read, requests = read + batches, requests + asked
        print(
            f"trouble {rate:4.0%} a kind: median {median(took):5.1f} ms CPU a run, at most {max(took):5.1f}; "
            f"{requests / RUNS:.0f} requests, {read / RUNS:.1f} of {SEALS} batches read"
        )


if __name__ == "__main__":
    main()

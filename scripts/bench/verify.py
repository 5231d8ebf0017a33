"""How fast a bundle verifies on one core, beside how fast coincurve alone recovers public keys.

Builds a history of N entries of realistic content (an invoice has seven fields), verifies it with the real credit
report, and recovers as many bare signatures in between, so that both are measured under the same load. Example::

    python scripts/bench/verify.py --entries 5000 --rounds 5
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import coincurve

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "backend"), str(ROOT / "tests")]

from protocol.contents import FIELDS  # noqa: E402
from protocol.world import CODE_HASHES, DAY, Signed, World, actor  # noqa: E402
from tallystick.credit import report  # noqa: E402
from tallystick.protocol.bundle import format_bundle  # noqa: E402
from tallystick.protocol.evidence import Kind  # noqa: E402
from tallystick.protocol.verdict import Outcome, Trust  # noqa: E402
from tallystick.protocol.verify import verify  # noqa: E402

BATCH_ENTRIES = 100


def derive(party, entries, as_of, withheld):  # type: ignore[no-untyped-def]
    """The real credit report."""
    return report.to_json(report.derive(party, entries, as_of, withheld=withheld))


def history(world: World, count: int) -> Iterator[Signed]:
    """``count`` entries of a supplier: invoices to ten buyers, each acknowledged and paid."""
    supplier = world.join("supplier")
    buyers = [world.join(f"buyer{i}") for i in range(10)]
    contracts = [world.contract(supplier, buyer, deal=buyer.name) for buyer in buyers]
    yield from contracts
    for number in range((count - len(contracts) + 2) // 3):
        buyer, contract = buyers[number % 10], contracts[number % 10]
        fields = {**FIELDS[Kind.INVOICE], "invoiceNumber": f"I-{number}", "payableAmount": f"{number + 100}.00"}
        invoice = world.evidence(supplier, buyer, Kind.INVOICE, fields, parent=contract)
        yield invoice
        yield world.evidence(buyer, supplier, Kind.ACKNOWLEDGEMENT, {"note": "received"}, parent=invoice)
        allocation = {"invoice": "0x" + invoice.evidence_id.hex(), "amount": fields["payableAmount"]}
        payment = {**FIELDS[Kind.PAYMENT], "amount": fields["payableAmount"], "allocations": [allocation]}
        yield world.evidence(buyer, supplier, Kind.PAYMENT, payment, parent=invoice)


def seconds(call: Callable[[], object]) -> float:
    """CPU seconds of this process that ``call`` takes."""
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    """Build, verify, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=5_000, help="entries of the history")
    parser.add_argument("--rounds", type=int, default=3, help="how often to verify; the best round is reported")
    parser.add_argument("--profile", action="store_true", help="show where the time goes instead")
    options = parser.parse_args()

    world, operator = World(), actor("operator")
    signed: list[Signed] = []
    for batch in batched_entries(history(world, options.entries)):
        world.seal(operator, batch)
        signed += batch
        print(f"\rsealed {len(signed):,} entries", end="", file=sys.stderr)
    print(file=sys.stderr)
    world.now += 30 * DAY
    bundle = world.bundle(actor("supplier").party, bindings=[world.binding(actor("supplier"))], derive=derive)
    data = format_bundle(bundle)
    signatures = [
        (item.evidence_id, item.signatures[at : at + 64] + bytes([item.signatures[at + 64] - 27]))
        for item in signed
        for at in range(0, len(item.signatures), 65)
    ]

    def check() -> None:
        verdict = verify(data, Trust(CODE_HASHES, bundle.as_of.hash), derive=derive)
        assert verdict.outcome is Outcome.VALID, verdict.message

    def recover() -> None:
        for digest, signature in signatures:
            coincurve.PublicKey.from_signature_and_message(signature, digest, hasher=None)

    if options.profile:
        profile = cProfile.Profile()
        profile.runcall(check)
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)
        return
    rounds = [(seconds(check), seconds(recover)) for _ in range(options.rounds)]
    checking, recovering = min(a for a, _ in rounds), min(b for _, b in rounds)
    print(f"bundle: {len(signed):,} entries, {len(signatures):,} signatures, {len(data) / 1e6:.1f} MB")
    print(f"verification: {len(signed) / checking:,.0f} entries/s a core ({checking:.2f} s)")
    print(f"bare coincurve recovery: {len(signatures) / recovering:,.0f} signatures/s ({recovering:.2f} s)")
    print(
        f"signature checks are {recovering / checking:.0%} of the time; "
        f"verification runs at {recovering / checking:.2f} of bare recovery"
    )


def batched_entries(entries: Iterator[Signed]) -> Iterator[list[Signed]]:
    """``entries`` in lists of a batch each."""
    batch: list[Signed] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == BATCH_ENTRIES:
            yield batch
            batch = []
    if batch:
        yield batch


if __name__ == "__main__":
    main()

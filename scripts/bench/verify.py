"""How fast a bundle verifies, beside how fast coincurve alone recovers public keys on one core.

Builds a history of N entries of realistic content (an invoice has seven fields), verifies it with the real credit
report, and recovers as many bare signatures in between, so that both are measured under the same load: on one core by
CPU time, with a process for each core by the clock. Memory is that of a process which verifies N entries from a
streamed file, and does nothing else; the file is written as it is made, so that N may be a million.
Example::

    python scripts/bench/verify.py --entries 5000 --rounds 5
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import os
import pstats
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import coincurve

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "backend"), str(ROOT / "tests")]

from protocol.contents import FIELDS  # noqa: E402
from protocol.world import CODE_HASHES, DAY, Signed, World, actor, show, unpack  # noqa: E402
from tallystick.credit import report  # noqa: E402
from tallystick.limits import Limits  # noqa: E402
from tallystick.protocol.bundle import BundleAppend, Frame  # noqa: E402
from tallystick.protocol.bundle_stream import format_bundle, write_bundle  # noqa: E402
from tallystick.protocol.evidence import Kind  # noqa: E402
from tallystick.protocol.log import LogAppend, subject_root  # noqa: E402
from tallystick.protocol.standing import Judge  # noqa: E402
from tallystick.protocol.types import Address, Hash, PartyId, SignerWindow, Timestamp  # noqa: E402
from tallystick.protocol.verdict import Outcome, Trust  # noqa: E402
from tallystick.protocol.verify import verify  # noqa: E402
from tallystick.protocol.verify_log import pairs  # noqa: E402
from tallystick.service.bundle_file import chunks_of, write_pieces  # noqa: E402
from tallystick.service.check import check_stream  # noqa: E402
from tallystick.service.recovery import recovering  # noqa: E402
from tallystick.service.spool import Spool  # noqa: E402

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
        paid = {"valueDate": "2023-12-10", "amount": fields["payableAmount"], "allocations": [allocation]}
        yield world.evidence(supplier, buyer, Kind.PAYMENT, {**FIELDS[Kind.PAYMENT], **paid}, parent=invoice)


def seconds(call: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """What ``call`` takes by ``clock``: CPU seconds of this process unless told otherwise."""
    start = clock()
    call()
    return clock() - start


def build(count: int) -> tuple[bytes, Hash, list[Signed]]:
    """A bundle of ``count`` entries, the hash of its block, and what is in it."""
    world, operator = World(), actor("operator")
    signed: list[Signed] = []
    for batch in batched_entries(history(world, count)):
        world.seal(operator, batch)
        signed += batch
        print(f"\rsealed {len(signed):,} entries", end="", file=sys.stderr)
    print(file=sys.stderr)
    world.now += 30 * DAY
    bundle = world.bundle(actor("supplier").party, bindings=[world.binding(actor("supplier"))], derive=derive)
    return format_bundle(bundle), bundle.as_of.hash, signed


def check(data: bytes, block_hash: Hash, jobs: int = 1) -> None:
    """Verify as the command line does."""
    with recovering(jobs) as recover_all:
        verdict = verify(data, Trust(CODE_HASHES, block_hash), derive=derive, recover_all=recover_all)
    assert verdict.outcome is Outcome.VALID, verdict.message


def measure_stream(file: str, block_hash: Hash) -> tuple[int, float]:
    """Peak memory of this process, which verifies ``file`` and nothing else, and the CPU seconds it takes."""
    gc.disable()
    start = time.process_time()
    with Path(file).open("rb") as source:
        chunks = chunks_of(source, Limits().bundle_file_bytes)
        verdict = check_stream(chunks, code_hashes=CODE_HASHES, block_hash=block_hash)
    assert verdict.outcome is Outcome.VALID, verdict.message
    taken = time.process_time() - start
    status = Path("/proc/self/status").read_text()  # ru_maxrss counts what the parent held when it started this one
    return int(status.split("VmHWM:")[1].split()[0]) // 1024, taken


def write_file(count: int, path: Path) -> tuple[Hash, list[tuple[bytes, bytes]]]:
    """Write the bundle of ``count`` entries to ``path``, a batch at a time; its block's hash, and its signatures."""
    world, operator, supplier = World(), actor("operator"), actor("supplier")
    signatures: list[tuple[bytes, bytes]] = []
    windows: dict[tuple[PartyId, Address], SignerWindow] = {}
    frames: list[Frame] = []
    with Spool(supplier.party) as spool:
        judge = Judge(supplier.party, lambda *pair: world.windows.get(pair), spool.standing)

        def appends() -> Iterator[BundleAppend]:
            for number, batch in enumerate(batched_entries(history(world, count))):
                root = subject_root(supplier.party, [(item.evidence_id, item.signatures) for item in batch])
                append = LogAppend(operator.address, number, len(batch), root, Timestamp(world.now))
                world.now += 60
                world.logs[supplier.party].append((append, []))
                shown = [show(item) for item in batch]
                sealed = [unpack(entry) for entry in shown]
                spool.expect(sealed)
                spool.add(judge.add(append, sealed))
                windows.update((pair, world.windows[pair]) for pair in pairs(sealed))
                signatures.extend(signatures_of(batch))
                print(f"\rsealed {len(signatures):,} signatures", end="", file=sys.stderr)
                yield BundleAppend(append, tuple(shown))

        def frame() -> Frame:
            world.now += 30 * DAY
            bindings = (world.binding(supplier),)
            proof, block = world.prove(supplier.party, sorted(windows), bindings)
            frames.append(
                Frame(
                    chain_id=world.chain_id,
                    registry=world.registry,
                    ledger=world.ledger,
                    subject=supplier.party,
                    as_of=block,
                    proof=proof,
                    windows=dict(sorted(windows.items())),
                    bindings=bindings,
                    report=spool.report_as_of(block, 0),
                )
            )
            return frames[0]

        write_pieces(path, write_bundle(frame, appends()))
    print(file=sys.stderr)
    return frames[0].as_of.hash, signatures


def measure_memory(count: int) -> None:
    """Print peak memory and speed for ``count`` entries, in a new process, beside bare recovery in a third one."""
    with tempfile.TemporaryDirectory() as folder, get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        path = Path(folder) / "bench.tally.json"
        block_hash, signatures = pool.apply(write_file, (count, path))
        peak, taken = pool.apply(measure_stream, (str(path), block_hash))
        some = signatures[:: max(1, len(signatures) // 100_000)]
        bare = seconds(partial(recover, some)) * len(signatures) / len(some)
        print(
            f"{len(signatures):,} signatures in {path.stat().st_size / 1e6:.0f} MB: {peak} MB at the peak, "
            f"{taken:.1f} CPU s, {taken / bare:.2f} times bare recovery",
            flush=True,
        )


def signatures_of(signed: list[Signed]) -> list[tuple[bytes, bytes]]:
    """What was signed and each signature of it, as coincurve takes them."""
    return [
        (item.evidence_id, item.signatures[at : at + 64] + bytes([item.signatures[at + 64] - 27]))
        for item in signed
        for at in range(0, len(item.signatures), 65)
    ]


def recover(signatures: list[tuple[bytes, bytes]]) -> None:
    """Recover the public key of each signature, and nothing else."""
    for digest, signature in signatures:
        coincurve.PublicKey.from_signature_and_message(signature, digest, hasher=None)


def main() -> None:
    """Build, verify, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=5_000, help="entries of the history")
    parser.add_argument("--rounds", type=int, default=3, help="how often to verify; the best round is reported")
    parser.add_argument("--profile", action="store_true", help="show where the time goes instead")
    parser.add_argument(
        "--memory", action="store_true", help="measure the peak of a process that verifies a streamed file instead"
    )
    options = parser.parse_args()
    if options.memory:
        measure_memory(options.entries)
        return
    data, block_hash, signed = build(options.entries)
    signatures = signatures_of(signed)
    if options.profile:
        profile = cProfile.Profile()
        profile.runcall(check, data, block_hash)
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)
        return
    gc.disable()  # as the command line does
    rounds = [
        (seconds(partial(check, data, block_hash)), seconds(partial(recover, signatures)))
        for _ in range(options.rounds)
    ]
    checking, recovering_alone = min(a for a, _ in rounds), min(b for _, b in rounds)
    print(f"bundle: {len(signed):,} entries, {len(signatures):,} signatures, {len(data) / 1e6:.1f} MB")
    print(f"verification: {len(signed) / checking:,.0f} entries/s a core ({checking:.2f} s)")
    print(f"bare coincurve recovery: {len(signatures) / recovering_alone:,.0f} signatures/s ({recovering_alone:.2f} s)")
    print(f"verification takes {checking / recovering_alone:.2f} times bare recovery")
    jobs = os.cpu_count() or 1
    clocked: list[list[float]] = []
    for _ in range(options.rounds):
        clocked.append([])
        for many in (1, jobs):
            clocked[-1].append(seconds(partial(check, data, block_hash, many), time.perf_counter))
    one, several = (min(times) for times in zip(*clocked, strict=True))
    print(f"with {jobs} processes it takes {several / one:.2f} of the time of one ({several:.2f} s, {one:.2f} s)")


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

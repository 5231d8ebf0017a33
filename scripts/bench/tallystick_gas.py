"""What the calls and deployments of our three contracts cost on a chain: seals of many sizes, registry and pledges.

- Every figure is the gas of a receipt: base of the transaction, calldata, storage, event, everything.
- A subject of a seal has ten entries. Their number does not matter: a root stands for them.
- "New" is a subject whose log was empty, "known" any other. The operator sealed before, as all but its first batch are.
- A receivable is pledged out of a batch of 100 subjects: 4 and 7 hashes prove its entry and its supplier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from web3 import Web3

from bench.anvil import MOST_GAS, Chain, Deployed
from tallystick.chain.artifacts import CONTRACT_NAMES, load_artifact
from tallystick.protocol import log, merkle, signing
from tallystick.protocol.hashing import keccak256, word
from tallystick.protocol.types import Hash, PartyId

SIZES = (1, 10, 100, 500)
ENTRIES = 10
_AHEAD = 4_000_000_000
"""A time after every run, the same for all, so that the calldata costs the same in each."""

Append = tuple[PartyId, Hash, int]


@dataclass(frozen=True)
class SealGas:
    """Gas of a seal of ``size`` subjects, all new (None when that does not fit into a transaction) and all known."""

    size: int
    new: int | None
    known: int


@dataclass(frozen=True)
class OurGas:
    """All figures; ``calls`` by name.

    ``seals`` ascend by size; the last two are the largest of new and of known subjects that the ledger takes.
    ``calldata`` is that of the seal of 100 known subjects.
    """

    deployments: dict[str, Deployed]
    calls: dict[str, int]
    seals: tuple[SealGas, ...]
    calldata: bytes

    def seal(self, size: int) -> SealGas:
        """The seal of ``size`` subjects, which was measured."""
        return next(seal for seal in self.seals if seal.size == size)


class Bench:
    """Our contracts on ``chain``, and one account per role."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.admin, self.registrar, self.operator, self.signer, self.stranger = chain.accounts[:5]
        self.deployments: dict[str, Deployed] = {}
        registry = self._deploy("PartyRegistry", self.admin, self.registrar)
        ledger = self._deploy("EvidenceLedger", registry.address)
        receivables = self._deploy("ReceivableRegistry", ledger.address)
        self.registry, self.ledger, self.receivables = (c.functions for c in (registry, ledger, receivables))
        self.next_batch = 0

    def seal_call(self, appends: list[Append]) -> Any:
        """The operator's next batch, not sent."""
        return self.ledger.seal(self.next_batch, appends)

    def seal(self, appends: list[Append]) -> int:
        """Gas of the operator's next batch."""
        gas = self.chain.send(self.seal_call(appends), self.operator)
        self.next_batch += 1
        return gas

    def fits(self, appends: list[Append]) -> bool:
        """Whether the operator's next batch, which is not sealed for good, fits into one transaction."""
        with self.chain.undone():
            return self.chain.try_to_send(self.seal_call(appends), self.operator) is not None

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What is sealed in the ``with`` block is undone at its end."""
        next_batch = self.next_batch
        with self.chain.undone():
            yield
        self.next_batch = next_batch

    def _deploy(self, name: Any, *arguments: Any) -> Any:
        assert name in CONTRACT_NAMES
        artifact = load_artifact(name)
        self.deployments[name] = self.chain.deploy(artifact.abi, artifact.bytecode, *arguments)
        return self.deployments[name].contract


def measure(chain: Chain, progress: Callable[[str], None]) -> OurGas:
    """Deploy our contracts on ``chain`` and call them; ``progress`` is told what comes next."""
    progress("deployments and registry")
    bench = Bench(chain)
    calls = registry_calls(bench)
    bench.seal(subjects(1, group="neighbour"))  # writes the operator's counter for the first time
    progress("pledges")
    calls |= receivable_calls(bench)
    seals = []
    for size in SIZES:
        progress(f"seal of {size} subjects")
        seals.append(seal_twice(bench, size))
    ledger = bench.deployments["EvidenceLedger"].contract
    calldata = bytes.fromhex(ledger.encode_abi("seal", [bench.next_batch + 1, subjects(100, batch=1)])[2:])
    progress("most new and most known subjects that fit")
    return OurGas(bench.deployments, calls, (*seals, *largest_seals(bench, seals[-1])), calldata)


def subjects(size: int, *, batch: int = 0, group: str = "party") -> list[Append]:
    """What ``batch`` appends: ``size`` subjects of ``group``, the same in each, with entries of its own."""
    parties = sorted(PartyId(_word(f"{group} {i}")) for i in range(size))
    return [(party, merkle.root(entry_leaves(party, batch)), ENTRIES) for party in parties]


@cache
def entry_leaves(party: PartyId, batch: int) -> tuple[bytes, ...]:
    """The leaves of the entries of ``party`` in ``batch``."""
    entries = [entry(party, batch, index) for index in range(ENTRIES)]
    return tuple(keccak256(keccak256(party + word(i) + b"".join(entries[i]))) for i in range(ENTRIES))


def entry(party: PartyId, batch: int, index: int) -> tuple[bytes, bytes]:
    """Evidence id and signatures hash of an entry: of both, the chain sees no more than that they are hashes."""
    name = f"entry {index} of {party.hex()} in {batch}"
    return _word(name), _word(f"signatures of {name}")


def seal_twice(bench: Bench, size: int) -> SealGas:
    """A seal of ``size`` new subjects, then one of the same."""
    with bench.undone():
        return SealGas(size, new=bench.seal(subjects(size)), known=bench.seal(subjects(size, batch=1)))


def largest_seals(bench: Bench, measured: SealGas) -> tuple[SealGas, SealGas]:
    """The largest seals of new and of known subjects that the ledger takes, near what ``measured`` lets expect."""
    assert measured.new is not None, "this size fits"
    new = _largest(bench, MOST_GAS * measured.size // measured.new)
    allowed = bench.ledger.MAX_BATCH_SUBJECTS().call()
    with bench.undone():
        touched = subjects(allowed)
        for start in range(0, allowed, SIZES[-1]):
            bench.seal(touched[start : start + SIZES[-1]])
        known = _largest(bench, min(allowed, MOST_GAS * measured.size // measured.known))
        gas = bench.seal(subjects(known))
    return seal_twice(bench, new), SealGas(known, None, gas)


def _largest(bench: Bench, guess: int) -> int:
    size = guess
    while bench.fits(subjects(size + 1)):
        size += 1
    while not bench.fits(subjects(size)):
        size -= 1
    return size


def registry_calls(bench: Bench) -> dict[str, int]:
    """Gas of the registry's calls, by name. Admits supplier and both financiers; adds the operator."""
    registry, registrar = bench.registry, bench.registrar
    gas = {}
    for party in ("supplier", "financier", "other financier"):
        gas["admit"] = bench.chain.send(registry.admit(_word(party), _address(party)), registrar)
    for name, call, sender in (
        ("addSigner", registry.addSigner(_word("financier"), bench.signer), registrar),
        ("addSigner", registry.addSigner(_word("supplier"), bench.signer), registrar),
        ("revokeSigner", registry.revokeSigner(_word("supplier"), bench.signer), registrar),
        ("revokeSigner, by itself", registry.revokeSigner(_word("financier"), bench.signer), bench.signer),
        ("addOperator", registry.addOperator(bench.operator), registrar),
        ("removeOperator", registry.removeOperator(bench.operator), registrar),
    ):
        gas[name] = bench.chain.send(call, sender)
    bench.chain.send(registry.addOperator(bench.operator), registrar)
    return gas


def receivable_calls(bench: Bench) -> dict[str, int]:
    """Gas of the calls about a receivable, by name, relayed by a stranger."""
    receivables = bench.receivables
    terms, inclusion = sealed_receivable(bench)
    name = receivables.hashPledge(terms).call()
    transfer = (name, _word("financier"), _word("other financier"), _AHEAD, _word("transfer"))
    back = (name, _word("other financier"), _word("financier"), _AHEAD, _word("back"))
    release = (name, _word("other financier"), _AHEAD, _word("release"))
    again = (*terms[:-1], _word("again"))
    other = (*terms[:-1], _word("other"))

    def signed(digest: Any, *parties: str) -> list[bytes]:
        return [signing.sign(digest.call(), _KEYS[party]) for party in parties]

    both = ("supplier", "financier")
    movers = ("financier", "other financier")
    take_back = receivables.hashCancellation(_word("financier"), receivables.hashTransfer(back).call())
    cancel = receivables.hashCancellation(_word("supplier"), receivables.hashPledge(other).call())
    steps = {
        "pledge": receivables.pledge(terms, inclusion, *signed(receivables.hashPledge(terms), *both)),
        "transfer": receivables.transfer(transfer, *signed(receivables.hashTransfer(transfer), *movers)),
        "release": receivables.release(release, *signed(receivables.hashRelease(release), "other financier")),
        "pledge, again": receivables.pledge(again, inclusion, *signed(receivables.hashPledge(again), *both)),
        "cancelPledge": receivables.cancelPledge(other, _word("supplier"), *signed(cancel, "supplier")),
        "cancelTransfer": receivables.cancelTransfer(back, _word("financier"), *signed(take_back, "financier")),
    }
    return {step: bench.chain.send(call, bench.stranger) for step, call in steps.items()}


def sealed_receivable(bench: Bench) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Terms of a pledge, and the place of its receivable in the batch of 100 subjects that this seals."""
    supplier, batch = PartyId(_word("supplier")), bench.next_batch
    leaves = entry_leaves(supplier, batch)
    appends = sorted([*subjects(99, batch=batch, group="neighbour"), (supplier, merkle.root(leaves), ENTRIES)])
    position = [subject for subject, _, _ in appends].index(supplier)
    bench.seal(appends)
    receivable, signatures_hash = entry(supplier, batch, 0)
    terms = (supplier, receivable, _word("invoice"), _word("financier"), _AHEAD, _AHEAD, _word("nonce"))
    entry_proof = merkle.prove(leaves, 0)
    subject_proof = merkle.prove([log.append_leaf(*append) for append in appends], position)
    return terms, (bench.operator, batch, 0, signatures_hash, ENTRIES, entry_proof, subject_proof)


def _word(label: str) -> bytes:
    return keccak256(label.encode())


def _address(party: str) -> str:
    return Web3.to_checksum_address(signing.private_key_address(_KEYS[party]))


_KEYS = {party: _word(f"signer of {party}") for party in ("supplier", "financier", "other financier")}

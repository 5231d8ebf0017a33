"""Each kind of trouble shows itself at the real adapter as an error that says so, or as the lie it is meant to be."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from chain.rigs import OPERATOR, appends, party
from chain.simulated import Simulation, sign_seal, simulate
from simulation.blocks import Fate
from simulation.faults import Fault, Faults, Limits, storm
from simulation.wordings import Make, already_known, no_finality, nonce_too_low, underpriced
from tallystick.chain.node import Node, NodeTimeout
from tallystick.chain.records import SendOutcome
from tallystick.chain.sender import outcome_of
from tallystick.chain.wire import NodeRefused
from tallystick.errors import ChainError, ChainInconsistent, ChainUnreachable, WrongChain
from tallystick.protocol.types import to_hex

SEALS = 5


def sealed(*, limits: Limits | None = None, finality_depth: int = 4) -> Simulation:
    """A simulation with five seals, one in every second block."""
    simulation = simulate(limits=limits, finality_depth=finality_depth)
    for batch_id in range(SEALS):
        simulation.send(sign_seal(simulation, batch_id))
        simulation.chain.mine(2)
    return simulation


def batch_ids(simulation: Simulation) -> list[int]:
    return [item.batch_id for item in simulation.ledger.sealed_batches(0, simulation.chain.head.number)]


def check_done(simulation: Simulation, kind: Fault, times: int = 1) -> None:
    assert simulation.faults.counts == {kind: times}
    assert len(simulation.faults.done) == times
    assert all(str(kind) in text for text in simulation.faults.done)


def next_batch(simulation: Simulation) -> object:
    return simulation.ledger.next_batch(OPERATOR.address, None)


def final_block(simulation: Simulation) -> object:
    return simulation.ledger.final_block()


# errors


@pytest.mark.parametrize(
    ("kind", "ask", "error", "message"),
    [
        pytest.param(Fault.TIMEOUT_BEFORE, next_batch, NodeTimeout, "no answer in time", id=str(Fault.TIMEOUT_BEFORE)),
        pytest.param(Fault.TIMEOUT_AFTER, next_batch, NodeTimeout, "no answer in time", id=str(Fault.TIMEOUT_AFTER)),
        pytest.param(
            Fault.TOO_MANY_REQUESTS, next_batch, ChainUnreachable, "HTTP status 429", id=str(Fault.TOO_MANY_REQUESTS)
        ),
        pytest.param(Fault.INTERNAL_ERROR, next_batch, NodeRefused, "Internal error", id=str(Fault.INTERNAL_ERROR)),
        pytest.param(
            Fault.WRONG_CHAIN_ID,
            lambda simulation: simulation.ledger.check(),
            WrongChain,
            "chain id: expected",
            id=str(Fault.WRONG_CHAIN_ID),
        ),
        pytest.param(
            Fault.FINALITY_MISSING,
            final_block,
            ChainError,
            "expected it to name a finalized block",
            id=str(Fault.FINALITY_MISSING),
        ),
    ],
)
def test_trouble_is_a_typed_error_once(
    kind: Fault, ask: Callable[[Simulation], object], error: type[Exception], message: str
) -> None:
    """One request fails with the error of its kind; the same again is answered."""
    simulation = sealed()
    simulation.faults.force(kind)
    with pytest.raises(error, match=message):
        ask(simulation)
    ask(simulation)
    check_done(simulation, kind)


def test_a_timeout_before_sends_nothing() -> None:
    """A transaction whose request timed out before it took effect is unknown to the node."""
    simulation = simulate()
    signed = sign_seal(simulation, 0)
    simulation.faults.force(Fault.TIMEOUT_BEFORE)
    with pytest.raises(NodeTimeout):
        simulation.ledger.send(signed.raw)
    assert len(simulation.chain.mempool) == 0


def test_a_timeout_after_has_sent() -> None:
    """A transaction whose answer timed out waits nevertheless, and sending it again is success."""
    simulation = simulate()
    signed = sign_seal(simulation, 0)
    simulation.faults.force(Fault.TIMEOUT_AFTER)
    with pytest.raises(NodeTimeout):
        simulation.ledger.send(signed.raw)
    assert len(simulation.chain.mempool) == 1
    simulation.ledger.send(signed.raw)


def test_a_transaction_taken_and_refused_is_sent() -> None:
    """That the node says it knows a transaction, in whichever words, is success."""
    simulation = simulate()
    for batch_id in range(12):
        simulation.faults.force(Fault.ALREADY_KNOWN)
        simulation.ledger.send(sign_seal(simulation, batch_id).raw)
    assert len(simulation.chain.mempool) == 12
    check_done(simulation, Fault.ALREADY_KNOWN, 12)
    assert len({text.rpartition(" ")[2] for text in simulation.faults.done}) > 1


def test_a_spurious_nonce_too_low_is_a_refusal() -> None:
    """A refusal for a nonce that was right is told as such, and nothing was sent."""
    simulation = simulate()
    signed = sign_seal(simulation, 0)
    simulation.faults.force(Fault.NONCE_TOO_LOW)
    assert simulation.ledger.send(signed.raw) is SendOutcome.NONCE_USED
    assert simulation.ledger.send(signed.raw) is SendOutcome.TAKEN
    check_done(simulation, Fault.NONCE_TOO_LOW)


def test_every_make_of_node_has_its_words() -> None:
    """Each make says in its own words that a transaction is known, too low or underpriced, and is understood (T4)."""
    for make in Make:
        bodies = [already_known(make).body, nonce_too_low(make, 5, 4).body, underpriced(make).body]
        assert [outcome_of(body["message"]) for body in bodies] == list(SendOutcome), make
        assert all(body["code"] < 0 for body in bodies)
    assert outcome_of("insufficient funds for gas * price + value") is None
    assert outcome_of("unknown transaction type") is None
    assert {make for make in Make if no_finality(make) is None} == {Make.NETHERMIND, Make.RETH}


def test_logs_of_an_orphaned_block_are_noticed() -> None:
    """Logs from an abandoned block are refused by the adapter: their block is not canonical."""
    simulation = sealed()
    simulation.chain.reorg(4, fates={Fate.WAITS: 1})
    simulation.faults.force(Fault.LOGS_ORPHANED)
    with pytest.raises(ChainInconsistent, match="expected 0x"):
        batch_ids(simulation)
    check_done(simulation, Fault.LOGS_ORPHANED)


def test_a_header_that_was_made_up_is_noticed_beside_logs() -> None:
    """A header that is not that of the logs under its number is refused."""
    simulation = sealed()
    simulation.faults.force(Fault.UNLINKED_HEADER)
    with pytest.raises(ChainInconsistent, match="expected 0x"):
        batch_ids(simulation)
    check_done(simulation, Fault.UNLINKED_HEADER)


# lies that the adapter alone can't see: the index must


def test_a_missing_receipt_looks_like_waiting() -> None:
    """An included transaction without a receipt is not known to be included, and is at the next question."""
    simulation = simulate()
    signed = simulation.send(sign_seal(simulation, 0))
    simulation.chain.mine()
    simulation.faults.force(Fault.RECEIPT_MISSING)
    assert simulation.ledger.inclusion(signed.hash) is None
    assert simulation.ledger.inclusion(signed.hash) is not None


def test_a_lost_transaction_is_silently_gone() -> None:
    """A waiting transaction that the node loses is unknown, and can be sent again."""
    simulation = simulate()
    signed = sign_seal(simulation, 0)
    simulation.ledger.send(signed.raw)
    simulation.faults.force(Fault.TRANSACTION_LOST)
    assert simulation.ledger.inclusion(signed.hash) is None
    assert len(simulation.chain.mempool) == 0
    simulation.ledger.send(signed.raw)
    assert len(simulation.chain.mempool) == 1


def test_omitted_logs_leave_a_gap() -> None:
    """Left out logs are simply not there, while every block hash is right."""
    simulation = sealed()
    simulation.faults.force(Fault.LOGS_OMITTED)
    told = batch_ids(simulation)
    assert set(told) < set(range(SEALS))
    assert batch_ids(simulation) == list(range(SEALS))


def test_truncated_logs_end_early() -> None:
    """A node that answers at most three logs, without a word, tells the first three."""
    simulation = sealed(limits=Limits(logs=3))
    simulation.faults.force(Fault.LOGS_TRUNCATED)
    assert batch_ids(simulation) == [0, 1, 2]


@pytest.mark.parametrize("kind", [Fault.LOGS_TOO_WIDE, Fault.LOGS_TOO_MANY])
def test_a_limited_node_tells_all_in_small_ranges(kind: Fault) -> None:
    """A node that always refuses wide ranges, or many logs, is asked in smaller ones until all is told."""
    simulation = sealed(limits=Limits(log_blocks=3, logs=2))
    simulation.faults.rates[kind] = 1.0
    assert batch_ids(simulation) == list(range(SEALS))
    assert simulation.faults.counts[kind] > 1


def test_finality_zero_and_regressing() -> None:
    """The final block is told as the first, or as a lower one than it was."""
    simulation = sealed()
    final = simulation.ledger.final_block().number
    simulation.faults.force(Fault.FINALITY_ZERO)
    assert simulation.ledger.final_block().number == 0
    simulation.faults.force(Fault.FINALITY_REGRESSING)
    assert simulation.ledger.final_block().number < final
    assert simulation.ledger.final_block().number == final


def test_a_stale_head_answers_one_request() -> None:
    """One request is answered as of an older head, the next as of the newest."""
    simulation = sealed()
    simulation.faults.force(Fault.STALE_HEAD)
    node = Node(simulation.provider)
    assert node.newest().ref.number < simulation.chain.head.number
    assert node.newest().ref == simulation.chain.head.ref


def test_a_stale_spell_is_consistent() -> None:
    """Within a spell all answers are as of one head: the block after it does not exist, and no log is above it."""
    simulation = sealed(limits=Limits(longest_spell=3))
    simulation.faults.random.seed(3)
    simulation.faults.force(Fault.STALE_SPELL)
    node = Node(simulation.provider)
    head = node.newest().ref
    assert head.number < simulation.chain.head.number
    assert node.header(head.number + 1) is None
    while simulation.faults.spell is not None:
        assert node.newest().ref == head
    assert node.newest().ref == simulation.chain.head.ref


def test_a_side_branch_answers_as_if_nothing_had_happened() -> None:
    """A node that missed a reorganisation tells the old branch's head and state."""
    simulation = sealed()
    old = simulation.chain.head
    simulation.chain.reorg(3)
    simulation.faults.force(Fault.SIDE_BRANCH)
    assert Node(simulation.provider).newest().ref == old.ref
    assert Node(simulation.provider).newest().ref == simulation.chain.head.ref


def test_an_orphan_stands_for_the_header() -> None:
    """Where a block of that number was orphaned, a header out of line is that one."""
    simulation = sealed()
    old = simulation.chain.head
    simulation.chain.reorg(1, length=1)
    simulation.faults.force(Fault.UNLINKED_HEADER)
    assert Node(simulation.provider).block(old.number) == old.ref


# all of it


def test_the_same_seed_makes_the_same_trouble() -> None:
    """Two runs of one seed record the same, whatever is asked alike; a calm node troubles nobody."""

    def run(seed: int) -> str:
        simulation = sealed()
        faults = Faults(seed, storm(0.05))
        simulation.provider.faults = faults
        for _ in range(100):
            for method, params in (
                ("eth_getLogs", [{"fromBlock": "0x0", "toBlock": "latest"}]),
                ("eth_getBlockByNumber", ["finalized", False]),
                ("eth_getTransactionReceipt", [to_hex(bytes(32))]),
            ):
                try:
                    simulation.provider.make_request(method, params)
                except ChainUnreachable:
                    continue
        done = len(faults.done)
        faults.calm()
        assert batch_ids(simulation) == list(range(SEALS))
        assert len(faults.done) == done > 20
        return str(faults).partition("]: ")[2]

    assert run(1) == run(1) != run(2)


def test_a_storm_spares_what_it_is_told_to() -> None:
    """A storm has every kind of trouble at one rate but those named."""
    rates = storm(0.5, Fault.WRONG_CHAIN_ID)
    assert set(rates) == set(Fault) - {Fault.WRONG_CHAIN_ID}
    assert set(rates.values()) == {0.5}


def test_blocks_may_come_between_requests() -> None:
    """What is told before each request may move the chain: a reorganisation between two requests is noticed."""
    simulation = sealed(finality_depth=20)
    asked: list[str] = []

    def reorganise(method: str) -> None:
        asked.append(method)
        if method == "eth_getBlockByNumber" and asked.count(method) == 1:
            simulation.chain.reorg(9)

    simulation.provider.before_request = reorganise
    with pytest.raises(ChainInconsistent):
        batch_ids(simulation)
    assert asked[0] == "eth_getLogs"


def test_a_seal_gets_through_a_storm() -> None:
    """With every fifth request in trouble, a seal that is sent until it stands on the chain stands there once."""
    for seed in range(10):
        simulation = simulate(seed=seed, rates=storm(0.03))
        batch = appends("buyer")
        for _ in range(60):
            with suppress(ChainError):
                account, fees = simulation.ledger.account(OPERATOR.address), simulation.ledger.suggest_fees()
                if account.next_batch == 0:
                    signed = simulation.ledger.sign_seal(OPERATOR.address, OPERATOR.sign, 0, batch, account.nonce, fees)
                    simulation.ledger.send(signed.raw)
            simulation.chain.mine()
        simulation.faults.calm()
        assert batch_ids(simulation) == [0], str(simulation.faults)
        assert simulation.ledger.head(party("buyer"), simulation.chain.head.ref) != bytes(32)

"""What the doctor makes of what a node and an account show; the whole of it runs in tests/end_to_end."""

from __future__ import annotations

import pytest

from tallystick.chain.probe import Finality, Standing
from tallystick.doctor import Level, judge_balance, judge_clock, judge_finality, judge_operator
from tallystick.protocol.types import BlockRef, Hash, Timestamp


def block(number: int, fork: int = 0) -> BlockRef:
    return BlockRef(number, Hash(bytes([fork]) * 24 + number.to_bytes(8, "big")), Timestamp(1_700_000_000 + number))


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (Finality(block(300), None, None, None), "does not know"),
        (Finality(block(300), block(230), block(230), None), "does not know"),
        (Finality(block(300), block(0), block(0), block(0)), "block 0 is called final"),
        (Finality(block(300), block(230), block(230), block(229)), "went back"),
        (Finality(block(300), block(230), block(230, fork=1), block(230)), "another hash"),
        (Finality(block(300), block(230), None, block(230)), "another hash"),
    ],
)
def test_a_final_block_that_can_not_be_relied_on_fails(found: Finality, says: str) -> None:
    """No tag, nothing final on a long chain, a final block that goes back, or two blocks of one number."""
    finding = judge_finality(found)
    assert (finding.level, says in finding.says) == (Level.FAIL, True)
    assert finding.todo


def test_a_young_chain_may_have_nothing_final_yet() -> None:
    """Block 0 is a good answer as long as the chain is short; a later one always is."""
    assert judge_finality(Finality(block(50), block(0), block(0), block(0))).level is Level.OK
    assert judge_finality(Finality(block(300), block(230), block(230), block(231))).level is Level.OK


@pytest.mark.parametrize(("ahead", "level"), [(-31, Level.FAIL), (-30, Level.OK), (600, Level.OK), (601, Level.WARN)])
def test_a_clock_behind_the_chain_fails(ahead: int, level: Level) -> None:
    """What is issued by a slow clock would be older than what it answers; an old newest block may be a quiet chain."""
    assert judge_clock(ahead).level is level


@pytest.mark.parametrize(
    ("balance", "batch", "level"),
    [
        (99, 100, Level.FAIL),
        (100, 100, Level.WARN),
        (9_999, 100, Level.WARN),
        (10_000, 100, Level.OK),
        (1, None, Level.WARN),
    ],
)
def test_an_operator_should_be_able_to_pay(balance: int, batch: int | None, level: Level) -> None:
    """Not even one batch fails; fewer than a hundred, or a base fee above the limit, is a warning."""
    finding = judge_balance(Standing(True, False, balance, batch))
    assert finding.level is level
    assert bool(finding.todo) == (level is not Level.OK)


def test_an_account_that_is_no_operator_fails() -> None:
    """Who may not seal is told what the registrar has to send."""
    finding = judge_operator("0x12", Standing(False, False, 0, None))
    assert finding.level is Level.FAIL
    assert "addOperator(0x12)" in finding.todo
    assert judge_operator("0x12", Standing(True, False, 0, None)).level is Level.OK

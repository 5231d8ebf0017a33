"""Several processes find the same signers as one, in the same order."""

from __future__ import annotations

from hashlib import sha256

import pytest

from tallystick.protocol.signing import private_key_address, sign
from tallystick.protocol.standing import recover_one_by_one
from tallystick.protocol.types import EvidenceId
from tallystick.service.recovery import CHUNK, WORTH_IT, recovering


def signed(number: int) -> tuple[EvidenceId, bytes, int]:
    """Evidence ``number``: every seventh has no signature that is one, every fifth two of them."""
    evidence_id = EvidenceId(sha256(number.to_bytes(8, "big")).digest())
    count = 2 if number % 5 == 0 else 1
    signatures = b"".join(sign(evidence_id, bytes([7 + i]) * 32) for i in range(count))
    return evidence_id, bytes(65) if number % 7 == 0 else signatures, count


def test_no_job_is_the_same_as_one() -> None:
    """Without further processes it is done here."""
    with recovering(1) as recover_all:
        assert recover_all is recover_one_by_one


@pytest.mark.parametrize("count", [0, 1, WORTH_IT - 1, WORTH_IT, WORTH_IT + 9 * CHUNK + 3])
def test_signers_come_in_order_from_any_number_of_processes(count: int) -> None:
    """More chunks than the processes take at once, one, and none: each evidence gets its own signers."""
    evidence = [signed(number % 1000) for number in range(count)]
    with recovering(2) as recover_all:
        found = list(recover_all(iter(evidence)))
    assert found == list(recover_one_by_one(evidence))
    if count > 1:
        assert found[0] is None
        assert found[1] == (private_key_address(bytes([7]) * 32),)


def test_what_fails_in_another_process_is_raised_here() -> None:
    """A fault of the program is no verdict: it is not swallowed."""
    with recovering(2) as recover_all, pytest.raises(TypeError):
        list(recover_all([(EvidenceId(bytes(32)), None, 1)] * WORTH_IT))  # type: ignore[list-item]

"""A report derived part by part, from a spooled log, is the report derived from the log at once."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from mutation.worlds import random_world
from protocol.world import CODE_HASHES, World
from tallystick.protocol.bundle import format_bundle
from tallystick.service import spool
from tallystick.service.check import check, check_stream, verdict_json
from tallystick.service.report import derive


@pytest.mark.parametrize("near", [0, spool.NEAR])
def test_random_histories_come_to_the_same_report_spooled_and_held(near: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "NEAR", near)
    monkeypatch.setattr(spool, "PART_ENTRIES", 1)
    for number in range(25):
        rng = Random(f"spooled {number}")
        world, who = random_world(rng)
        assert isinstance(world, World)
        hide = rng.choice([(), (), {"payableAmount", "note", "correctionType"}])
        data = format_bundle(world.bundle(who.party, hide=hide, withhold=rng.choice([(), {1}]), derive=derive))

        def chunks(data: bytes = data) -> Iterator[bytes]:
            return (data[at : at + 4_096] for at in range(0, len(data), 4_096))

        def unread() -> bytes:
            raise AssertionError("a valid bundle is read in parts")

        given = {"code_hashes": CODE_HASHES, "ledger": world.ledger}
        whole, parted = check(data, **given), check_stream(chunks, unread, **given)  # type: ignore[arg-type]
        assert whole.failed is None, whole.message
        assert verdict_json(parted) == verdict_json(whole)

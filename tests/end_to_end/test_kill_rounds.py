"""Hundreds of rounds are run by ``scripts/kill_rounds.py``; here a few, and proof that its oracle notices a loss."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

import kill_rounds
from kill_rounds import Client, Oracle
from nodes import NoNode, anvil
from postgresql import NoServer, server_programs
from service.world import BUYER, CONTRACT, INVOICE, SUPPLIER, changed, in_memory
from tallystick.cli.receipt import receipt_json
from tallystick.protocol.types import to_hex
from tallystick.service import seal
from tallystick.service.receipts import receipts_of

SCRIPT = Path(kill_rounds.__file__)


def test_a_promise_that_was_not_kept_is_noticed() -> None:
    """A receipt for what is in no log, another receipt than the kept one, and a lost document are differences."""
    with in_memory() as world:
        world.party("Supplier GmbH", SUPPLIER)
        world.party("Buyer AG", BUYER)
        world.record(CONTRACT)
        records = world.record({**changed(INVOICE, invoiceNumber="K-1"), "label": None})
        seal.seal(world.context)
        [(evidence_id, signed)] = receipts_of(world.context, records).items()
        client = Client("", {to_hex(evidence_id): receipt_json(signed)}, _numbers=1)
        assert Oracle(world.context, client).judge(random.Random(0)) == []
        client.receipts["0x" + "11" * 32] = None
        client.receipts[to_hex(evidence_id)] = None
        client._numbers = 2
        said = " ".join(Oracle(world.context, client).judge(random.Random(0)))
    assert "in no log: 0x1111" in said
    assert "the receipt given is not the one kept" in said
    assert "3 documents answered, 2 evidence kept" in said


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_killed_at_random_moments_nothing_is_lost_or_doubled(database: str) -> None:
    """A few rounds of SIGKILL on a real server, on a chain that is reorganised: no difference."""
    try:
        with anvil():
            pass
        if database == "postgresql":
            server_programs()
    except (NoNode, NoServer) as error:
        pytest.skip(str(error))
    command = [sys.executable, str(SCRIPT), "--rounds", "4", "--seed", "5", "--database", database]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    last = done.stdout.splitlines()[-1]
    assert last.startswith("4 rounds, ")
    assert last.endswith(" receipts, 0 differences")

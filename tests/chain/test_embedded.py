"""The embedded chain: kept in a file, dated by its user, closed when done."""

from __future__ import annotations

from pathlib import Path

import pytest

from chain.rigs import FUNDED, GENESIS_TIMESTAMP, OPERATOR, appends, deploy_on, party, seal
from tallystick.chain.embedded import EmbeddedProvider, open_embedded
from tallystick.chain.ledger import EvmChain
from tallystick.errors import ChainError, ChainUnreachable
from tallystick.protocol.types import Timestamp


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    """A file that is no chain is left alone."""
    path = tmp_path / "chain.sqlite"
    path.write_bytes(b"supplier,buyer,amount\n" * 100)
    with pytest.raises(ChainError, match="embedded chain"):
        open_embedded(path)


def test_a_folder_that_is_missing_is_refused(tmp_path: Path) -> None:
    """A path that can't be opened is a typed error."""
    with pytest.raises(ChainError, match="embedded chain"):
        open_embedded(tmp_path / "missing" / "chain.sqlite")


def test_another_genesis_than_stored_is_refused(tmp_path: Path) -> None:
    """An existing chain is not reopened as another one."""
    open_embedded(tmp_path / "chain.sqlite", chain_id=7).close()
    with pytest.raises(ChainError, match="chain id 7"):
        open_embedded(tmp_path / "chain.sqlite", chain_id=8)


def test_time_never_goes_back(provider: EmbeddedProvider) -> None:
    """The next block can't be dated at or before the newest."""
    with pytest.raises(ChainError, match="next block timestamp"):
        provider.set_next_timestamp(GENESIS_TIMESTAMP)


def test_a_closed_chain_is_unreachable(provider: EmbeddedProvider) -> None:
    """After closing no request is answered; closing twice does nothing."""
    chain = deploy_on(provider)
    provider.close()
    provider.close()
    with pytest.raises(ChainUnreachable, match="closed"):
        chain.final_block()


def test_the_chain_is_as_it_was_after_reopening(tmp_path: Path) -> None:
    """Blocks, heads and batches survive closing and opening the file."""
    path = tmp_path / "chain.sqlite"
    provider = open_embedded(path, funded=FUNDED, genesis_timestamp=GENESIS_TIMESTAMP)
    chain = deploy_on(provider)
    provider.set_next_timestamp(Timestamp(GENESIS_TIMESTAMP + 86_400))
    seal(chain, OPERATOR, appends("buyer"))
    final = chain.final_block()
    head, batches = chain.head(party("buyer"), final), chain.sealed_batches(0, final.number)
    provider.close()

    again = open_embedded(path)
    reopened = EvmChain(again, chain.deployment)
    reopened.check()
    assert reopened.final_block() == final
    assert final.timestamp == GENESIS_TIMESTAMP + 86_400
    assert reopened.head(party("buyer"), final) == head
    assert reopened.sealed_batches(0, final.number) == batches
    again.close()


def test_finality_may_stay_behind(tmp_path: Path) -> None:
    """With a finality depth the final block stays so many blocks behind the newest."""
    provider = open_embedded(None, funded=FUNDED, finality_depth=3)
    chain = deploy_on(provider)
    number = seal(chain, OPERATOR, appends("buyer"))
    assert chain.final_block() == chain.block(number - 3)
    provider.close()

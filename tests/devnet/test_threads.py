"""One node used from several threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from devnet.support import BUYER, LENDER, OPERATOR, SUPPLIER, deploy, head_number, make_config, note
from hardhat_free_devnet import DevNode


def test_requests_from_many_threads_are_answered_one_at_a_time(tmp_path: Path) -> None:
    """Seal every transaction of every thread in a block of its own, with readers in between."""
    with DevNode.open(tmp_path / "chain.db", make_config()) as node:
        notebook = deploy(node, OPERATOR)

        def write(author: Any) -> list[str]:
            return [note(node, author, notebook, word) for word in range(12)]

        def read(_: Any) -> list[str]:
            sizes = [len(node.request("eth_getLogs", [{"fromBlock": "0x0"}])) for _ in range(20)]
            assert sizes == sorted(sizes)
            return []

        with ThreadPoolExecutor(max_workers=5) as threads:
            work = [threads.submit(write, author) for author in (SUPPLIER, BUYER, LENDER)]
            work += [threads.submit(read, None) for _ in range(2)]
            sent = [each for future in work for each in future.result()]
        assert len(set(sent)) == 36
        assert head_number(node) == 37
        assert {node.request("eth_getTransactionReceipt", [each])["status"] for each in sent} == {"0x1"}

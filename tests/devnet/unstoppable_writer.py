"""Program for the kill -9 test: send notes to a chain file for ever, and print each hash once it is acknowledged."""

from __future__ import annotations

import sys
from pathlib import Path

from devnet.support import BUYER, SUPPLIER, make_config, note
from hardhat_free_devnet import DevNode


def main(path: str, notebook: str, first_word: str) -> None:
    with DevNode.open(Path(path), make_config()) as node:
        word = int(first_word)
        while True:
            sent = note(node, (SUPPLIER, BUYER)[word % 2], notebook, word)
            sys.stdout.write(f"{word} {sent}\n")
            sys.stdout.flush()
            word += 1


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Importing the package is cheap; only the modules that talk to a node load web3.py."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["", ".records", ".memory", ".events", ".reverts", ".transactions"])
def test_web3_is_not_loaded(module: str) -> None:
    """Values, codecs and the chain in memory need no web3.py."""
    program = f"import sys, tallystick.chain{module}; sys.exit('web3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

"""Where the passphrase of the keystore comes from: the environment, else a prompt on a terminal."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping

from tallystick.errors import KeystoreError

VARIABLE = "TALLYSTICK_PASSPHRASE"
NEW_VARIABLE = "TALLYSTICK_NEW_PASSPHRASE"
"""The passphrase that `tallystick key rewrap --to passphrase` is to put the keystore under."""


def read_passphrase(environment: Mapping[str, str], *, confirm: bool = False, variable: str = VARIABLE) -> str:
    """The passphrase in ``variable`` of ``environment``, else typed at the terminal, twice where ``confirm``.

    Raises:
        KeystoreError: it is empty, there is no terminal to ask at, or the second one differs from the first.
    """
    if variable in environment:
        passphrase = environment[variable]
        if not passphrase:
            raise KeystoreError(f"{variable} is set, but empty.", todo="Put the passphrase of the keystore into it.")
        return passphrase
    if not sys.stdin.isatty():
        raise KeystoreError(
            "Expected the passphrase of the keystore, got none: there is no terminal to ask at.",
            todo=f"Put it into {variable}.",
        )
    passphrase = _ask("Passphrase of the keystore: " if variable == VARIABLE else "New passphrase of the keystore: ")
    if confirm and _ask("The same again: ") != passphrase:
        raise KeystoreError("The two passphrases differ.", todo="Type the same one twice.")
    return passphrase


def _ask(prompt: str) -> str:
    try:
        answer = getpass.getpass(prompt)
    except EOFError:
        answer = ""
    if not answer:
        raise KeystoreError("Expected a passphrase, got an empty one.", todo="Type the passphrase of the keystore.")
    return answer
